"""The quoted PCRs under judgement: what speaks for each, what against it, and what was found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lotabots.evidence import Facts
from lotabots.evidence.schemes.tpm.chain import Problem

PcrStatus: TypeAlias = Literal["match", "mismatch", "unjudged", "unused"]

MAX_NAMED = 20
"""Problems of one code that are named; what is beyond them is counted in the last one."""
UNUSED_FROM = 8
"""PCRs below belong to the firmware, which extends each of them by a separator at least."""


@dataclass(slots=True)
class Judged:
    """The quoted PCRs and what was said of them so far."""

    quoted: Mapping[int, bytes]
    good: set[int] = field(default_factory=set)
    """PCRs that something judged to be as wanted."""
    bad: set[int] = field(default_factory=set)
    """PCRs that something contradicts, which no other thing can make good."""
    findings: list[Problem] = field(default_factory=list)
    stands_on: set[bytes] = field(default_factory=set)
    """The values of reference files by which something was judged good."""

    def find(self, code: str, expected: str, measured: str) -> None:
        """Notes a problem."""
        self.findings.append(Problem(code, expected, measured))

    def find_each(self, code: str, expected: str, measured: Iterable[str]) -> None:
        """Notes a problem for each of these, and how many there are beyond `MAX_NAMED`."""
        found = list(measured)
        for one in found[:MAX_NAMED]:
            self.find(code, expected, one)
        if len(found) > MAX_NAMED:
            self.find(code, expected, f"{len(found) - MAX_NAMED} more")

    def status(self, pcr: int) -> PcrStatus:
        """How this PCR stands: what contradicts it weighs most, and silence is no judgement."""
        if pcr in self.bad:
            return "mismatch"
        if pcr in self.good:
            return "match"
        if pcr >= UNUSED_FROM and not any(self.quoted[pcr]):
            return "unused"
        return "unjudged"

    def facts(self) -> Facts:
        """`pcrs` and `measurements` as policies see them."""
        statuses = {pcr: self.status(pcr) for pcr in sorted(self.quoted)}
        return {
            "pcrs": {
                str(pcr): {"status": status, "value": self.quoted[pcr].hex()}
                for pcr, status in statuses.items()
            },
            "measurements": {
                name: [pcr for pcr, one in statuses.items() if one == status]
                for name, status in (
                    ("matched", "match"),
                    ("mismatched", "mismatch"),
                    ("unjudged", "unjudged"),
                    ("unused", "unused"),
                )
            },
        }
