"""Checking a TPM's quote and replaying its logs, against keylime and tpm2_eventlog."""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from struct import pack

from benchmarks.peers import BENCH, environment
from benchmarks.table import Row, against
from lotabots.evidence import Caches
from lotabots.evidence.schemes.tpm import PCRS, verify_quote
from lotabots.evidence.schemes.tpm.boot import read_boot
from lotabots.evidence.schemes.tpm.ima import read_ima, replay
from lotabots.evidence.schemes.tpm.public import Alg
from lotabots.evidence.schemes.tpm.quote import covers
from lotabots.simulator.tpm import Algorithm, SimulatedTpm

ROOT = Path(__file__).resolve().parent.parent
VECTORS = Path(os.environ.get("LOTABOTS_VECTORS", ROOT.parent / "shared" / "vectors")) / "tpm"
EVENT_LOG = VECTORS / "eventlog-keylime" / "binary_bios_measurements-secureboot"
IMA_LIST = VECTORS / "ima-keylime" / "ascii_runtime_measurements"
KEYLIME = (
    "keylime==7.14.3",
    "cryptography==50.0.2",
    "jinja2==3.1.6",
    "jsonschema==4.26.0",
    "lark==1.3.1",
    "packaging==26.4",
    "psutil==7.2.2",
    "pyasn1==0.6.5",
    "pyasn1-modules==0.4.2",
    "pyyaml==6.0.4",
    "pyzmq==27.3.0",
    "requests==2.34.2",
    "sqlalchemy==2.1.9",
    "tornado==6.6.1",
    "typing-extensions==4.16.0",
)
ROUNDS, QUOTES, LISTS, LOGS = 8, 150, 6, 12
MOST_US = 250
NONCE = sha256(b"lotabots/benchmarks/quote").digest()

NOTES = [
    "Medians of CPU, alternating rounds. Quotes and list: keylime 7.14.3 in its own environment,",
    "same cryptography; the same simulated quotes (P-256, RSA 2048) over 12 PCRs, the same",
    "published list of 826 files. Both check signature, nonce and PCR digest, from base64 and hex;",
    "keylime's clock and PCR policies are off. Ours remembers the parsed attestation key, keylime",
    "parses it each time: `first` is ours with nothing remembered. Event log (99 events, 41 KB):",
    "tpm2_eventlog, which keylime runs as a program for each check, so its start is counted. Ours",
    "also tells secure boot, applications, separators, firmware; `eventlog-known-us` is the same",
    "log again. `ima-us` is for one entry: parsed, both template hashes computed, replayed.",
]


def run() -> tuple[list[Row], list[str]]:
    """The rows, and what has to be said about them."""
    if not VECTORS.is_dir():
        sys.exit("This benchmark needs the published vectors: set LOTABOTS_VECTORS.")
    tpms = {one.name.lower(): SimulatedTpm(b"benchmark", one) for one in Algorithm}
    lines = IMA_LIST.read_text()
    entries = read_ima(lines)
    pcr = bytes(32)
    for entry in entries:
        pcr = sha256(pcr + entry.extension).digest()
    peer = Peer({name: peer_quote(tpm) for name, tpm in tpms.items()}, lines, pcr)
    log = EVENT_LOG.read_bytes()
    warm = Caches()
    ours: Mapping[str, tuple[Callable[[], object], int]] = {
        **{name: (our_quote(tpm, lambda: warm), QUOTES) for name, tpm in tpms.items()},
        **{f"{name}-first": (our_quote(tpm, Caches), QUOTES) for name, tpm in tpms.items()},
        "ima": (lambda: replay(read_ima(lines), bytes(32), pcr), LISTS),
        "log": (lambda: read_boot(log, Caches()), LOGS),
        "known": (lambda: read_boot(log, warm), QUOTES),
    }
    spent: dict[str, list[float]] = {name: [] for name in ours}
    theirs: dict[str, list[float]] = {name: [] for name in (*tpms, "ima", "log")}
    for turn in range(ROUNDS + 1):
        for name, (check, runs) in ours.items():
            found = times(check, runs)
            spent[name] += found if turn else []  # the first turn warms both up
        for name in (*tpms, "ima"):
            found = peer.times(name, LISTS if name == "ima" else QUOTES)
            theirs[name] += found if turn else []
        theirs["log"] += by_tpm2_tools(LOGS) if turn else []
    return rows(spent, theirs, len(entries)), NOTES


def rows(
    spent: Mapping[str, list[float]], theirs: Mapping[str, list[float]], entries: int
) -> list[Row]:
    mine = {name: statistics.median(some) for name, some in spent.items()}
    peers = {name: statistics.median(some) for name, some in theirs.items() if some}
    return [
        bounded("quote-us", mine["ecc"], peers["ecc"]),
        against("quote-first-us", mine["ecc-first"], peers["ecc"], "us", None),
        bounded("quote-rsa-us", mine["rsa"], peers["rsa"]),
        against("quote-rsa-first-us", mine["rsa-first"], peers["rsa"], "us", None),
        (
            against("eventlog-us", mine["log"], peers["log"], "us", 10)
            if "log" in peers
            else Row("eventlog-us", mine["log"], None, "us", None, "no tpm2_eventlog here", None)
        ),
        Row("eventlog-known-us", mine["known"], None, "us", None, "shown", None),
        against("ima-us", mine["ima"] / entries, peers["ima"] / entries, "us", 1),
    ]


def bounded(metric: str, ours: float, peer: float) -> Row:
    """A row with a bound on ours, and the peer beside it."""
    return Row(metric, ours, peer, "us", peer / ours, f"<= {MOST_US} us", ours <= MOST_US)


def our_quote(tpm: SimulatedTpm, caches: Callable[[], Caches]) -> Callable[[], None]:
    """What we do with a quote and its PCR values as they are sent: base64 and hex."""
    quoted = tpm.quote(NONCE)
    attest, signature = b64encode(quoted.attest), b64encode(quoted.signature)
    sent = {str(number): tpm.pcrs[number].hex() for number in PCRS}
    key = tpm.ak.public

    def check() -> None:
        quote = verify_quote(key, b64decode(attest), b64decode(signature), NONCE, caches())
        pcrs = {int(number): bytes.fromhex(value) for number, value in sent.items()}
        if quote.pcrs != PCRS or not covers(quote, pcrs, Alg.SHA256):
            raise SystemExit("the quote does not cover the PCRs")

    return check


def peer_quote(tpm: SimulatedTpm) -> dict[str, str]:
    """The same quote as keylime is given it: `r`, then quote, signature and PCRs in base64."""
    quoted = tpm.quote(NONCE)
    parts = (quoted.attest, quoted.signature, pcr_file([tpm.pcrs[number] for number in PCRS]))
    key = tpm.ak.public
    return {
        "ak": b64encode(pack(">H", len(key)) + key).decode(),
        "nonce": NONCE.hex(),
        "quote": "r" + ":".join(b64encode(part).decode() for part in parts),
    }


def pcr_file(values: list[bytes]) -> bytes:
    """PCR values as tpm2_quote writes them: TPML_PCR_SELECTION and TPML_DIGESTs from memory."""
    bitmap = sum(1 << number for number in PCRS).to_bytes(3, "little")
    selection = pack("<I", 1) + pack("<HB", 0x000B, 3) + bitmap + bytes(2) + bytes(15 * 8)
    lists = [values[start : start + 8] for start in range(0, len(values), 8)]
    digests = b"".join(
        pack("<I", len(some))
        + b"".join(pack("<H", len(one)) + one.ljust(64, b"\0") for one in some)
        + bytes((8 - len(some)) * 66)
        for some in lists
    )
    return selection + pack("<I", len(lists)) + digests


def by_tpm2_tools(runs: int) -> list[float]:
    """The same of tpm2_eventlog for the log, its start included; none where it is not here."""
    tool = shutil.which("tpm2_eventlog")
    if tool is None:
        return []
    spent = []
    for _ in range(runs):
        start = of_children()
        subprocess.run([tool, str(EVENT_LOG)], capture_output=True, check=True)
        spent.append((of_children() - start) * 1_000_000)
    return spent


def of_children() -> float:
    """Seconds of CPU of all processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def times(check: Callable[[], object], runs: int) -> list[float]:
    """Microseconds of CPU of each run: other programs on the machine do not count."""
    spent = []
    for _ in range(runs):
        start = time.thread_time()
        check()
        spent.append((time.thread_time() - start) * 1_000_000)
    return spent


class Peer:
    """keylime in its own process, asked for a number of runs at a time."""

    def __init__(self, quotes: Mapping[str, dict[str, str]], lines: str, pcr: bytes) -> None:
        python = environment("keylime", *KEYLIME)
        given = BENCH / "keylime-input.json"
        ima = {"lines": lines, "pcr": pcr.hex()}
        given.write_text(json.dumps({"quotes": quotes, "ima": ima}))
        script = ROOT / "benchmarks" / "peers" / "keylime_quote.py"
        self._process = subprocess.Popen(
            [str(python), str(script), str(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=BENCH,
        )

    def times(self, name: str, runs: int) -> list[float]:
        """Microseconds of CPU of each run."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peer has no pipes")
        self._process.stdin.write(f"{name} {runs}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the peer stopped; run it by hand to see why")
        return [float(value) for value in json.loads(line)]
