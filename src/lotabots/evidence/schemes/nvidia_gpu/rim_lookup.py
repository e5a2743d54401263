"""Which RIM belongs to what a device reports: NVIDIA's ids, and the best file for one of them.

A RIM file does not carry its id. What it carries, signed, is edition, product and version; files
are found by that. NVIDIA signs the same RIM anew every year or two, so several files may fit: a
valid one is preferred, then the latest signed. Where no file fits, one that carries the id in its
name is looked at to say what is wrong with it; its values are never used.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice

import msgspec
from msgspec import structs

from lotabots.evidence import Anchor, Caches, Finding
from lotabots.evidence.schemes.nvidia_gpu.codes import finding
from lotabots.evidence.schemes.nvidia_gpu.collateral import Collateral, RimFile
from lotabots.evidence.schemes.nvidia_gpu.rim import Rim, RimStatus, verify_rim
from lotabots.evidence.schemes.nvidia_gpu.rim_values import RimIdentity, RimKind

MAX_CANDIDATES = 16
"""Most files verified for one id."""

_PREFERENCE = (
    RimStatus.VALID,
    RimStatus.NOT_YET_VALID,
    RimStatus.EXPIRED,
    RimStatus.UNTRUSTED,
    RimStatus.INVALID,
)


class RimQuery(msgspec.Struct, frozen=True):
    """The RIM that a device's signed report asks for."""

    id: str
    """NVIDIA's id, as its RIM service knows it."""
    identity: RimIdentity
    """What the signed tag has to say."""


def driver_query(chip: str, version: str, chip_info: str = "") -> RimQuery:
    """The driver RIM; `chip_info` is opaque field 35, absent in older Blackwell reports."""
    if chip == "GH100":
        name = f"NV_GPU_DRIVER_GH100_{version}"
    else:
        name = f"NV_GPU_CC_DRIVER_{chip_info or chip}_{version}"
    return RimQuery(name, RimIdentity(RimKind.DRIVER, chip, version))


def vbios_query(
    chip: str, version: str, *, project: str, project_sku: str, chip_sku: str
) -> RimQuery:
    """The VBIOS RIM; project, project SKU and chip SKU are opaque fields 17, 18 and 15."""
    name = f"NV_GPU_VBIOS_{project}_{project_sku}_{chip_sku}_{version.replace('.', '')}".upper()
    return RimQuery(name, RimIdentity(RimKind.VBIOS, chip, version.upper()))


def switch_query(chip: str, version: str) -> RimQuery:
    """The switch's BIOS RIM; there is one board, so its project and SKUs are fixed."""
    name = f"NV_SWITCH_BIOS_5612_0002_890_{version.replace('.', '')}".upper()
    return RimQuery(name, RimIdentity(RimKind.SWITCH, chip, version.upper()))


def find_rim(
    query: RimQuery,
    collateral: Collateral,
    *,
    subject: str,
    anchors: tuple[Anchor, ...],
    now: datetime,
    caches: Caches,
) -> Rim:
    """The best RIM for the query, judged at `now`; its findings are the only ones that count."""

    def judged(files: Iterable[RimFile]) -> list[Rim]:
        return [
            verify_rim(file.document, subject=subject, anchors=anchors, now=now, caches=caches)
            for file in islice(files, MAX_CANDIDATES)
        ]

    candidates = judged(collateral.rims.get(query.identity, ()))
    if candidates:
        return structs.replace(min(candidates, key=_rank), id=query.id)
    return _without_candidates(query, collateral, subject, judged)


def _without_candidates(
    query: RimQuery,
    collateral: Collateral,
    subject: str,
    judged: Callable[[Iterable[RimFile]], list[Rim]],
) -> Rim:
    """What is wrong with the files that carry the id in their name; missing if none does."""
    named = _named(query)
    files = [
        file for group in collateral.rims.values() for file in group if named.search(file.name)
    ]
    others = tuple(_other(query, file.document.claimed, subject) for file in files[:MAX_CANDIDATES])
    unproven = [rim for rim in judged(files) if not rim.proven]
    if unproven:
        best = min(unproven, key=_rank)
        return structs.replace(best, id=query.id, findings=(*best.findings, *others))
    malformed = tuple(
        finding("NV-RIM-SCHEMA", subject, expected=f"a {query.identity}", measured=reason)
        for name, reason in collateral.malformed_rims
        if named.search(name)
    )
    if malformed:
        return Rim(RimStatus.INVALID, id=query.id, findings=malformed[:MAX_CANDIDATES])
    missing = finding(
        "NV-RIM-MISSING", subject, expected=query.id, measured=_present(query, collateral)
    )
    return Rim(RimStatus.MISSING, id=query.id, findings=(missing, *others))


def _rank(rim: Rim) -> tuple[int, float, str]:
    """Smallest is best: status, then the latest signed; the digest makes it one order."""
    signed = rim.not_before.timestamp() if rim.not_before is not None else 0.0
    return _PREFERENCE.index(rim.status), -signed, rim.sha256


def _named(query: RimQuery) -> re.Pattern[str]:
    """Finds the id of a query in a file name, and not that of a longer version."""
    name = re.escape(query.id)
    return re.compile(rf"(?<![0-9a-z]){name}(?!\.?[0-9])(?![a-z])", re.IGNORECASE)


def _other(query: RimQuery, found: RimIdentity, subject: str) -> Finding:
    wanted = query.identity
    same = (found.kind, found.product) == (wanted.kind, wanted.product)
    code = "NV-RIM-VERSION" if same else "NV-RIM-PRODUCT"
    return finding(code, subject, expected=f"a {wanted}", measured=f"a {found} under this name")


def _present(query: RimQuery, collateral: Collateral) -> str:
    """The versions that are there for this kind and chip, for the message."""
    wanted = query.identity
    versions = sorted(
        identity.version
        for identity in collateral.rims
        if (identity.kind, identity.product) == (wanted.kind, wanted.product)
    )
    if not versions:
        return f"no {wanted.kind} RIM for {wanted.product}"
    shown = ", ".join(versions[:3])
    more = f" and {len(versions) - 3} more" if len(versions) > 3 else ""
    return f"{wanted.kind} RIMs of {wanted.product} for {shown}{more}"
