"""Nonces of a node's devices, against an independent derivation."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import (
    DerivedChallenge,
    GivenNonce,
    InventoryItem,
    Leaf,
    expected_nonce,
    leaf_nonce,
    manifest,
    root_nonce,
)
from lotabots.kernel import LotaError

NONCE = bytes(range(32))
B = InventoryItem("gpu", "NVIDIA:GH100:BBBB")
A = InventoryItem("gpu", "NVIDIA:GH100:AAAA")
S = InventoryItem("switch", "NVIDIA:LS_10:CCCC")


def challenge(*inventory: InventoryItem, nonce: bytes = NONCE) -> DerivedChallenge:
    return DerivedChallenge(
        server="https://attest.example",
        challenge="c1",
        node="n1",
        session_key_sha256="ab" * 32,
        nonce=nonce,
        inventory=inventory,
    )


def independent_seed() -> bytes:
    """RFC 5869 and RFC 8785 written out with nothing but hmac, hashlib and json."""
    session = {
        "server": "https://attest.example",
        "challenge": "c1",
        "node": "n1",
        "session_key_sha256": "ab" * 32,
    }
    info = json.dumps(session, sort_keys=True, separators=(",", ":")).encode()
    extracted = hmac.digest(b"\x00" * 64, NONCE, "sha512")
    return hmac.digest(extracted, info + b"\x01", "sha512")


def test_every_device_has_the_nonce_that_an_independent_derivation_gives() -> None:
    seed = independent_seed()
    expected = {
        name: hmac.digest(seed, b"lotabots/v1/leaf/" + path, "sha512")[:32]
        for name, path in (("gpu0", b"gpu/0"), ("gpu1", b"gpu/1"), ("switch0", b"switch/0"))
    }
    assert challenge(B, S, A).expected() == expected


def test_the_index_is_the_place_in_the_inventory_sorted_by_device_id() -> None:
    assert challenge(B, S, A).device_for("gpu0") == A
    assert challenge(A, B).device_for("gpu1") == B
    assert challenge(B, S, A).device_for("switch0") == S
    assert challenge(A).device_for("gpu1") is None
    assert challenge(A, B).expected() == challenge(B, A).expected()


def test_the_eleventh_device_has_two_digits_in_its_subject() -> None:
    items = [InventoryItem("gpu", f"id{number:02}") for number in range(11)]
    assert challenge(*items).device_for("gpu10") == items[10]


@pytest.mark.parametrize("field", ["server", "challenge", "node", "session_key_sha256"])
def test_every_part_of_the_session_changes_every_nonce(field: str) -> None:
    parts = {
        "server": "https://attest.example",
        "challenge": "c1",
        "node": "n1",
        "session_key_sha256": "ab" * 32,
    }
    parts[field] += "0"
    other = DerivedChallenge(nonce=NONCE, inventory=(A,), **parts)
    assert other.expected()["gpu0"] != challenge(A).expected()["gpu0"]


def test_a_given_nonce_is_expected_of_every_device() -> None:
    assert expected_nonce(GivenNonce(NONCE), ["gpu0", "gpu1"]) == {"gpu0": NONCE, "gpu1": NONCE}


def test_a_device_that_was_not_declared_has_no_nonce() -> None:
    assert expected_nonce(challenge(A), ["gpu0", "gpu1"]).keys() == {"gpu0"}


def test_the_root_nonce_commits_to_every_leaf() -> None:
    seed = challenge(A).seed()
    leaves = [Leaf("switch", 0, "11" * 32), Leaf("gpu", 1, "22" * 32), Leaf("gpu", 0, "33" * 32)]
    text = manifest(challenge(A), [4, 5], leaves)
    assert json.loads(text) == {
        "challenge": "c1",
        "node": "n1",
        "session_key_sha256": "ab" * 32,
        "boot_counters": [4, 5],
        "leaves": [
            {"kind": "gpu", "index": 0, "sha256": "33" * 32},
            {"kind": "gpu", "index": 1, "sha256": "22" * 32},
            {"kind": "switch", "index": 0, "sha256": "11" * 32},
        ],
    }
    digest = hashlib.sha256(text).digest()
    expected = hmac.digest(seed, b"lotabots/v1/root/" + digest, "sha512")
    assert root_nonce(seed, digest) == expected[:32]
    assert root_nonce(seed, digest, 64) == expected


def test_a_tee_leaf_has_all_64_bytes() -> None:
    assert leaf_nonce(b"s" * 64, "cpu", 0, 64)[:32] == leaf_nonce(b"s" * 64, "cpu", 0)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_nonce_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(LotaError, match="CHALLENGE_MALFORMED"):
        challenge(A, nonce=bytes(size))
    with pytest.raises(LotaError, match="CHALLENGE_MALFORMED"):
        GivenNonce(bytes(size))


def test_a_device_declared_twice_or_too_many_devices_are_refused() -> None:
    with pytest.raises(LotaError, match="CHALLENGE_MALFORMED"):
        challenge(A, A)
    with pytest.raises(LotaError, match="CHALLENGE_MALFORMED"):
        challenge(*(InventoryItem("gpu", f"{number}") for number in range(257)))


@pytest.mark.parametrize("kind", ["gpu1", "", "GPU", "g/u", "gpü", "\ud800"])
def test_a_kind_that_could_be_mistaken_for_another_place_is_refused(kind: str) -> None:
    with pytest.raises(LotaError, match="CHALLENGE_MALFORMED"):
        challenge(InventoryItem(kind, "id"))


@pytest.mark.parametrize("size", [0, 16, 48, 65])
def test_nonces_and_digests_are_never_cut_or_padded_to_fit(size: int) -> None:
    with pytest.raises(LotaError, match="CHALLENGE_MALFORMED"):
        leaf_nonce(b"s" * 64, "gpu", 0, size)
    with pytest.raises(LotaError, match="CHALLENGE_MALFORMED"):
        root_nonce(b"s" * 64, bytes(size))


@given(st.sets(st.tuples(st.sampled_from(["gpu", "switch"]), st.text(max_size=8)), max_size=20))
def test_no_two_devices_of_a_node_ever_share_a_nonce(items: set[tuple[str, str]]) -> None:
    try:
        expected = challenge(*(InventoryItem(*item) for item in items)).expected()
    except LotaError:
        return
    assert len(expected) == len(items) == len(set(expected.values()))
