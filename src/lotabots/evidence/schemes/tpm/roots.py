"""Whose endorsement keys are trusted: the roots and intermediates that reference files bring.

{"format": "lotabots/tpm-roots/v1", "roots": [PEM, ...], "intermediates": [PEM, ...]}, each PEM one
certificate. Such a file comes in a signed bundle; a node cannot send one.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec

from lotabots.evidence import Anchor, Caches, ReferenceFiles, Slot
from lotabots.evidence.schemes.tpm.certificates import MAX_PEM, Certificate, read_certificates
from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.kernel import LotaError, canonical, sha256_hex, strict_struct

FORMAT = "lotabots/tpm-roots/v1"
MAX_FILE = 4 * 1024 * 1024
MAX_LISTED = 1_024

_Listed = Annotated[
    tuple[Annotated[str, msgspec.Meta(max_length=MAX_PEM)], ...],
    msgspec.Meta(max_length=MAX_LISTED),
]


class _Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal["lotabots/tpm-roots/v1"]
    roots: _Listed
    intermediates: _Listed = ()


class Roots(msgspec.Struct, frozen=True, kw_only=True):
    """What the reference files say of TPM makers."""

    anchors: tuple[Anchor, ...]
    certificates: tuple[Certificate, ...]
    """Roots and intermediates: what a chain may need and a node need not send."""
    digest: str
    """Hex SHA-256 over the files that were used; names do not count."""
    sources: Mapping[bytes, tuple[str, ...]]
    """SubjectPublicKeyInfo (SHA-256) of a root -> the files that name it, by SHA-256 in hex."""
    ignored: tuple[tuple[str, str], ...]
    """(name, reason) of each file of roots that cannot be used."""


ROOTS: Slot[ReferenceFiles, Roots] = Slot("tpm.roots", 16)


def load_roots(reference: ReferenceFiles, caches: Caches) -> Roots:
    """The roots in these files, read once for each `caches`. Never raises."""
    memory = caches.of(ROOTS)
    return memory.get(reference) or memory.put(reference, _load(reference))


def read_roots(data: bytes) -> tuple[tuple[Certificate, ...], tuple[Certificate, ...]]:
    """The roots and the intermediates of one file. LotaError TPM-ROOTS-MALFORMED."""
    try:
        text = strict_struct(data, _Text, max_bytes=MAX_FILE, max_depth=2)
        return _read_each(text.roots), _read_each(text.intermediates)
    except LotaError as error:
        raise refuse(
            "TPM-ROOTS-MALFORMED", expected=f"JSON of {FORMAT}", measured=error.detail[:200]
        ) from error


def _read_each(pems: Sequence[str]) -> tuple[Certificate, ...]:
    found: list[Certificate] = []
    for pem in pems:
        held = read_certificates(pem.encode())
        if len(held) != 1:
            raise refuse("TPM-CHAIN-MALFORMED", expected="one certificate", measured=f"{len(held)}")
        found.extend(held)
    return tuple(found)


def _load(reference: ReferenceFiles) -> Roots:
    anchors: dict[Anchor, None] = {}
    sources: dict[bytes, set[str]] = {}
    certificates: dict[bytes, Certificate] = {}
    digests: list[str] = []
    ignored: list[tuple[str, str]] = []
    for name, data in reference.files:
        # Most files are others'; only what says that it is one of these is read as JSON.
        if not data.lstrip().startswith(b"{") or FORMAT.encode() not in data[:MAX_FILE]:
            continue
        try:
            roots, intermediates = read_roots(data)
        except LotaError as error:
            ignored.append((name, error.detail))
            continue
        digests.append(digest := sha256_hex(data))
        for one in roots:
            anchors[Anchor(spki_sha256=one.spki_sha256, name=one.name)] = None
            sources.setdefault(one.spki_sha256, set()).add(digest)
        certificates |= {one.sha256: one for one in (*roots, *intermediates)}
    return Roots(
        anchors=tuple(anchors),
        certificates=tuple(certificates.values()),
        digest=sha256_hex(canonical(sorted(set(digests)))),
        sources=MappingProxyType({key: tuple(sorted(named)) for key, named in sources.items()}),
        ignored=tuple(ignored),
    )
