"""Strict JWS: what a general reader may accept and this one refuses, and what it must accept."""

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import import_key

from lotabots.kernel import (
    LotaError,
    SigningKey,
    VerificationKeys,
    VerifyingKey,
    sign_jws,
    verify_jws,
)

PAYLOAD = b'{"sub":"someone"}'


def b64(data: bytes | str) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(key: SigningKey, header: bytes | str, payload: bytes = PAYLOAD) -> str:
    """A truly signed token with whatever header."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64(key.sign(signed.encode()))}"


def keys_of(*keys: SigningKey) -> VerificationKeys:
    return VerificationKeys(key.verifying for key in keys)


def test_a_signed_payload_comes_back(key: SigningKey) -> None:
    token = sign_jws(PAYLOAD, key, "x+jwt")
    assert verify_jws(token, keys_of(key), "x+jwt") == PAYLOAD
    assert verify_jws(token, keys_of(key), {"y+jwt", "x+jwt"}) == PAYLOAD


def test_joserfc_reads_what_we_sign_and_we_read_what_it_signs(key: SigningKey) -> None:
    token = sign_jws(PAYLOAD, key, "x+jwt")
    peer = joserfc_jws.deserialize_compact(
        token, import_key(key.jwk_public()), algorithms=["ES256", "Ed25519"]
    )
    assert peer.payload == PAYLOAD
    private = import_key(key.to_pem(), {"ES256": "EC", "Ed25519": "OKP"}[key.alg])
    theirs = joserfc_jws.serialize_compact(
        {"alg": key.alg, "kid": key.kid, "typ": "x+jwt"}, PAYLOAD, private, algorithms=[key.alg]
    )
    assert verify_jws(theirs, keys_of(key), "x+jwt") == PAYLOAD


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", " none"])
@pytest.mark.parametrize("signature", ["", "AA"])
def test_no_spelling_of_alg_none_is_accepted(alg: str, signature: str, other: SigningKey) -> None:
    header = json.dumps({"alg": alg, "kid": other.kid, "typ": "x+jwt"})
    with pytest.raises(LotaError, match="JWS_ALGORITHM"):
        verify_jws(f"{b64(header)}.{b64(PAYLOAD)}.{signature}", keys_of(other), "x+jwt")


@pytest.mark.parametrize("alg", ["HS256", "ES384", "RS256", "EdDSA", "es256", "ES256K"])
def test_only_the_algorithm_of_the_key_is_accepted(alg: str, key: SigningKey) -> None:
    header = json.dumps({"alg": alg, "kid": key.kid, "typ": "x+jwt"})
    with pytest.raises(LotaError, match="JWS_ALGORITHM"):
        verify_jws(forge(key, header), keys_of(key), "x+jwt")


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": []}, {"crit": ["b64"]}, {"b64": False}, {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example"}, {"x5c": ["AA"]}, {"jwk": {"kty": "EC"}}, {"cty": "JWT"},
        {"zip": "DEF"},
    ],
    ids=repr,
)  # fmt: skip
def test_a_header_with_anything_more_is_refused(extra: dict[str, object], key: SigningKey) -> None:
    header = json.dumps({"alg": key.alg, "kid": key.kid, "typ": "x+jwt", **extra})
    with pytest.raises(LotaError, match="JWS_MALFORMED"):
        verify_jws(forge(key, header), keys_of(key), "x+jwt")


@pytest.mark.parametrize("missing", ["alg", "kid", "typ"])
def test_a_header_with_anything_less_is_refused(missing: str, key: SigningKey) -> None:
    header = {"alg": key.alg, "kid": key.kid, "typ": "x+jwt"}
    del header[missing]
    with pytest.raises(LotaError, match="JWS_MALFORMED"):
        verify_jws(forge(key, json.dumps(header)), keys_of(key), "x+jwt")


@pytest.mark.parametrize("first", ["alg", "kid", "typ"])
def test_a_header_that_says_something_twice_is_refused(first: str, key: SigningKey) -> None:
    header = {"alg": key.alg, "kid": key.kid, "typ": "x+jwt"}
    twice = f'{{"{first}":"none",{json.dumps(header)[1:]}'
    with pytest.raises(LotaError, match="JWS_MALFORMED"):
        verify_jws(forge(key, twice), keys_of(key), "x+jwt")


@pytest.mark.parametrize(
    "typ", ["JWT", "X+JWT", "application/x+jwt", "", None, 5, ["x+jwt"], {}], ids=repr
)
def test_a_token_of_another_type_is_refused(typ: object, key: SigningKey) -> None:
    token = forge(key, json.dumps({"alg": key.alg, "kid": key.kid, "typ": typ}))
    for wanted in ("x+jwt", frozenset({"x+jwt"})):
        with pytest.raises(LotaError, match=r"JWS_TYPE|JWS_MALFORMED"):
            verify_jws(token, keys_of(key), wanted)


@pytest.mark.parametrize(
    "kid",
    ["../../etc/passwd", "/dev/null", "' OR 1=1 --", "https://evil.example/key", "a\0b", "", 5,
     None, ["x"], {}, "é"],
    ids=repr,
)  # fmt: skip
def test_a_kid_that_names_no_key_in_memory_is_refused(kid: object, key: SigningKey) -> None:
    token = forge(key, json.dumps({"alg": key.alg, "kid": kid, "typ": "x+jwt"}))
    with pytest.raises(LotaError, match=r"JWS_KEY_UNKNOWN|JWS_MALFORMED"):
        verify_jws(token, keys_of(key), "x+jwt")


def test_a_kid_of_ten_kilobytes_is_refused(key: SigningKey) -> None:
    token = forge(key, json.dumps({"alg": key.alg, "kid": "k" * 10_240, "typ": "x+jwt"}))
    with pytest.raises(LotaError, match="JWS_MALFORMED"):
        verify_jws(token, keys_of(key), "x+jwt", max_bytes=100_000)


def test_a_token_signed_by_another_key_under_our_kid_is_refused(
    key: SigningKey, other: SigningKey
) -> None:
    token = forge(other, json.dumps({"alg": key.alg, "kid": key.kid, "typ": "x+jwt"}))
    with pytest.raises(LotaError, match="SIGNATURE_INVALID"):
        verify_jws(token, keys_of(key), "x+jwt")


def changed(token: str) -> Iterator[str]:
    header, payload, signature = token.split(".")
    yield from (
        "", ".", "..", "...", f"{header}.{payload}", f"{header}.{payload}.", f"{token}.AA",
        f".{payload}.{signature}", f"{header}..{signature}", f"{token}.", f"{token}=", f" {token}",
        f"{token}\n",
        f"{header}=.{payload}.{signature}", f"{header}.{payload}==.{signature}", f"{token}é",
        f"{header}.{payload}.{signature[:-2]}", f"{header}.{payload}.{signature}AAAA",
        token.replace("_", "/").replace("-", "+") + "!", f"{header}.{payload}\0.{signature}",
    )  # fmt: skip


def test_a_token_cut_padded_or_spaced_otherwise_is_refused(key: SigningKey) -> None:
    for token in changed(sign_jws(PAYLOAD, key, "x+jwt")):
        with pytest.raises(LotaError, match=r"JWS_MALFORMED|SIGNATURE_INVALID"):
            verify_jws(token, keys_of(key), "x+jwt")


def test_no_other_text_with_the_same_bytes_is_accepted(key: SigningKey) -> None:
    # The last character of 64 bytes in base64url carries 4 spare bits.
    token = sign_jws(PAYLOAD, key, "x+jwt")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for last in alphabet.replace(token[-1], ""):
        with pytest.raises(LotaError, match=r"JWS_MALFORMED|SIGNATURE_INVALID"):
            verify_jws(token[:-1] + last, keys_of(key), "x+jwt")


def test_a_token_longer_than_allowed_is_refused_before_anything_else(key: SigningKey) -> None:
    token = sign_jws(b"x" * 100, key, "x+jwt")
    with pytest.raises(LotaError, match="JWS_MALFORMED"):
        verify_jws(token, keys_of(key), "x+jwt", max_bytes=len(token) - 1)
    assert verify_jws(token, keys_of(key), "x+jwt", max_bytes=len(token))


@given(st.text(max_size=200) | st.text("eyJhbGciOi._-=A", max_size=60))
def test_any_text_gives_our_own_error(text: str) -> None:
    keys = VerificationKeys([VerifyingKey.from_jwk({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })])  # fmt: skip
    with pytest.raises(LotaError):
        verify_jws(text, keys, "x+jwt")


def wycheproof(vectors: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for name in (
        "json_web_signature_test.json",
        "json_web_key_test.json",
        "json_web_crypto_test.json",
    ):
        for group in json.loads((vectors / "jose" / name).read_text())["testGroups"]:
            key = group.get("public") or group["private"]
            for test in group["tests"]:
                if "jws" in test:
                    yield key if "keys" in key else {"keys": [key]}, test


def opened(key_set: dict[str, Any], token: object) -> bytes | None:
    """The payload by our reading, or None for any refusal, of the keys or of the token."""
    with contextlib.suppress(LotaError):
        keys = VerificationKeys.from_jwks(json.dumps(key_set).encode())
        return verify_jws(token if isinstance(token, str) else json.dumps(token), keys, typ=None)
    return None


def test_no_invalid_token_of_wycheproof_is_accepted(vectors: Path) -> None:
    invalid = [(keys, test) for keys, test in wycheproof(vectors) if test["result"] != "valid"]
    assert len(invalid) > 300
    for keys, test in invalid:
        assert opened(keys, test["jws"]) is None, (test["tcId"], test["comment"])


def test_every_valid_token_of_wycheproof_with_a_key_of_ours_is_accepted(vectors: Path) -> None:
    ours = [
        (keys, test)
        for keys, test in wycheproof(vectors)
        if test["result"] == "valid"
        and isinstance(test["jws"], str)
        and {(key["kty"], key.get("crv")) for key in keys["keys"]}
        <= {("EC", "P-256"), ("OKP", "Ed25519")}
    ]
    assert ours
    for keys, test in ours:
        assert opened(keys, test["jws"]) is not None, (test["tcId"], test["comment"])
