"""Stored inputs by digest, and the same verdict from them again, byte for byte.

The manifest is RFC 8785 JSON that names every blob by SHA-256 and holds the small things by value.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, TypeVar

import msgspec

from lotabots.appraisal.appraiser import appraise
from lotabots.appraisal.inputs import Inputs
from lotabots.appraisal.policy import load_policy
from lotabots.appraisal.state import Identity, NodeState, Scope
from lotabots.appraisal.verdict import Appraiser, Verdict
from lotabots.evidence import (
    Anchors,
    Caches,
    Challenge,
    EnrolledTpm,
    Evidence,
    KnownModel,
    ReferenceFiles,
    Revocation,
    Slot,
)
from lotabots.kernel import canonical, format_time, invalid, sha256_hex, strict_struct

MAX_MANIFEST = 4 * 1024 * 1024
T = TypeVar("T")


class _EvidenceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scheme: str
    subject: str
    data: str
    certificates: str


class _FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    sha256: str


class _Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal["lotabots/appraisal-inputs/v1"]
    evidence: tuple[_EvidenceEntry, ...]
    challenge: Challenge
    reference: tuple[_FileEntry, ...]
    policy: str
    anchors: Anchors
    now: datetime
    node: str
    previous: NodeState | None
    models: str | None = None
    """A blob: JSON of what the registry knew; left out where no model was declared."""
    # Left out where they are these: what was stored before they came has the same bytes.
    scope: Scope = Scope.FULL
    identity: Identity = Identity.DECLARED
    tpms: str | None = None
    revoked: str | None = None


class Packed(msgspec.Struct, frozen=True):
    """Inputs as they are stored: the manifest, and every blob that it names by hex SHA-256."""

    manifest: bytes
    blobs: Mapping[str, bytes]


_USUAL = {"models": None, "scope": "full", "identity": "declared", "tpms": None, "revoked": None}
_DIGESTS: Slot[bytes, str] = Slot("appraisal/shared-blob-digests", 4096)


def pack_inputs(inputs: Inputs, caches: Caches | None = None) -> Packed:
    """The inputs as a manifest and blobs; equal inputs give equal bytes.

    With `caches` the digests of what many inputs share are remembered: reference files, policies
    and certificates are most of the bytes, and the same ones each time.
    """
    blobs: dict[str, bytes] = {}
    known = (caches or Caches()).of(_DIGESTS)

    def put(data: bytes) -> str:
        digest = sha256_hex(data)
        blobs[digest] = data
        return digest

    def put_shared(data: bytes) -> str:
        digest = known.get(data) or known.put(data, sha256_hex(data))
        blobs[digest] = data
        return digest

    manifest = _Manifest(
        format="lotabots/appraisal-inputs/v1",
        evidence=tuple(
            _EvidenceEntry(one.scheme, one.subject, put(one.data), put_shared(one.certificates))
            for one in inputs.evidence
        ),
        challenge=inputs.challenge,
        reference=tuple(
            _FileEntry(name, put_shared(data)) for name, data in inputs.reference.files
        ),
        policy=put_shared(inputs.policy.document),
        anchors=inputs.anchors,
        now=inputs.moment,
        node=inputs.node,
        previous=inputs.previous,
        models=put_shared(msgspec.json.encode(inputs.models)) if inputs.models else None,
        scope=inputs.scope,
        identity=inputs.identity,
        tpms=put_shared(msgspec.json.encode(inputs.tpms)) if inputs.tpms else None,
        revoked=put_shared(msgspec.json.encode(inputs.revoked)) if inputs.revoked else None,
    )
    plain = msgspec.to_builtins(manifest, order="deterministic")
    for name, usual in _USUAL.items():
        if plain[name] == usual:
            del plain[name]
    return Packed(canonical(plain | {"now": format_time(inputs.moment)}), blobs)


def blob_names(manifest: bytes) -> tuple[str, ...]:
    """The hex SHA-256 of every blob that the manifest names, each once. Raises JSON_*."""
    named = strict_struct(manifest, _Manifest, max_bytes=MAX_MANIFEST)
    names = [digest for one in named.evidence for digest in (one.data, one.certificates)]
    names += [one.sha256 for one in named.reference]
    names += [
        one for one in (named.policy, named.models, named.tpms, named.revoked) if one is not None
    ]
    return tuple(dict.fromkeys(names))


def unpack_inputs(manifest: bytes, blobs: Mapping[str, bytes]) -> Inputs:
    """The inputs again; every blob must have the digest that the manifest names.

    Raises LotaError: JSON_* and CHALLENGE_MALFORMED for the manifest, REPLAY_BLOB_MISSING,
    REPLAY_BLOB_CHANGED, and what `load_policy` raises.
    """
    named = strict_struct(manifest, _Manifest, max_bytes=MAX_MANIFEST)
    if named.now.tzinfo is None:
        raise invalid("REPLAY_MALFORMED", "The manifest's time has no offset.")

    def get(digest: str) -> bytes:
        data = blobs.get(digest)
        if data is None:
            raise invalid("REPLAY_BLOB_MISSING", f"The stored input {digest} is missing.")
        if sha256_hex(data) != digest:
            raise invalid("REPLAY_BLOB_CHANGED", f"The stored input {digest} was changed.")
        return data

    return Inputs(
        evidence=tuple(
            Evidence(
                scheme=one.scheme,
                subject=one.subject,
                data=get(one.data),
                certificates=get(one.certificates),
            )
            for one in named.evidence
        ),
        challenge=named.challenge,
        reference=ReferenceFiles(tuple((one.name, get(one.sha256)) for one in named.reference)),
        policy=load_policy(get(named.policy)),
        anchors=named.anchors,
        now=named.now,
        node=named.node,
        scope=named.scope,
        identity=named.identity,
        previous=named.previous,
        models=_recorded(named.models, get, tuple[KnownModel, ...]),
        tpms=_recorded(named.tpms, get, tuple[EnrolledTpm, ...]),
        revoked=_recorded(named.revoked, get, tuple[Revocation, ...]),
    )


def _recorded(
    digest: str | None, get: Callable[[str], bytes], into: type[tuple[T, ...]]
) -> tuple[T, ...]:
    """What we had recorded ourselves, from the blob of this digest; empty without one."""
    if digest is None:
        return ()
    try:
        return msgspec.json.decode(get(digest), type=into)
    except msgspec.DecodeError as error:
        raise invalid("REPLAY_MALFORMED", "What was recorded has another shape.") from error


def replay(manifest: bytes, blobs: Mapping[str, bytes], appraiser: Appraiser) -> Verdict:
    """The verdict on stored inputs, with nothing remembered from before.

    By the appraiser that made the stored verdict its bytes are identical.
    """
    return appraise(unpack_inputs(manifest, blobs), Caches(), appraiser)
