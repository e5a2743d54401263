"""The event log held against the quote and the reference values: what it proves of the boot."""

from lotabots.evidence import Caches, Facts
from lotabots.evidence.schemes.tpm.boot import APPLICATIONS, AUTHORITIES, Boot, read_boot
from lotabots.evidence.schemes.tpm.event_log import ZERO
from lotabots.evidence.schemes.tpm.judged import MAX_NAMED, Judged
from lotabots.evidence.schemes.tpm.reference import TpmReference
from lotabots.kernel import LotaError, equal

LOGGED = (*range(10), 14)
"""PCRs that only firmware, boot loader and shim extend, who write each event down. What is in the
others, the running system put there."""


def check_boot(
    judged: Judged, event_log: bytes | None, reference: TpmReference, caches: Caches
) -> Facts:
    """`secure_boot` and `event_log` as policies see them; PCRs 4 and 7 are judged if they can be.

    To be called once the PCRs were held against their reference values.
    """
    if event_log is None:
        _require_log(judged, reference)
        return _facts("absent", None, frozenset())
    try:
        boot = read_boot(event_log, caches)
    except LotaError as error:
        judged.find(error.code, str(error.details["expected"]), str(error.details["measured"]))
        return _facts("malformed", None, frozenset())
    explained = _compare(judged, boot)
    status = "match" if explained >= judged.quoted.keys() & set(LOGGED) else "mismatch"
    judged.findings.extend(boot.false)
    unseparated = [str(pcr) for pcr in boot.unseparated if pcr in explained]
    if unseparated:
        judged.find("TPM-BOOT-SEPARATOR", "a separator", f"none in PCR {', '.join(unseparated)}")
    if reference.secure_boot and (AUTHORITIES not in explained or boot.secure_boot != "enabled"):
        measured = boot.secure_boot if AUTHORITIES in explained else "unknown"
        judged.find("TPM-SECURE-BOOT", "enabled", measured)
    if APPLICATIONS in explained:
        _check_applications(judged, boot, reference)
    if AUTHORITIES in explained:
        _check_authorities(judged, boot, reference)
    return _facts(status, boot, explained)


def _require_log(judged: Judged, reference: TpmReference) -> None:
    """A problem where a reference file judges by the log, and the PCR's own value does not."""
    needed = []
    if reference.secure_boot or reference.variables:
        needed.append(AUTHORITIES)
    if reference.applications:
        needed.append(APPLICATIONS)
    missing = [str(pcr) for pcr in sorted(needed) if pcr not in judged.good]
    if missing:
        judged.find("TPM-EVENTLOG-ABSENT", f"what led to PCR {' and '.join(missing)}", "no log")


def _compare(judged: Judged, boot: Boot) -> frozenset[int]:
    """The quoted PCRs that the log leads to; of the others it is said that it does not."""
    explained = set()
    for pcr in LOGGED:
        value = judged.quoted.get(pcr)
        if value is None:
            continue
        replayed = boot.pcrs.get(pcr, ZERO)
        if equal(value, replayed):
            explained.add(pcr)
            continue
        judged.bad.add(pcr)
        judged.find(
            "TPM-EVENTLOG-MISMATCH", f"PCR {pcr}: {value.hex()}", f"a log of {replayed.hex()}"
        )
    return frozenset(explained)


def _check_applications(judged: Judged, boot: Boot, reference: TpmReference) -> None:
    """PCR 4: every digest is allowed, a separator or an action, and one at least is allowed."""
    if not reference.applications or boot.applications is None:
        return
    others = [one for one in boot.applications if one.digest not in reference.applications]
    wrong = [one.digest.hex() for one in others if one.application]
    if wrong:
        judged.bad.add(APPLICATIONS)
        judged.find_each("TPM-BOOT-APPLICATION", "an application that is allowed", wrong)
    elif boot.applications and not others:
        judged.good.add(APPLICATIONS)
        judged.stands_on.update(one.digest for one in boot.applications)


def _check_authorities(judged: Judged, boot: Boot, reference: TpmReference) -> None:
    """PCR 7: secure boot is on, and every other digest is of a variable or signer that is known."""
    if not reference.variables or boot.authorities is None:
        return
    wrong = [digest.hex() for digest in boot.authorities if digest not in reference.variables]
    if wrong:
        judged.bad.add(AUTHORITIES)
        judged.find_each("TPM-BOOT-VARIABLE", "a variable or signer that is allowed", wrong)
    elif boot.secure_boot == "enabled":
        judged.good.add(AUTHORITIES)
        judged.stands_on.update(boot.authorities)


def _facts(status: str, boot: Boot | None, explained: frozenset[int]) -> Facts:
    """What the log says of the PCRs that it leads to; of the others nothing is known."""
    facts: Facts = {
        "secure_boot": "unknown",
        "event_log": {"status": status, "events": 0, "firmware": "", "applications": []},
    }
    if boot is None:
        return facts
    named = [one.digest.hex() for one in boot.applications or () if one.application]
    return {
        "secure_boot": boot.secure_boot if AUTHORITIES in explained else "unknown",
        "event_log": {
            "status": status,
            "events": boot.events,
            "firmware": boot.firmware if 0 in explained else "",
            "applications": [*named[:MAX_NAMED]] if APPLICATIONS in explained else [],
        },
    }
