"""A machine whose measurements are judged: what it holds, what it sends, what is expected."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import cast

from evidence.tpm.logs import (
    APPLICATIONS,
    BOOT,
    KEYS,
    SIGNER,
    Made,
    event_log,
    extended,
    ima_log,
    ima_pcr,
    measured,
)

from lotabots.evidence import Caches, Facts, ReferenceFiles, TpmState
from lotabots.evidence.schemes.tpm import PCRS, ImaPart
from lotabots.evidence.schemes.tpm.codes import BY_NAME
from lotabots.evidence.schemes.tpm.measurements import Measured, judge_measurements
from lotabots.evidence.schemes.tpm.reference import FORMAT, load_reference

Entries = Sequence[tuple[str, bytes]]
ZERO = bytes(32)
LOG = event_log(BOOT)
BOOTED = extended(BOOT)
LOGGED = (*range(10), 14)
FILES = [measured(f"/usr/bin/{name}") for name in "abcdef"]
ALLOWED = [
    {"path": f"/usr/bin/{name}", "digests": [sha256(f"/usr/bin/{name}".encode()).hexdigest()]}
    for name in "abcdef"
]
APPS = [one.digest().hex() for one in APPLICATIONS]
VARIABLES = [one.digest().hex() for one in (*KEYS, SIGNER)]


def aggregate(pcrs: Mapping[int, bytes], last: int = 9) -> tuple[str, bytes]:
    joined = b"".join(pcrs[pcr] for pcr in range(last + 1))
    return measured("boot_aggregate", f"sha256:{sha256(joined).hexdigest()}")


def quoted(events: Sequence[Made] = BOOT, ima: Entries = ()) -> dict[int, bytes]:
    pcrs = {pcr: value for pcr, value in extended(events).items() if pcr in PCRS}
    return pcrs | {10: ima_pcr(ima)}


def judge(
    events: Sequence[Made] = BOOT,
    ima: Entries = (),
    *,
    log: bytes | None = LOG,
    held: Mapping[int, bytes] | None = None,
    sent: ImaPart | None = None,
    state: TpmState | None = None,
    rebooted: bool = False,
    reference: Mapping[str, object] | None = None,
) -> Measured:
    """What is said of a machine that measured these events and files, or holds these PCRs."""
    files = {}
    if reference is not None:
        files["r.json"] = json.dumps({"format": FORMAT, "name": "x", **reference}).encode()
    caches = Caches()
    return judge_measurements(
        quoted=quoted(events, ima) if held is None else held,
        event_log=log,
        ima=sent,
        state=state,
        rebooted=rebooted,
        reference=load_reference(ReferenceFiles.of(files), caches),
        caches=caches,
    )


def codes(found: Measured) -> list[str]:
    assert all(problem.code in BY_NAME for problem in found.findings)
    return [problem.code for problem in found.findings]


def part(facts: Facts, name: str) -> Facts:
    value = facts[name]
    assert isinstance(value, dict)
    return value


def statuses(found: Measured) -> dict[int, str]:
    return {
        int(pcr): cast("str", cast("Facts", one)["status"])
        for pcr, one in part(found.facts, "pcrs").items()
    }


def whole(entries: Entries, start: int = 0) -> ImaPart:
    return ImaPart(start=start, log=ima_log(entries))


def state(entries: Entries) -> TpmState:
    return TpmState(
        reset_count=1,
        restart_count=0,
        clock=1,
        ima_entries=len(entries),
        ima_pcr=ima_pcr(entries).hex() if entries else "",
    )


def values(*left_out: int, events: Sequence[Made] = BOOT) -> dict[str, object]:
    pcrs = extended(events)
    return {str(pcr): [pcrs[pcr].hex()] for pcr in LOGGED if pcr not in left_out}


GOOD = {
    "pcrs": values(),
    "secure_boot": True,
    "boot": {"allow": APPS, "variables": VARIABLES},
    "ima": {"allow": ALLOWED},
}


def by_log(events: Sequence[Made], **reference: object) -> Measured:
    """Judged by the true log of these events alone."""
    return judge(events, log=event_log(events), reference=reference)
