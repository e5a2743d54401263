"""What one control says about a model: pass, fail, unknown, not applicable or waived, and why."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Status(StrEnum):
    """What a control came to. Only `pass` is a pass; `unknown` never is one."""

    PASS = "pass"  # noqa: S105 - a word, no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    """The evidence that it needs is missing or could not be read."""
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"
    """It failed or is unknown, and somebody answers for that until a date."""


class Basis(StrEnum):
    """What a control rests on; the two are counted apart."""

    COMPUTED = "computed"
    """On bytes that were read and digests that were compared."""
    DECLARED = "declared"
    """On what somebody states, for example in a model card: true only as far as they are."""


class Waived(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who answers for a control that did not pass, until when, and why."""

    by: str
    until: datetime
    reason: str
    instead_of: Status
    """What the control came to by itself: `fail` or `unknown`."""
    approval: str = ""
    """What the waiver's approval is known by: an entry of the audit log, a digest of its file."""


class ControlResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One control of the catalogue, held against one model."""

    id: str
    title: str
    status: Status
    basis: Basis
    expected: str
    measured: str
    fix: str
    maps_to: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    """The kinds of evidence that it looks at."""
    waived: Waived | None = None


class ControlResults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All controls of some packs, held against one model."""

    root: str
    """Of the model that they are about, in hex."""
    packs: tuple[str, ...]
    """Every pack that was evaluated whole, by name."""
    catalogue_digest: str
    """Hex SHA-256 of the catalogue's canonical form."""
    results: tuple[ControlResult, ...]
    """In the order of the catalogue."""
    members: dict[str, tuple[str, ...]]
    """Pack -> the ids of its controls, with those of the packs that it includes."""
