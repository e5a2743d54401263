"""A RIM proven: signed under a pinned root, its golden values read from the signed bytes alone.

In this order, so that one run reports everything and nothing unproven is read:

1. the four certificates are a path to an anchor for reference values;
2. the leaf of that path, and no other key, signed SignedInfo;
3. SignedInfo's digest is that of the canonical bytes;
4. golden values are read from those bytes;
5. every certificate is valid at `now`. Expiry is a status: the values are still there to compare.
"""

from datetime import datetime
from enum import StrEnum
from hashlib import sha384
from types import MappingProxyType

import msgspec
from msgspec import structs

from lotabots.evidence import Anchor, Caches, Facts, Finding, Slot
from lotabots.evidence.schemes.nvidia_gpu.certs import (
    Certificate,
    anchor_of,
    load_certificate,
    verify_path,
)
from lotabots.evidence.schemes.nvidia_gpu.codes import as_finding, finding
from lotabots.evidence.schemes.nvidia_gpu.rim_document import RimDocument, read_golden
from lotabots.evidence.schemes.nvidia_gpu.rim_values import Golden, RimIdentity
from lotabots.evidence.schemes.nvidia_gpu.signature import verifies
from lotabots.kernel import LotaError, equal, format_time

CHAIN_LENGTH = 4
_PLACES = ("signer", "level 3 CA", "level 2 CA", "root")


class RimStatus(StrEnum):
    """What became of a RIM; the values of the fact `rim.<kind>.status`."""

    VALID = "valid"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    UNTRUSTED = "untrusted"
    """The signature may hold, but the signer does not lead to an anchor."""
    INVALID = "invalid"
    """The signature does not cover the values, or the values are malformed."""
    MISSING = "missing"


class Rim(msgspec.Struct, frozen=True):
    """One RIM judged at one time. Without proof of signature and chain it has no values."""

    status: RimStatus
    id: str = ""
    """NVIDIA's id that it was looked up by; the file itself does not say it."""
    sha256: str = ""
    """Hex digest of the file; empty when missing."""
    identity: RimIdentity | None = None
    golden: Golden = msgspec.field(default_factory=lambda: MappingProxyType({}))
    """Active measurements: RIM index (SPDM block less one) -> alternatives of 48 bytes."""
    chain: tuple[Certificate, ...] = ()
    """Signer first, root last; empty unless signature and chain hold."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    """When the first certificate of the chain expires."""
    simulated: bool = False
    """The anchor that the chain leads to is a simulator's."""
    findings: tuple[Finding, ...] = ()

    @property
    def proven(self) -> bool:
        """Whether signature, chain and content hold, whatever the time."""
        return bool(self.chain)

    def facts(self) -> Facts:
        """What policies see: status, id, and of a RIM that is there, its digest and expiry."""
        facts: Facts = {"status": self.status.value, "id": self.id}
        if self.sha256:
            facts["sha256"] = self.sha256
        if self.not_after is not None:
            facts["not_after"] = format_time(self.not_after)
        return facts


class SignedRim(msgspec.Struct, frozen=True):
    """Proven but for time: what a cache may keep."""

    rim: Rim
    not_before: datetime
    not_after: datetime


RIMS: Slot[tuple[str, tuple[Anchor, ...]], SignedRim] = Slot("nvidia_gpu.rims", 1_024)
"""Proven but for time: (SHA-256 of the file, anchors) -> the values its signer vouches for."""


def verify_rim(
    document: RimDocument,
    *,
    subject: str,
    anchors: tuple[Anchor, ...],
    now: datetime,
    caches: Caches,
) -> Rim:
    """The RIM judged at `now`, with a finding for everything that is wrong with it."""
    memory = caches.of(RIMS)
    key = (document.sha256, anchors)
    signed = memory.get(key)
    if signed is None:
        proof = _prove(document, subject, anchors, caches)
        if isinstance(proof, Rim):
            return _untimely(proof, _chain(document, caches), subject, now)
        signed = memory.put(key, proof)
    if signed.not_before <= now <= signed.not_after:
        return signed.rim
    return _untimely(signed.rim, signed.rim.chain, subject, now)


def _prove(
    document: RimDocument, subject: str, anchors: tuple[Anchor, ...], caches: Caches
) -> SignedRim | Rim:
    """The proven RIM, or one that says why there is no proof."""
    chain = _chain(document, caches)
    anchor = anchor_of(chain[-1], anchors) if chain else None
    findings = _chain_findings(document, chain, anchor, subject, caches)
    status = RimStatus.UNTRUSTED
    unsigned = _unsigned(document, chain[0]) if chain else ""
    if unsigned:
        status = RimStatus.INVALID
        findings.append(
            finding(
                "NV-RIM-SIG",
                subject,
                expected=f"{_shown(chain[0])} signed the {document.claimed}",
                measured=f"{unsigned} (file {document.sha256[:16]})",
            )
        )
    if findings or anchor is None:
        return Rim(status, sha256=document.sha256, findings=tuple(findings))
    try:
        identity, golden = read_golden(document.signed)
    except LotaError as error:
        refusal = as_finding(error, subject)
        return Rim(RimStatus.INVALID, sha256=document.sha256, findings=(refusal,))
    not_before = max(certificate.not_before for certificate in chain)
    not_after = min(certificate.not_after for certificate in chain)
    rim = Rim(
        RimStatus.VALID,
        sha256=document.sha256,
        identity=identity,
        golden=golden,
        chain=chain,
        not_before=not_before,
        not_after=not_after,
        simulated=anchor.simulated,
    )
    return SignedRim(rim, not_before, not_after)


def _chain(document: RimDocument, caches: Caches) -> tuple[Certificate, ...]:
    """The certificates in the file, or none if any cannot be read. Parsed is not trusted."""
    try:
        return tuple(load_certificate(der, caches) for der in document.certificates)
    except LotaError:
        return ()


def _unsigned(document: RimDocument, signer: Certificate) -> str:
    """Why the signature does not cover the values; empty when it does."""
    if not equal(sha384(document.signed).digest(), document.digest):
        return "the values are not those that were signed"
    if not verifies(signer.key, document.signature, document.signed_info):
        return "the signature is not made with this signer's key"
    return ""


def _chain_findings(
    document: RimDocument,
    chain: tuple[Certificate, ...],
    anchor: Anchor | None,
    subject: str,
    caches: Caches,
) -> list[Finding]:
    def broken(expected: str, measured: str) -> Finding:
        return finding("NV-RIM-CHAIN", subject, expected=expected, measured=measured)

    if not chain:
        return [broken("P-384 certificates", "a certificate that cannot be read or used")]
    findings = []
    if len(chain) != CHAIN_LENGTH:
        findings.append(
            broken(f"{CHAIN_LENGTH} certificates", f"{len(document.certificates)} certificates")
        )
    findings.extend(
        broken(f"{_place(place)} issued by {_place(place + 1)}", f"{_shown(chain[place])}: {code}")
        for code, place in verify_path(chain, caches)
    )
    if anchor is None:
        findings.append(
            broken(
                "a trusted root for reference values",
                f"{_shown(chain[-1])} with the key {chain[-1].spki_sha256.hex()[:16]}",
            )
        )
    return findings


def _untimely(rim: Rim, chain: tuple[Certificate, ...], subject: str, now: datetime) -> Rim:
    """The RIM with what time says about its chain. A worse status than expiry stays."""
    findings = list(rim.findings)
    status = rim.status
    for place, certificate in enumerate(chain):
        if certificate.valid_at(now):
            continue
        expired = now > certificate.not_after
        if status is RimStatus.VALID:
            status = RimStatus.EXPIRED if expired else RimStatus.NOT_YET_VALID
        findings.append(
            finding(
                "NV-RIM-EXPIRED" if expired else "NV-RIM-NOT-YET-VALID",
                subject,
                expected=f"{_place(place)} {_shown(certificate)} valid at {format_time(now)}",
                measured=f"{format_time(certificate.not_before)} to "
                f"{format_time(certificate.not_after)}",
            )
        )
    return structs.replace(rim, status=status, findings=tuple(findings))


def _place(place: int) -> str:
    return _PLACES[min(place, CHAIN_LENGTH - 1)]


def _shown(certificate: Certificate) -> str:
    """A certificate's name for a message, cut: an attacker may have written it."""
    return repr(certificate.name[:64])
