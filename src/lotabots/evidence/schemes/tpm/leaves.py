"""What a root quote covers, held against what was sent: every leaf, in its place and unchanged.

The quote signs the manifest, so what differs was changed after it, whoever did it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from lotabots.evidence import DerivedChallenge, Finding, Leaf
from lotabots.evidence.schemes.tpm.codes import finding, refuse
from lotabots.evidence.schemes.tpm.format import MAX_MANIFEST
from lotabots.kernel import LotaError, canonical, strict_json

MAX_LEAVES = 256
"""As many as a node may declare devices."""

_Hex = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
_Place = Annotated[int, msgspec.Meta(ge=0, le=9_999)]
_Kind = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]{1,16}\Z")]


class _Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: _Kind
    index: _Place
    sha256: _Hex


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node says its quote covers; `evidence.manifest` writes it."""

    challenge: str
    node: str
    session_key_sha256: str
    boot_counters: tuple[_Count, _Count]
    """resetCount and restartCount."""
    leaves: Annotated[tuple[_Leaf, ...], msgspec.Meta(max_length=MAX_LEAVES)]


def read_manifest(data: bytes) -> Manifest:
    """The manifest in exactly this text. LotaError TPM-MANIFEST-MALFORMED."""
    try:
        value = strict_json(data, max_bytes=MAX_MANIFEST, max_depth=3)
        manifest = msgspec.convert(value, Manifest)
        as_written = canonical(value)
    except (LotaError, msgspec.ValidationError) as error:
        raise _malformed("RFC 8785 JSON of a manifest", str(error)[:200]) from error
    if as_written != data:
        raise _malformed("RFC 8785 JSON", "the same written in another way")
    places = {(leaf.kind, leaf.index) for leaf in manifest.leaves}
    if len(places) != len(manifest.leaves):
        raise _malformed("each leaf once", "one place twice")
    return manifest


def check_session(
    manifest: Manifest, challenge: DerivedChallenge, counters: Sequence[int], subject: str
) -> Iterator[Finding]:
    """One finding for each way in which the manifest is not of this session and this boot."""
    own = (challenge.challenge, challenge.node, challenge.session_key_sha256)
    named = (manifest.challenge, manifest.node, manifest.session_key_sha256)
    for word, expected, measured in zip(
        ("challenge", "node", "session key"), own, named, strict=True
    ):
        if expected != measured:
            yield finding(
                "TPM-MANIFEST-REPLAYED",
                subject,
                expected=f"{word} {expected}",
                measured=f"{word} {measured[:80]}",
            )
    if manifest.boot_counters != tuple(counters):
        yield finding(
            "TPM-MANIFEST-COUNTERS",
            subject,
            expected=f"{tuple(counters)} as the TPM signed them",
            measured=f"{manifest.boot_counters}",
        )


def check_leaves(manifest: Manifest, sent: Sequence[Leaf]) -> Iterator[Finding]:
    """One finding, about its own subject, for each place where another leaf is than was signed."""
    signed = {(leaf.kind, leaf.index): leaf.sha256 for leaf in manifest.leaves}
    here: dict[tuple[str, int], str] = {}
    twice: list[Leaf] = []
    for leaf in sent:
        place = (leaf.kind, leaf.index)
        if place in here:
            twice.append(leaf)
        here.setdefault(place, leaf.sha256)
    known, present = Counter(signed.values()), Counter(here.values())
    for place in sorted(signed.keys() | here.keys()):
        expected, measured = signed.get(place), here.get(place)
        if expected != measured:
            # It moved if what was signed for this place lies elsewhere, or what lies here was
            # signed for another place.
            moved = bool(present[expected or ""] or known[measured or ""])
            yield _differs(place, expected, measured, moved=moved)
    for leaf in twice:
        yield _differs((leaf.kind, leaf.index), None, leaf.sha256, moved=False)


def _differs(
    place: tuple[str, int], expected: str | None, measured: str | None, *, moved: bool
) -> Finding:
    kind, index = place
    if moved:
        code = "TPM-LEAF-REORDERED"
    elif expected is None:
        code = "TPM-LEAF-ADDED"
    elif measured is None:
        code = "TPM-LEAF-REMOVED"
    else:
        code = "TPM-LEAF-REPLACED"
    return finding(
        code,
        f"{kind}{index}",
        expected=f"evidence with SHA-256 {expected}" if expected else "no evidence",
        measured=f"evidence with SHA-256 {measured}" if measured else "no evidence",
    )


def _malformed(expected: str, measured: str) -> LotaError:
    return refuse("TPM-MANIFEST-MALFORMED", expected=expected, measured=measured)
