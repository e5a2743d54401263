"""What the quoted PCRs say of how the node booted and what it ran: each judged, or said not to be.

A PCR is `match` by one of these, and `unjudged` where none applies:

- any PCR: its value is among `pcrs` of a reference file
- PCR 4: the event log leads to it; each digest in it is in `boot.allow`, a separator, or the
  firmware's note that it calls a boot option or comes back from one; and one is in `boot.allow`
- PCR 7: the event log leads to it; SecureBoot = 1 comes before the separator; and each other digest
  is in `boot.variables` or a separator
- a PCR of the boot, where no event log was sent: the last full attestation of this boot judged it,
  and it has the value that it had then
- PCR 10: the list of measured files leads to it, from the boot or from the last quote that was
  accepted, and each entry is allowed by `ima` or is the aggregate of the quoted PCRs

It is `mismatch` if a reference file lists other values, or if the event log (PCRs 0 to 9, 14) or
the list (PCR 10) that was sent leads elsewhere or holds what is not allowed; nothing outweighs
that. From 8 up it is `unused` while it is zero. That a log leads to a PCR judges nothing by itself:
it says what was measured, not that it is wanted.
"""

from collections.abc import Mapping

import msgspec

from lotabots.evidence import Caches, Facts, TpmState
from lotabots.evidence.schemes.tpm.boot_checks import check_boot
from lotabots.evidence.schemes.tpm.carried import carried
from lotabots.evidence.schemes.tpm.chain import Problem
from lotabots.evidence.schemes.tpm.format import ImaPart
from lotabots.evidence.schemes.tpm.ima_checks import check_ima
from lotabots.evidence.schemes.tpm.judged import Judged
from lotabots.evidence.schemes.tpm.reference import TpmReference


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was judged: facts for policies, problems for people, and where the IMA list stands."""

    facts: Facts
    findings: tuple[Problem, ...]
    stands_on: frozenset[bytes] = frozenset()
    """The values of reference files by which PCRs were judged good, those for PCR 10 excepted."""
    ima_entries: int = 0
    """How many entries need not be sent again in this boot, once the quote is accepted."""
    ima_pcr: str = ""
    """Hex of PCR 10 after that many; empty where there are none."""


def judge_measurements(
    *,
    quoted: Mapping[int, bytes],
    event_log: bytes | None,
    ima: ImaPart | None,
    state: TpmState | None,
    rebooted: bool,
    reference: TpmReference,
    caches: Caches,
) -> Measured:
    """The facts `pcrs`, `measurements`, `secure_boot`, `event_log` and `ima`, and what was found.

    `quoted` are values that the TPM signed. Nothing raises, whatever the logs are.
    """
    judged = Judged(quoted)
    for name, reason in reference.unreadable:
        judged.find("TPM-REFERENCE-MALFORMED", "reference values", f"{name[:100]}: {reason}")
    for pcr, value in sorted(quoted.items()):
        good = reference.pcrs.get(pcr)
        if good is None:
            continue
        if value in good:
            judged.good.add(pcr)
            judged.stands_on.add(value)
            continue
        judged.bad.add(pcr)
        listed = f"PCR {pcr}: {min(good).hex()}" + (f" or {len(good) - 1} more" * (len(good) > 1))
        judged.find("TPM-PCR-MISMATCH", listed, value.hex())
    known = None if rebooted else state
    if event_log is None:
        judged.good |= carried(known, quoted)
    booted = check_boot(judged, event_log, reference, caches)
    measured, place = check_ima(judged, ima, known, reference.ima)
    return Measured(
        facts=judged.facts() | booted | measured,
        findings=tuple(judged.findings),
        stands_on=frozenset(judged.stands_on),
        ima_entries=place.entries,
        ima_pcr=place.pcr,
    )
