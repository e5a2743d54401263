"""What the quoted PCRs say of how the node booted and what it ran: each judged, or said not to be.

Nothing judges them yet: every PCR is `unjudged`, which no default policy accepts.
"""

from collections.abc import Mapping

import msgspec

from lotabots.evidence import Caches, Facts, ReferenceFiles, TpmState
from lotabots.evidence.schemes.tpm.chain import Problem
from lotabots.evidence.schemes.tpm.format import ImaPart


class TpmReference(msgspec.Struct, frozen=True, kw_only=True):
    """The reference values for TPMs in the reference files."""

    digest: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was judged: facts for policies, problems for people, and where the IMA log stands."""

    facts: Facts
    findings: tuple[Problem, ...]
    ima_entries: int = 0
    ima_pcr: str = ""


def load_reference(files: ReferenceFiles, caches: Caches) -> TpmReference:
    """The reference values in these files."""
    del files, caches
    return TpmReference()


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
    """The facts of these PCRs."""
    del event_log, ima, state, rebooted, reference, caches
    numbers: list[int] = sorted(quoted)
    return Measured(
        facts={
            "pcrs": {
                str(number): {"status": "unjudged", "value": quoted[number].hex()}
                for number in numbers
            },
            "measurements": {
                "matched": [],
                "mismatched": [],
                "unjudged": [*numbers],
                "unused": [],
            },
            "secure_boot": "unknown",
            "event_log": {"status": "absent", "events": 0},
            "ima": {"status": "absent", "entries": 0, "violations": 0, "unjudged": 0, "denied": 0},
        },
        findings=(),
    )
