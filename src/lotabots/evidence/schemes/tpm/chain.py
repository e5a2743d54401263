"""Who made a TPM: from the certificate of its endorsement key to a root that is trusted.

A path is found among what the node sent and what reference files bring; names and key ids say which
certificates to try, signatures decide. It ends at a self-signed certificate whose key is pinned.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from lotabots.evidence import Anchor, Caches, Facts, ReferenceFiles, Slot
from lotabots.evidence.schemes.tpm.certificates import Certificate, read_certificates
from lotabots.evidence.schemes.tpm.roots import Roots, load_roots
from lotabots.kernel import LotaError, format_time, sha256

MAX_LENGTH = 6
"""Certificates of one path, root included."""
MAX_TRIALS = 64
"""Signatures that are verified to find it."""

Status: TypeAlias = Literal["valid", "expired", "untrusted", "absent", "invalid"]


class Path(msgspec.Struct, frozen=True):
    """One path that holds at some time: every name, right, length and signature."""

    anchor: Anchor
    not_before: datetime
    not_after: datetime
    keys: tuple[str, ...]
    """Hex SHA-256 of the issuers' SubjectPublicKeyInfo, root last."""

    def valid_at(self, now: datetime) -> bool:
        """Whether every certificate of it is, both ends included."""
        return self.not_before <= now <= self.not_after


class Problem(msgspec.Struct, frozen=True):
    """Why a chain does not hold: a TPM-CHAIN-* code, and what was expected and found."""

    code: str
    expected: str
    measured: str


class EkChain(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an endorsement key is vouched for, by which root, and why not."""

    status: Status
    anchor: Anchor | None = None
    """The root that vouches for it; None unless `status` is valid."""
    problem: Problem | None = None
    device_id: str = ""
    """Hex SHA-256 of the SubjectPublicKeyInfo in the first certificate; empty where there is none.
    """
    leaf_sha256: str = ""
    keys: tuple[str, ...] = ()
    """Hex SHA-256 of the issuers' SubjectPublicKeyInfo, root last."""
    files: tuple[str, ...] = ()
    """Hex SHA-256 of the reference files that name the root."""

    def facts(self) -> Facts:
        """As policies see it."""
        facts: Facts = {"status": self.status}
        if self.leaf_sha256:
            facts["leaf_sha256"] = self.leaf_sha256
        if self.keys:
            # As the revocation of a key, and of a reference file, looks for them.
            facts["root_spki_sha256"] = self.keys[-1]
            facts["issuer_spki_sha256"] = list(self.keys)
            facts["roots"] = {"sha256": list(self.files)}
        return facts


class _Found(msgspec.Struct, frozen=True):
    """All that can be said of a chain without asking for the time."""

    leaf: Certificate | None
    paths: tuple[Path, ...]
    problem: Problem | None


_CHAINS: Slot[tuple[bytes, str, tuple[Anchor, ...]], _Found] = Slot("tpm.chains", 16_384)
"""Proven: (SHA-256 of the PEM text, digest of the roots, anchors) of chains with a path."""


def verify_ek_chain(
    certificates: bytes,
    *,
    device_id: str,
    reference: ReferenceFiles,
    anchors: tuple[Anchor, ...],
    now: datetime,
    caches: Caches,
) -> EkChain:
    """Whether these certificates (PEM, the endorsement key's first) vouch for this device at `now`.

    `device_id` is hex SHA-256 of the endorsement key's SubjectPublicKeyInfo. Nothing raises.
    """
    if not certificates.strip():
        problem = Problem("TPM-CHAIN-ABSENT", "a certificate of the endorsement key", "none")
        return EkChain(status="absent", problem=problem)
    roots = load_roots(reference, caches)
    found = _find(certificates, roots, anchors, caches)
    leaf = found.leaf
    if leaf is None:
        return EkChain(status="invalid", problem=found.problem)
    named = leaf.spki_sha256.hex()
    chain = EkChain(
        status="invalid", problem=found.problem, device_id=named, leaf_sha256=leaf.sha256.hex()
    )
    if found.problem is not None:
        return chain
    if named != device_id:
        problem = Problem("TPM-CHAIN-KEY", f"the key {device_id}", named)
        return msgspec.structs.replace(chain, problem=problem)
    if not found.paths:
        problem = Problem("TPM-CHAIN-UNTRUSTED", _known(roots, anchors), leaf.issued_by)
        return msgspec.structs.replace(chain, status="untrusted", problem=problem)
    for path in found.paths:
        if path.valid_at(now):
            files = roots.sources.get(path.anchor.spki_sha256, ())
            return msgspec.structs.replace(
                chain, status="valid", anchor=path.anchor, keys=path.keys, files=files
            )
    last = found.paths[0]
    problem = Problem(
        "TPM-CHAIN-TIME",
        f"certificates valid at {format_time(now)}",
        f"{format_time(last.not_before)} to {format_time(last.not_after)}",
    )
    return msgspec.structs.replace(chain, status="expired", problem=problem, keys=last.keys)


def _find(pem: bytes, roots: Roots, anchors: tuple[Anchor, ...], caches: Caches) -> _Found:
    key = (sha256(pem), roots.digest, anchors)
    memory = caches.of(_CHAINS)
    known = memory.get(key)
    if known is not None:
        return known
    try:
        sent = read_certificates(pem)
    except LotaError as error:
        details = error.details
        problem = Problem(error.code, str(details["expected"]), str(details["measured"]))
        return _Found(None, (), problem)
    leaf = sent[0]
    if not leaf.for_endorsement_key:
        usage = "extendedKeyUsage 2.23.133.8.1, and no CA"
        return _Found(leaf, (), Problem("TPM-CHAIN-USE", usage, "another"))
    search = _Search((*sent[1:], *roots.certificates), (*anchors, *roots.anchors))
    found = _Found(leaf, tuple(search.paths((leaf,))), None)
    return memory.put(key, found) if found.paths else found


class _Search:
    """Every path from a leaf to a pinned root, within a budget of signatures."""

    def __init__(self, pool: Sequence[Certificate], anchors: Sequence[Anchor]) -> None:
        self.pool = tuple({one.sha256: one for one in pool}.values())
        self.anchors = {anchor.spki_sha256: anchor for anchor in reversed(anchors)}
        self.left = MAX_TRIALS

    def paths(self, path: tuple[Certificate, ...]) -> Iterator[Path]:
        """The whole paths that begin with this one."""
        last = path[-1]
        for issuer in self.pool:
            if issuer in path or not issuer.may_have_issued(last) or not self._fits(path, issuer):
                continue
            self.left -= 1
            if self.left < 0:
                return
            if not issuer.has_signed(last):
                continue
            longer = (*path, issuer)
            anchor = self.anchors.get(issuer.spki_sha256)
            if anchor is not None and issuer.may_have_issued(issuer) and issuer.has_signed(issuer):
                yield _whole(longer, anchor)
            elif len(longer) < MAX_LENGTH:
                yield from self.paths(longer)

    @staticmethod
    def _fits(path: tuple[Certificate, ...], issuer: Certificate) -> bool:
        """Whether the issuer allows as many CAs below it (RFC 5280, section 4.2.1.9)."""
        return issuer.path_length is None or len(path) - 1 <= issuer.path_length


def _whole(path: tuple[Certificate, ...], anchor: Anchor) -> Path:
    return Path(
        anchor=anchor,
        not_before=max(one.not_before for one in path),
        not_after=min(one.not_after for one in path),
        keys=tuple(one.spki_sha256.hex() for one in path[1:]),
    )


def _known(roots: Roots, anchors: Sequence[Anchor]) -> str:
    names = [anchor.name or anchor.spki_sha256.hex()[:16] for anchor in (*anchors, *roots.anchors)]
    unread = f"; {len(roots.ignored)} files of roots cannot be read" if roots.ignored else ""
    return (", ".join(names[:8]) or "no root is known") + unread
