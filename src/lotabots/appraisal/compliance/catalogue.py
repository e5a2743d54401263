"""Packs of controls: which check each control asks, what it maps to, and what it is named by.

pack: house
version: 1
title: What our models must have
includes: [core]
controls:
  - id: ACME-LIC-01
    title: A licence that legal has read
    check: licence-allowed         # a registered check; what it rests on is its own
    params: {allowed: [Apache-2.0, MIT]}
    maps_to: ["EU AI Act Annex XI 1(f)"]
    severity: high
    on_missing: fail               # or unknown: what missing evidence comes to
    waivable: true
    why: ...
    fix: ...
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from lotabots.appraisal.accepted import Line, Paragraph
from lotabots.appraisal.compliance.answer import Check
from lotabots.appraisal.compliance.checks import CHECKS
from lotabots.appraisal.compliance.packs import TEXTS
from lotabots.appraisal.rule import Name, Severity
from lotabots.kernel import Kind, LotaError, canonical, invalid, sha256_hex
from lotabots.kernel.yaml_text import Reading, read_yaml

CATALOGUE = Reading("catalogue", "CATALOGUE_MALFORMED", "CATALOGUE_TOO_LARGE")
MAX_CONTROLS = 128
MAX_PACKS = 16

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9]{0,15}(?:-[A-Z0-9]{1,15}){1,4}\Z")]


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One control as its pack writes it."""

    id: Id
    title: Line
    check: Name
    params: dict[str, object] = {}
    """For the check; a field that it does not know is refused."""
    maps_to: Annotated[tuple[Line, ...], msgspec.Meta(max_length=16)] = ()
    severity: Severity
    """How much it matters to the reader; it decides nothing."""
    on_missing: Literal["fail", "unknown"] = "unknown"
    waivable: bool = True
    why: Paragraph
    fix: Paragraph


class Pack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pack as it is written."""

    pack: Name
    version: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    title: Line
    description: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    includes: Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_PACKS)] = ()
    controls: Annotated[tuple[Control, ...], msgspec.Meta(max_length=MAX_CONTROLS)]


class LoadedControl(msgspec.Struct, frozen=True):
    """A control with its check and the check's parameters."""

    control: Control
    check: Check
    parameters: Any


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Some packs, with all that they include. Only `load_catalogue` makes one."""

    packs: tuple[str, ...]
    """Every pack in it, those that others include first."""
    titles: Mapping[str, str]
    versions: Mapping[str, int]
    members: Mapping[str, tuple[str, ...]]
    """Pack -> ids of its controls and of those of the packs that it includes."""
    controls: tuple[LoadedControl, ...]
    digest: str
    """Hex SHA-256 of the packs in canonical form, in this order."""


def read_pack(data: bytes) -> Pack:
    """The pack that these bytes (YAML or JSON) write. Raises CATALOGUE_*, JSON_*."""
    plain = read_yaml(data, CATALOGUE)
    try:
        pack = msgspec.convert(plain, Pack)
    except msgspec.ValidationError as error:
        detail = f"This catalogue has another shape: {error}."
        raise invalid("CATALOGUE_MALFORMED", detail) from error
    for control in pack.controls:
        _load(control)
    return pack


def load_catalogue(names: Iterable[str], own: Iterable[bytes] = ()) -> Catalogue:
    """These built-in packs and these of one's own, with all that they include.

    Raises LotaError: CATALOGUE_PACK_UNKNOWN, CATALOGUE_MALFORMED, CATALOGUE_TOO_LARGE, JSON_*.
    """
    given = [read_pack(data) for data in own]
    known = {pack.pack: pack for pack in given}
    if len(known) != len(given) or known.keys() & TEXTS.keys():
        raise invalid("CATALOGUE_MALFORMED", "Two packs have one name, or one that is built in.")
    placed: dict[str, Pack] = {}
    members: dict[str, tuple[str, ...]] = {}
    for name in (*names, *(pack.pack for pack in given)):
        _place(name, known, placed, members, ())
    if not placed or len(placed) > MAX_PACKS:
        raise invalid("CATALOGUE_MALFORMED", f"A catalogue is 1 to {MAX_PACKS} packs.")
    controls = [control for pack in placed.values() for control in pack.controls]
    if len({control.id for control in controls}) != len(controls):
        raise invalid("CATALOGUE_MALFORMED", "Two controls have one id.")
    return Catalogue(
        packs=tuple(placed),
        titles={pack.pack: pack.title for pack in placed.values()},
        versions={pack.pack: pack.version for pack in placed.values()},
        members=members,
        controls=tuple(map(_load, controls)),
        digest=sha256_hex(canonical(msgspec.to_builtins(tuple(placed.values())))),
    )


def _place(
    name: str,
    known: dict[str, Pack],
    placed: dict[str, Pack],
    members: dict[str, tuple[str, ...]],
    above: tuple[str, ...],
) -> None:
    """Puts a pack behind those that it includes."""
    if name in placed:
        return
    if name in above or len(above) >= MAX_PACKS:
        raise invalid("CATALOGUE_MALFORMED", f"The pack {name} includes itself.")
    if name not in known:
        if name not in TEXTS:
            words = f"No built-in pack has this name; known: {', '.join(TEXTS)}."
            raise LotaError(Kind.NOT_FOUND, "CATALOGUE_PACK_UNKNOWN", words)
        known[name] = read_pack(TEXTS[name].encode())
    pack = known[name]
    ids: dict[str, None] = {}
    for one in pack.includes:
        _place(one, known, placed, members, (*above, name))
        ids.update(dict.fromkeys(members[one]))
    ids.update(dict.fromkeys(control.id for control in pack.controls))
    if not ids:
        raise invalid("CATALOGUE_MALFORMED", f"The pack {name} has no control.")
    placed[name] = pack
    members[name] = tuple(ids)


def _load(control: Control) -> LoadedControl:
    check = CHECKS.get(control.check)
    if check is None:
        known = ", ".join(CHECKS)
        detail = f"Control {control.id}: `{control.check}` is no check; known: {known}."
        raise invalid("CATALOGUE_MALFORMED", detail)
    try:
        parameters = msgspec.convert(control.params, check.parameters)
    except msgspec.ValidationError as error:
        detail = f"Control {control.id}: its params have another shape: {error}."
        raise invalid("CATALOGUE_MALFORMED", detail) from error
    return LoadedControl(control, check, parameters)
