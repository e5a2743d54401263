"""A compliance report: every control with its answer, counted by what it rests on; no percentage.

A share of controls that pass says nothing without those that nobody could judge: the counts and the
list of those are one value here, and there is no number that stands for both.
"""

from datetime import datetime
from typing import Literal

import msgspec

from lotabots.appraisal.controls import Basis, ControlResult, ControlResults, Status
from lotabots.appraisal.verdict import Appraiser, Outcome
from lotabots.kernel import canonical, format_time, sha256_hex, strict_struct

MAX_REPORT_BYTES = 4 * 1024 * 1024


class Count(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many controls came to what."""

    passed: int
    failed: int
    unknown: int
    not_applicable: int
    waived: int


class Summary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The counts, apart by what they rest on, and never without what was not evaluated."""

    computed: Count
    declared: Count
    unevaluated: tuple[str, ...]
    """Ids of the controls that could not be judged, waived ones among them."""


class ComplianceReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model held against one catalogue. Every digest is lowercase hex SHA-256."""

    format: Literal["lotabots/compliance-report/v1"] = "lotabots/compliance-report/v1"
    outcome: Outcome
    """Rejected where a control failed, else inconclusive where one is unknown, else accepted."""
    name: str
    version: str
    root: str
    policy_id: str
    """The trust policy that the controls on signatures asked; empty where none was given."""
    titles: dict[str, str]
    """Pack -> what it is called."""
    controls: ControlResults
    summary: Summary
    evaluated_at: datetime
    appraiser: Appraiser

    def canonical(self) -> bytes:
        """The RFC 8785 bytes of this report: the same inputs give the same bytes, anywhere."""
        plain: dict[str, object] = msgspec.to_builtins(self, builtin_types=(datetime,))
        return canonical(_with_times(plain))

    @property
    def digest(self) -> str:
        """Lowercase hex SHA-256 of `canonical()`."""
        return sha256_hex(self.canonical())

    @classmethod
    def read(cls, data: bytes) -> "ComplianceReport":
        """The report that `canonical()` wrote. Raises LotaError (JSON_*)."""
        return strict_struct(data, cls, max_bytes=MAX_REPORT_BYTES)


def outcome_of(results: tuple[ControlResult, ...]) -> Outcome:
    """What the worst control says; no control at all is nothing that was judged."""
    statuses = {result.status for result in results}
    if Status.FAIL in statuses:
        return Outcome.REJECTED
    return Outcome.INCONCLUSIVE if Status.UNKNOWN in statuses or not results else Outcome.ACCEPTED


def summary_of(results: tuple[ControlResult, ...]) -> Summary:
    """The counts of these results."""
    return Summary(
        computed=_count(results, Basis.COMPUTED),
        declared=_count(results, Basis.DECLARED),
        unevaluated=tuple(result.id for result in results if _unevaluated(result)),
    )


def _unevaluated(result: ControlResult) -> bool:
    waived = result.waived
    return result.status is Status.UNKNOWN or (
        waived is not None and waived.instead_of is Status.UNKNOWN
    )


def _count(results: tuple[ControlResult, ...], basis: Basis) -> Count:
    statuses = [result.status for result in results if result.basis is basis]
    return Count(
        passed=statuses.count(Status.PASS),
        failed=statuses.count(Status.FAIL),
        unknown=statuses.count(Status.UNKNOWN),
        not_applicable=statuses.count(Status.NOT_APPLICABLE),
        waived=statuses.count(Status.WAIVED),
    )


def _with_times(value: object) -> object:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, dict):
        return {key: _with_times(one) for key, one in value.items()}
    return [_with_times(one) for one in value] if isinstance(value, list | tuple) else value
