"""Approved versions: which driver and VBIOS an operator lets a chip run, compared as numbers.

The file is JSON, written by the operator and covered by the reference bundle's signature:

    {"schema": "lotabots/approved-versions/v1",
     "versions": [{"chip": "GH100",
                   "driver": {"min": "550.90.07", "approved": [], "denied": ["570.86.10"]},
                   "vbios": {"min": "96.00.9F.00.01"}}]}

Driver versions are dotted decimals (580.9 is older than 580.95), VBIOS versions dotted hex bytes.
"""

import re
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from lotabots.evidence import Finding
from lotabots.evidence.schemes.nvidia_gpu.codes import finding, refuse
from lotabots.kernel import LotaError, strict_json

SCHEMA = "lotabots/approved-versions/v1"
MAX_BYTES = 256 * 1024
MAX_ENTRIES = 256
MAX_LISTED = 1024
"""Most versions in one list."""

Component: TypeAlias = Literal["driver", "vbios"]
Number: TypeAlias = tuple[int, ...]

_DECIMAL = re.compile(r"[0-9]{1,5}(\.[0-9]{1,5}){0,5}")
_HEX = re.compile(r"[0-9A-Fa-f]{2}(\.[0-9A-Fa-f]{2}){4}")


class Approval(StrEnum):
    """What the operator says about a version; the values of the fact `versions.<component>`."""

    APPROVED = "approved"
    BELOW = "below"
    DENIED = "denied"
    UNLISTED = "unlisted"


# When several files speak of one chip the strictest word counts.
_STRICTNESS = (Approval.APPROVED, Approval.UNLISTED, Approval.BELOW, Approval.DENIED)


class VersionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one component of one chip may be: not denied, not older than `min`, else approved."""

    min: str | None = None
    approved: tuple[str, ...] = ()
    """When not empty, these and no others."""
    denied: tuple[str, ...] = ()


class ChipVersions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules for one chip."""

    chip: str
    driver: VersionRule | None = None
    vbios: VersionRule | None = None


class ApprovedVersions(msgspec.Struct, frozen=True):
    """Everything the reference files say about versions. Empty: nothing is approved."""

    rules: tuple[ChipVersions, ...] = ()
    unreadable: tuple[str, ...] = ()
    """Files that claim the schema and cannot be read: what they deny is not known."""

    def judge(
        self, subject: str, chip: str, component: Component, version: str
    ) -> tuple[Approval, tuple[Finding, ...]]:
        """What the operator says about this version, with a finding unless there is no rule."""
        if self.unreadable:
            return Approval.UNLISTED, (
                finding(
                    "NV-VERSION-UNREADABLE",
                    subject,
                    expected=f"approved versions in the form {SCHEMA}",
                    measured=", ".join(self.unreadable[:3]),
                ),
            )
        rules = [getattr(entry, component) for entry in self.rules if entry.chip == chip]
        judged = [_judge(rule, component, version) for rule in rules if rule is not None]
        if not judged:
            return Approval.UNLISTED, ()
        approval, expected = max(judged, key=lambda item: _STRICTNESS.index(item[0]))
        code = _CODES.get(approval)
        if code is None or not expected:
            return approval, ()
        measured = f"{component} {version[:64]}"
        return approval, (finding(code, subject, expected=expected, measured=measured),)


_CODES = {
    Approval.BELOW: "NV-VERSION-BELOW",
    Approval.DENIED: "NV-VERSION-DENIED",
    Approval.UNLISTED: "NV-VERSION-UNLISTED",
}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    versions: tuple[ChipVersions, ...]


def read_versions(data: bytes) -> tuple[ChipVersions, ...]:
    """The rules in one file. Raises NV-VERSION-UNREADABLE; a version it cannot order is refused."""
    try:
        content = msgspec.convert(strict_json(data, max_bytes=MAX_BYTES, max_depth=8), _File)
    except msgspec.ValidationError as error:
        raise _unreadable(str(error)) from error
    except LotaError as error:
        raise _unreadable(error.detail) from error
    if content.schema != SCHEMA or len(content.versions) > MAX_ENTRIES:
        raise _unreadable(f"schema {content.schema[:64]!r}, {len(content.versions)} entries")
    for entry in content.versions:
        _check_rule(entry.driver, "driver")
        _check_rule(entry.vbios, "vbios")
    return content.versions


def number(component: Component, version: str) -> Number | None:
    """The version as numbers that order as versions do; None if it is not a version.

    Trailing zeros are dropped: 545.00 is 545.
    """
    if component == "driver":
        if not _DECIMAL.fullmatch(version):
            return None
        parts = [int(part) for part in version.split(".")]
    else:
        if not _HEX.fullmatch(version):
            return None
        parts = [int(part, 16) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _judge(rule: VersionRule, component: Component, version: str) -> tuple[Approval, str]:
    """The approval and what was expected; no expectation where the rule has no opinion."""
    here = number(component, version)
    if here is None:
        return Approval.UNLISTED, f"a {component} version"
    if here in _numbers(component, rule.denied):
        return Approval.DENIED, f"none of {', '.join(rule.denied[:8])}"
    if rule.min is not None and here < (number(component, rule.min) or ()):
        return Approval.BELOW, f"{rule.min} or newer"
    if rule.approved:
        if here in _numbers(component, rule.approved):
            return Approval.APPROVED, ""
        return Approval.UNLISTED, f"one of {', '.join(rule.approved[:8])}"
    return (Approval.APPROVED if rule.min is not None else Approval.UNLISTED), ""


def _numbers(component: Component, versions: tuple[str, ...]) -> set[Number | None]:
    return {number(component, version) for version in versions}


def _check_rule(rule: VersionRule | None, component: Component) -> None:
    if rule is None:
        return
    listed = (*rule.approved, *rule.denied, *(() if rule.min is None else (rule.min,)))
    if len(listed) > MAX_LISTED:
        raise _unreadable(f"{len(listed)} versions in one rule; at most {MAX_LISTED}")
    for version in listed:
        if number(component, version) is None:
            raise _unreadable(f"{version[:64]!r} is not a {component} version")


def _unreadable(reason: str) -> LotaError:
    return refuse("NV-VERSION-UNREADABLE", expected=f"the form {SCHEMA}", measured=reason)
