"""Reference files told apart by content: RIMs, OCSP responses, CRLs, approved versions.

Loaded once and used for many verdicts. Nothing is verified here; what cannot be used is listed with
the reason and has no other effect.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from lotabots.evidence import ReferenceFiles
from lotabots.evidence.schemes.nvidia_gpu.crl import Crl, read_crl
from lotabots.evidence.schemes.nvidia_gpu.ocsp import OcspResponse, read_ocsp
from lotabots.evidence.schemes.nvidia_gpu.revocation import RevocationData
from lotabots.evidence.schemes.nvidia_gpu.rim_document import RimDocument, read_rim
from lotabots.evidence.schemes.nvidia_gpu.rim_values import RimIdentity
from lotabots.evidence.schemes.nvidia_gpu.versions import (
    SCHEMA,
    ApprovedVersions,
    ChipVersions,
    read_versions,
)
from lotabots.kernel import LotaError, sha256_hex

MAX_FILES = 4096
MAX_FILE = 1024 * 1024

_PEM_CRL = re.compile(rb"-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----")
_SEQUENCE, _ENUMERATED = b"\x30", 0x0A

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class RimFile:
    """One RIM file: its name, for messages, and its parts, unverified."""

    name: str
    document: RimDocument


@dataclass(frozen=True, slots=True, eq=False)
class Collateral:
    """What the reference files hold, by what each claims to be about. Immutable."""

    rims: Mapping[RimIdentity, tuple[RimFile, ...]]
    malformed_rims: tuple[tuple[str, str], ...]
    """(name, reason) of each XML file that is no RIM; these are among `ignored` as well."""
    revocation: RevocationData
    versions: ApprovedVersions
    ignored: tuple[tuple[str, str], ...]
    """(name, reason) of each file that cannot be used."""
    reference_digest: str
    """SHA-256 over the digests of RIMs and approved versions, in hex. Names do not count."""
    collateral_digest: str
    """SHA-256 over the digests of OCSP responses and CRLs, in hex."""

    @classmethod
    def load(cls, files: ReferenceFiles) -> "Collateral":
        """The files told apart. Never raises: a file is usable or it is listed in `ignored`."""
        sorting = _Sorting()
        for place, (name, data) in enumerate(files.files):
            sorting.add(name, data, within=place < MAX_FILES)
        return cls(
            rims=_grouped((file.document.claimed, file) for file in sorting.rims),
            malformed_rims=tuple(sorting.malformed_rims),
            revocation=RevocationData(
                ocsp=_grouped(
                    (serial, response)
                    for response in sorted(sorting.ocsp, key=_produced, reverse=True)
                    for serial in sorted({known.serial for known, _ in response.statements})
                ),
                crls=_grouped(
                    (crl.issuer, crl) for crl in sorted(sorting.crls, key=_updated, reverse=True)
                ),
            ),
            versions=ApprovedVersions(tuple(sorting.rules), tuple(sorting.unreadable)),
            ignored=tuple(sorting.ignored),
            reference_digest=_digest(sorting.reference),
            collateral_digest=_digest(sorting.collateral),
        )


@dataclass(slots=True)
class _Sorting:
    """The files so far, in the order of their names."""

    rims: list[RimFile] = field(default_factory=list)
    ocsp: list[OcspResponse] = field(default_factory=list)
    crls: list[Crl] = field(default_factory=list)
    rules: list[ChipVersions] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    malformed_rims: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    reference: set[str] = field(default_factory=set)
    collateral: set[str] = field(default_factory=set)
    seen: set[bytes] = field(default_factory=set)
    """Whole files, not digests: `bytes` keep the hash that looking their set up has made."""

    def add(self, name: str, data: bytes, *, within: bool) -> None:
        if not within or len(data) > MAX_FILE:
            self.ignored.append((name, f"more than {MAX_FILES} files or {MAX_FILE} bytes"))
            return
        if data in self.seen:
            return
        self.seen.add(data)
        try:
            self._read(name, data)
        except LotaError as error:
            refused = (name, str(error.details["measured"]))
            self.ignored.append(refused)
            if error.code == "NV-RIM-SCHEMA":
                self.malformed_rims.append(refused)

    def _read(self, name: str, data: bytes) -> None:
        text = data.strip(b" \t\r\n")
        if text.startswith(b"<"):
            document = read_rim(data)
            self.rims.append(RimFile(name, document))
            self.reference.add(document.sha256)
        elif text.startswith(b"{"):
            self._read_versions(name, text, sha256_hex(data))
        elif (der := _der(data, text)) is None:
            self.ignored.append((name, "no RIM, OCSP response, CRL or list of approved versions"))
        elif _first_inside(der) == _ENUMERATED:  # an OCSPResponse begins with its status
            self.ocsp.append(read_ocsp(der))
            self.collateral.add(sha256_hex(data))
        else:
            self.crls.append(read_crl(der))
            self.collateral.add(sha256_hex(data))

    def _read_versions(self, name: str, text: bytes, digest: str) -> None:
        try:
            self.rules.extend(read_versions(text))
        except LotaError:
            if SCHEMA.encode() not in text:
                raise
            # What this file would deny is lost with it, so it is not lost in silence.
            self.unreadable.append(name)
            self.reference.add(digest)
            raise
        self.reference.add(digest)


def _der(data: bytes, text: bytes) -> bytes | None:
    """The DER in a file that is DER, base64 of DER, or a CRL in PEM; None for anything else."""
    if data.startswith(_SEQUENCE):
        return data
    pem = _PEM_CRL.fullmatch(text)
    try:
        decoded = b64decode(b"".join((pem[1] if pem else text).split()), validate=True)
    except binascii.Error:
        return None
    return decoded if decoded.startswith(_SEQUENCE) else None


def _first_inside(der: bytes) -> int:
    """The tag of the first element inside the outer SEQUENCE; -1 when there is none."""
    if len(der) < 2:
        return -1
    start = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)
    return der[start] if start < len(der) else -1


def _grouped(pairs: Iterable[tuple[K, V]]) -> Mapping[K, tuple[V, ...]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return MappingProxyType({key: tuple(values) for key, values in groups.items()})


def _produced(response: OcspResponse) -> tuple[datetime, bytes]:
    return response.produced_at, response.sha256


def _updated(crl: Crl) -> tuple[datetime, bytes]:
    return crl.this_update, crl.sha256


def _digest(digests: set[str]) -> str:
    return sha256_hex("\n".join(sorted(digests)).encode())
