"""keylime's check of a quote (`Tpm.check_quote`) and of an IMA list, on the same bytes as ours.

Runs in an environment of its own. The wheel names no dependencies; those that these two need are
pinned by the caller, and `gpg`, which is not on PyPI, is an empty module: nothing here uses it.
The policies are keylime's empty ones: signature, nonce and PCR digest of a quote; parse, template
hashes and replay of a list.

usage: keylime_quote.py INPUT.json, of {"quotes": {name: {"ak", "nonce", "quote"}}, "ima": {"lines",
"pcr"}}; then lines of a name (or `ima`) and a number of runs on stdin, answered with a JSON list of
microseconds of CPU.
"""

import json
import logging
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

out, sys.stdout = sys.stdout, sys.stderr
logging.disable(logging.CRITICAL)
sys.modules["gpg"] = types.ModuleType("gpg")

from keylime.common.algorithms import Hash  # noqa: E402
from keylime.ima import ima  # noqa: E402
from keylime.tpm.tpm_main import Tpm  # noqa: E402


def quote_check(given: dict[str, str]) -> Callable[[], None]:
    tpm = Tpm()
    nonce = bytes.fromhex(given["nonce"])

    def check() -> None:
        failure = tpm.check_quote(
            None, nonce, None, given["quote"], given["ak"], skip_pcr_check=True
        )
        if failure:
            raise SystemExit(f"the peer refused the quote: {failure.get_event_ids()}")

    return check


def list_check(given: dict[str, str]) -> Callable[[], None]:
    def check() -> None:
        value, _ = ima.process_measurement_list(
            None, given["lines"].split("\n"), pcrval=given["pcr"], hash_alg=Hash.SHA256
        )
        if value != given["pcr"]:
            raise SystemExit("the peer came to another PCR")

    return check


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    checks = {name: quote_check(one) for name, one in given["quotes"].items()}
    checks["ima"] = list_check(given["ima"])
    for line in sys.stdin:
        name, runs = line.split()
        times = []
        for _ in range(int(runs)):
            start = time.thread_time()
            checks[name]()
            times.append((time.thread_time() - start) * 1_000_000)
        out.write(json.dumps(times) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
