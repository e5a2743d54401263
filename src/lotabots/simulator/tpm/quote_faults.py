"""Faults in a quote and its manifest, in the bytes around them, and in what is sent with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from struct import pack
from types import MappingProxyType

from msgspec import json
from msgspec.structs import replace as replaced

from lotabots.evidence import DerivedChallenge, Evidence, Leaf
from lotabots.kernel import canonical
from lotabots.simulator.report_faults import malleate
from lotabots.simulator.tpm.faults import TpmFault
from lotabots.simulator.tpm.root import FORMAT, Draft, Root, qualifying
from lotabots.simulator.tpm.simulated import Quoted
from lotabots.simulator.tpm.state_faults import another

Leaves = Sequence[Evidence]
Covered = Sequence[Leaf]
DraftFault = Callable[[Draft, DerivedChallenge, Covered], Draft]
"""What the TPM is made to quote instead."""
RootFault = Callable[[Root, Draft], Root]
"""What becomes of the quote, or what the attestation key is made to sign in its place."""
BytesFault = Callable[[bytes], bytes]
SentFault = Callable[[Leaves, Leaves], list[Evidence]]
"""The leaves as they are covered, the same devices' answers to another challenge -> those sent."""

_CERTIFY = 0x8017  # TPM_ST_ATTEST_CERTIFY
_CLOCK_END = 4 + 2 + 2 + 34 + 2 + 32 + 8  # magic, type, signer, extraData, clock
_SIGNATURE_HEAD = 4


def earlier(challenge: DerivedChallenge) -> DerivedChallenge:
    """Another challenge to the same session."""
    nonce = sha256(challenge.nonce + b"earlier").digest()
    return replaced(challenge, challenge=f"{challenge.challenge}-earlier", nonce=nonce)


def _fields(draft: Draft) -> dict[str, object]:
    return json.decode(draft.manifest, type=dict[str, object])


def _over(draft: Draft, challenge: DerivedChallenge, text: bytes) -> Draft:
    """The same draft with another manifest, quoted as the challenge asks."""
    return replace(draft, manifest=text, qualifying=qualifying(challenge, text))


def _other_session(draft: Draft, challenge: DerivedChallenge, _: Covered) -> Draft:
    other = {**_fields(draft), "challenge": earlier(challenge).challenge}
    return _over(draft, challenge, canonical(other))


def _counters(draft: Draft, challenge: DerivedChallenge, _: Covered) -> Draft:
    counters = [draft.tpm.reset_count + 1, draft.tpm.restart_count]
    return _over(draft, challenge, canonical({**_fields(draft), "boot_counters": counters}))


def _spaced(draft: Draft, challenge: DerivedChallenge, _: Covered) -> Draft:
    return _over(draft, challenge, json.format(draft.manifest, indent=1))


DRAFTS: Mapping[TpmFault, DraftFault] = MappingProxyType(
    {
        TpmFault.QUOTE_OF_ANOTHER: lambda draft, _, __: replace(draft, tpm=another(draft.tpm)),
        TpmFault.NONCE_OTHER: lambda draft, challenge, _: replace(
            draft, qualifying=qualifying(earlier(challenge), draft.manifest)
        ),
        TpmFault.PCRS_FEWER: lambda draft, _, __: replace(draft, pcrs=tuple(range(8))),
        TpmFault.MANIFEST_REPLAYED: _other_session,
        TpmFault.EVIDENCE_REPLAYED: lambda draft, challenge, leaves: Draft.of(
            draft.tpm, earlier(challenge), leaves
        ),
        TpmFault.MANIFEST_COUNTERS: _counters,
        TpmFault.MANIFEST_SPACED: _spaced,
        TpmFault.LEAF_UNCOVERED: lambda draft, challenge, leaves: Draft.of(
            draft.tpm, challenge, leaves[:-1]
        ),
    }
)


def _signed(change: Callable[[bytes], bytes]) -> RootFault:
    """What was quoted is changed, then signed."""
    return lambda root, draft: replace(root, quoted=draft.tpm.signed(change(root.quoted.attest)))


def _attest(change: Callable[[bytes], bytes]) -> RootFault:
    """What was quoted is changed after it was signed."""
    return lambda root, _: replace(
        root, quoted=Quoted(change(root.quoted.attest), root.quoted.signature)
    )


def _signature(change: Callable[[bytes], bytes]) -> RootFault:
    return lambda root, _: replace(
        root, quoted=Quoted(root.quoted.attest, change(root.quoted.signature))
    )


def _flipped(offset: int) -> Callable[[bytes], bytes]:
    def flip(data: bytes) -> bytes:
        changed = bytearray(data)
        changed[offset] ^= 1
        return bytes(changed)

    return flip


def _zero(signature: bytes) -> bytes:
    """The same structure with zeros for numbers: r and s of ECDSA, or RSA's one."""
    size = len(signature) - _SIGNATURE_HEAD
    field = 32 if size == 2 * (2 + 32) else size - 2
    zeros = pack(">H", field) + bytes(field)
    return signature[:_SIGNATURE_HEAD] + zeros * (size // len(zeros))


def _manifest_changed(root: Root, draft: Draft) -> Root:
    return replace(root, manifest=canonical({**_fields(draft), "leaves": []}))


ROOTS: Mapping[TpmFault, RootFault] = MappingProxyType(
    {
        TpmFault.NOT_A_QUOTE: _signed(lambda data: data[:4] + pack(">H", _CERTIFY) + data[6:]),
        TpmFault.NOT_GENERATED: _signed(lambda data: b"\x00" + data[1:]),
        TpmFault.PCR_VALUE_CHANGED: lambda root, _: replace(
            root, pcrs={**root.pcrs, 4: sha256(root.pcrs[4]).digest()}
        ),
        TpmFault.PCR_VALUE_MISSING: lambda root, _: replace(
            root, pcrs={number: value for number, value in root.pcrs.items() if number != 4}
        ),
        TpmFault.ATTEST_BIT: _attest(_flipped(_CLOCK_END - 1)),
        TpmFault.ATTEST_TRUNCATED: _attest(lambda data: data[:-1]),
        TpmFault.ATTEST_TRAILING: _signed(lambda data: data + b"\x00"),
        TpmFault.SIGNATURE_BIT: _signature(_flipped(-1)),
        TpmFault.SIGNATURE_ZERO: _signature(_zero),
        TpmFault.SIGNATURE_TRUNCATED: _signature(lambda data: data[:-16]),
        TpmFault.MANIFEST_CHANGED: _manifest_changed,
    }
)


BYTES: Mapping[TpmFault, BytesFault] = MappingProxyType(
    {
        TpmFault.FORMAT_OTHER: lambda data: data.replace(FORMAT.encode(), b"lotabots/tpm/v2"),
        TpmFault.FIELD_UNKNOWN: lambda data: b'{"trusted":true,' + data[1:],
        TpmFault.FIELD_MISSING: lambda data: canonical(
            {k: v for k, v in json.decode(data, type=dict[str, object]).items() if k != "pcrs"}
        ),
        TpmFault.FIELD_TWICE: lambda data: b'{"format":"' + FORMAT.encode() + b'",' + data[1:],
        TpmFault.TRUNCATED: lambda data: data[: len(data) // 2],
        TpmFault.OVERSIZE: lambda data: data + b" " * 2_000_000,
    }
)


def _other_bytes(leaf: Evidence) -> Evidence:
    """The same statement in other bytes: a signature's twin, or a space after a JSON text."""
    change = malleate if leaf.certificates else (lambda data: data + b" ")
    return replaced(leaf, data=change(leaf.data))


def _added(leaves: Leaves, _: Leaves) -> list[Evidence]:
    last = leaves[-1]
    kind = last.subject.rstrip("0123456789")
    following = f"{kind}{int(last.subject[len(kind) :]) + 1}"
    return [*leaves, replaced(_other_bytes(last), subject=following)]


def _reordered(leaves: Leaves, _: Leaves) -> list[Evidence]:
    first, second, *rest = leaves
    return [
        replaced(second, subject=first.subject),
        replaced(first, subject=second.subject),
        *rest,
    ]


SENT: Mapping[TpmFault, SentFault] = MappingProxyType(
    {
        TpmFault.LEAF_REMOVED: lambda leaves, _: list(leaves[1:]),
        TpmFault.LEAF_ADDED: _added,
        TpmFault.LEAF_REPLACED: lambda leaves, _: [_other_bytes(leaves[0]), *leaves[1:]],
        TpmFault.LEAF_REORDERED: _reordered,
        TpmFault.LEAF_REPLAYED: lambda leaves, others: [others[0], *leaves[1:]],
    }
)
