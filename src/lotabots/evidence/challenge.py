"""What each device must answer: the nonce of its own place in a node, derived from one challenge.

DESIGN section 7, Challenge. Nothing here is read from evidence: a device is compared with the nonce
that the verifier derives for it, so evidence of another session or another slot does not fit.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from lotabots.kernel import canonical, hkdf_sha512, hmac_sha512, invalid

NONCE_SIZE = 32
TEE_NONCE_SIZE = 64
SEED_SIZE = 64
MAX_ITEMS = 256

_KIND = re.compile(r"[a-z]{1,16}")
_LEAF = b"lotabots/v1/leaf/"
_ROOT = b"lotabots/v1/root/"


class InventoryItem(msgspec.Struct, frozen=True, order=True):
    """One device that a node declares: its kind (`gpu`, `switch`) and its stable id."""

    kind: str
    device_id: str


class Leaf(msgspec.Struct, frozen=True):
    """One piece of leaf evidence as the root quote commits to it."""

    kind: str
    index: int
    sha256: str
    """SHA-256 of the evidence bytes, hex."""


class DerivedChallenge(msgspec.Struct, frozen=True, kw_only=True, tag="derived"):
    """A challenge to a whole node: each declared device has a nonce of its own.

    LotaError CHALLENGE_MALFORMED if the nonce is not 32 bytes, or the inventory is too long, names
    a device twice or has a kind that is more than letters.
    """

    server: str
    challenge: str
    node: str
    session_key_sha256: str
    """Hex SHA-256 of the key that the result will be bound to."""
    nonce: bytes
    """N: 32 random bytes, made by the verifier for this challenge alone."""
    inventory: tuple[InventoryItem, ...]

    def __post_init__(self) -> None:
        _require(len(self.nonce) == NONCE_SIZE, f"a nonce has {NONCE_SIZE} bytes")
        _require(len(self.inventory) <= MAX_ITEMS, f"an inventory has at most {MAX_ITEMS} items")
        _require(len(set(self.inventory)) == len(self.inventory), "a device is declared once")
        # A digit in a kind would let two devices have one subject: `gpu1` 0 and `gpu` 10.
        _require(
            all(_KIND.fullmatch(item.kind) for item in self.inventory),
            "a kind is at most 16 lower-case letters",
        )

    def seed(self) -> bytes:
        """HKDF-SHA-512(N, info = RFC 8785 of the session): 64 bytes that only this session has."""
        info = canonical(
            {
                "server": self.server,
                "challenge": self.challenge,
                "node": self.node,
                "session_key_sha256": self.session_key_sha256,
            }
        )
        return hkdf_sha512(self.nonce, info, SEED_SIZE)

    def expected(self) -> dict[str, bytes]:
        """Subject -> the nonce its evidence must carry, for every declared device."""
        seed = self.seed()
        return {
            f"{item.kind}{index}": leaf_nonce(seed, item.kind, index)
            for index, item in self._places()
        }

    def devices(self) -> dict[str, InventoryItem]:
        """Subject -> the device declared in its place."""
        return {f"{item.kind}{index}": item for index, item in self._places()}

    def device_for(self, subject: str) -> InventoryItem | None:
        """The declared device at this subject's place, or None."""
        return self.devices().get(subject)

    def _places(self) -> list[tuple[int, InventoryItem]]:
        """Each device with its place among those of its kind, sorted by device id."""
        counts: dict[str, int] = {}
        places = []
        for item in sorted(self.inventory):
            index = counts.get(item.kind, 0)
            counts[item.kind] = index + 1
            places.append((index, item))
        return places


class GivenNonce(msgspec.Struct, frozen=True, tag="given"):
    """One nonce that every device must carry, as given to `verify gpu --nonce`."""

    nonce: bytes

    def __post_init__(self) -> None:
        _require(len(self.nonce) == NONCE_SIZE, f"a nonce has {NONCE_SIZE} bytes")


Challenge: TypeAlias = DerivedChallenge | GivenNonce


def expected_nonce(challenge: Challenge, subjects: Sequence[str]) -> dict[str, bytes]:
    """Subject -> nonce for those of these subjects that the challenge was made for."""
    match challenge:
        case GivenNonce(nonce):
            return dict.fromkeys(subjects, nonce)
        case DerivedChallenge():
            expected = challenge.expected()
            return {subject: expected[subject] for subject in subjects if subject in expected}


def leaf_nonce(seed: bytes, kind: str, index: int, size: int = NONCE_SIZE) -> bytes:
    """HMAC-SHA-512(seed, "lotabots/v1/leaf/" kind "/" index) cut to 32 (GPU, TPM) or 64 (TEE)."""
    _require(size in {NONCE_SIZE, TEE_NONCE_SIZE}, "a leaf nonce has 32 or 64 bytes")
    return hmac_sha512(seed, _LEAF + f"{kind}/{index}".encode())[:size]


def manifest(
    challenge: DerivedChallenge, boot_counters: Sequence[int], leaves: Sequence[Leaf]
) -> bytes:
    """What the root quote commits to: RFC 8785 of the session and every leaf, sorted."""
    return canonical(
        {
            "challenge": challenge.challenge,
            "node": challenge.node,
            "session_key_sha256": challenge.session_key_sha256,
            "boot_counters": list(boot_counters),
            "leaves": [
                {"kind": leaf.kind, "index": leaf.index, "sha256": leaf.sha256}
                for leaf in sorted(leaves, key=lambda leaf: (leaf.kind, leaf.index))
            ],
        }
    )


def root_nonce(seed: bytes, manifest_sha256: bytes, size: int = NONCE_SIZE) -> bytes:
    """HMAC-SHA-512(seed, "lotabots/v1/root/" SHA-256(manifest)) cut to 32 or 64 bytes."""
    _require(len(manifest_sha256) == 32, "a manifest digest has 32 bytes")
    _require(size in {NONCE_SIZE, TEE_NONCE_SIZE}, "a root nonce has 32 or 64 bytes")
    return hmac_sha512(seed, _ROOT + manifest_sha256)[:size]


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise invalid("CHALLENGE_MALFORMED", f"This is no challenge: {rule}.")
