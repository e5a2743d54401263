"""Keys: JWKs as published, thumbprints, and what is no key of ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import KeySet, LotaError, SigningKey, VerificationKeys, VerifyingKey

RFC_8037_KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # order of P-256


def pem_of(key: Any) -> bytes:
    data: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return data


def test_a_thumbprint_is_that_of_rfc_8037_appendix_a_3() -> None:
    key = VerifyingKey.from_jwk(RFC_8037_KEY)
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_signature_verifies_and_any_change_to_it_or_to_the_data_does_not(
    key: SigningKey, other: SigningKey
) -> None:
    signature = key.sign(b"data")
    assert len(signature) == 64
    key.verifying.verify(b"data", signature)
    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    for data, bad in [(b"Data", signature), (b"data", flipped), (b"data", signature[:-1]),
                      (b"data", signature + b"\0"), (b"data", b"")]:  # fmt: skip
        with pytest.raises(LotaError, match="SIGNATURE_INVALID"):
            key.verifying.verify(data, bad)
    with pytest.raises(LotaError, match="SIGNATURE_INVALID"):
        other.verifying.verify(b"data", signature)


@pytest.mark.parametrize("r", [0, 1, N, N + 1, 2**256 - 1])
@pytest.mark.parametrize("s", [0, 1, N, N + 1, 2**256 - 1])
def test_an_es256_signature_of_numbers_out_of_range_is_refused(
    r: int, s: int, other: SigningKey
) -> None:
    with pytest.raises(LotaError, match="SIGNATURE_INVALID"):
        other.verifying.verify(b"data", r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_an_es256_signature_has_a_twin_so_it_must_never_name_anything(other: SigningKey) -> None:
    signature = other.sign(b"data")
    twin = signature[:32] + (N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    assert twin != signature
    other.verifying.verify(b"data", twin)


def test_a_key_survives_its_pem(key: SigningKey) -> None:
    again = SigningKey.from_pem(key.to_pem())
    assert again.kid == key.kid
    again.verifying.verify(b"x", key.sign(b"x"))


def test_a_key_shows_its_name_and_nothing_secret(key: SigningKey) -> None:
    assert repr(key) == f"SigningKey({key.alg}, {key.kid})"


def test_a_published_key_has_no_private_part_and_is_read_back(key: SigningKey) -> None:
    published = key.jwk_public()
    assert "d" not in published
    assert published["alg"] == key.alg
    assert VerifyingKey.from_jwk(published).kid == key.kid


def test_a_public_key_is_read_from_pem_and_der() -> None:
    public = ec.derive_private_key(5, ec.SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert VerifyingKey.from_pem(pem).kid == VerifyingKey.from_spki(der).kid


def test_keys_of_other_kinds_are_refused() -> None:
    p384 = ec.generate_private_key(ec.SECP384R1())
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for private in (p384, rsa_key):
        with pytest.raises(LotaError, match="KEY_UNSUPPORTED"):
            SigningKey.from_pem(pem_of(private))
        der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(LotaError, match="KEY_UNSUPPORTED"):
            VerifyingKey.from_spki(der)


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "oct", "k": "AAAA"}, {"kty": "RSA"}, {"crv": "P-384"}, {"kty": ["EC"]}, {"crv": {}},
        {"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"alg": "ES384"},
        {"alg": "none"}, {"d": "AAAA"}, {"x": 5}, {"x": None}, {"x": "A" * 43}, {"y": "A" * 43},
        {"x": "A" * 42}, {"kid": 5}, {"kid": ""}, {"kid": "a/../b"}, {"kid": "a" * 65},
        {"kid": "a b"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_jwk_with_anything_wrong_is_refused(change: dict[str, object], other: SigningKey) -> None:
    with pytest.raises(LotaError, match=r"KEY_|BASE64_"):
        VerifyingKey.from_jwk({**other.jwk_public(), **change})


def test_a_key_set_publishes_previous_current_and_next(key: SigningKey, other: SigningKey) -> None:
    keys = KeySet(current=key, previous=other)
    assert [jwk["kid"] for jwk in keys.jwks()["keys"]] == [other.kid, key.kid]
    read = VerificationKeys.from_jwks(json.dumps(keys.jwks()).encode())
    assert len(read) == 2
    for one in (key, other):
        found = read.get(one.kid)
        assert found is not None
        found.verify(b"x", one.sign(b"x"))
    assert read.get("unknown") is None


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"keys":[]}', '{"keys":{}}', '{"keys":[1]}', '{"keys":null}']
)
def test_what_is_no_key_set_is_refused(text: str) -> None:
    with pytest.raises(LotaError, match="KEY_MALFORMED"):
        VerificationKeys.from_jwks(text.encode())


def test_a_key_set_with_two_keys_of_one_name_or_too_many_is_refused(other: SigningKey) -> None:
    for count in (2, 33):
        text = json.dumps({"keys": [other.jwk_public()] * count})
        with pytest.raises(LotaError, match="KEY_MALFORMED"):
            VerificationKeys.from_jwks(text.encode())


@given(st.binary(max_size=300))
def test_any_bytes_give_a_key_or_our_own_error(data: bytes) -> None:
    for read in (
        VerificationKeys.from_jwks,
        SigningKey.from_pem,
        VerifyingKey.from_pem,
        VerifyingKey.from_spki,
    ):
        with pytest.raises(LotaError):
            read(data)


def test_every_weak_or_misused_key_of_wycheproof_is_refused(vectors: Path) -> None:
    document = json.loads((vectors / "jose" / "json_web_key_test.json").read_text())
    tried = 0
    for group in document["testGroups"]:
        key_set = group.get("public") or group["private"]
        if group["tests"][0]["result"] == "valid" or not is_elliptic(key_set):
            continue
        tried += 1
        with pytest.raises(LotaError, match=r"KEY_|BASE64_"):
            VerificationKeys.from_jwks(json.dumps(key_set).encode())
    assert tried >= 5


def is_elliptic(key_set: dict[str, Any]) -> bool:
    return any(key["kty"] in {"EC", "OKP"} for key in key_set["keys"])
