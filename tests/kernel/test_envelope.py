"""DSSE envelopes: opened by their type and key only."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import (
    LotaError,
    SigningKey,
    VerificationKeys,
    open_envelope,
    sign_envelope,
)

KEY = SigningKey(derive_private_key(7, SECP256R1()))
TYPE = "application/vnd.lotabots.test+json"


def keys_of(*keys: SigningKey) -> VerificationKeys:
    return VerificationKeys(key.verifying for key in keys)


@given(st.binary(max_size=100))
def test_a_payload_comes_back_whatever_its_bytes(payload: bytes) -> None:
    assert open_envelope(sign_envelope(TYPE, payload, KEY), TYPE, keys_of(KEY)) == payload


def test_the_signature_is_over_the_encoding_that_dsse_prescribes(key: SigningKey) -> None:
    envelope = json.loads(sign_envelope("http://example.com/HelloWorld", b"hello world", key))
    signed = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    key.verifying.verify(signed, base64.b64decode(envelope["signatures"][0]["sig"]))


def test_a_document_of_another_type_is_refused_also_when_the_envelope_is_relabelled(
    key: SigningKey,
) -> None:
    envelope = sign_envelope(TYPE, b"{}", key)
    with pytest.raises(LotaError, match="ENVELOPE_TYPE"):
        open_envelope(envelope, "application/other", keys_of(key))
    relabelled = envelope.replace(TYPE.encode(), b"application/other")
    with pytest.raises(LotaError, match="SIGNATURE_INVALID"):
        open_envelope(relabelled, "application/other", keys_of(key))


def test_an_envelope_of_an_unknown_key_is_refused(key: SigningKey, other: SigningKey) -> None:
    with pytest.raises(LotaError, match="ENVELOPE_KEY_UNKNOWN"):
        open_envelope(sign_envelope(TYPE, b"{}", key), TYPE, keys_of(other))


def broken(good: dict[str, Any]) -> list[object]:
    signature = good["signatures"][0]
    return [
        [], {}, None, {**good, "more": 1}, {**good, "signatures": []},
        {**good, "signatures": [signature, signature]}, {**good, "signatures": signature},
        {**good, "signatures": [{**signature, "more": 1}]}, {**good, "signatures": [{}]},
        {**good, "payload": good["payload"] + "="}, {**good, "payload": 5},
        {**good, "payload": good["payload"].rstrip("=")}, {**good, "payload": "e-_="},
        {**good, "signatures": [{**signature, "sig": "é"}]},
        {**good, "signatures": [{**signature, "keyid": None}]},
    ]  # fmt: skip


def test_what_is_not_exactly_an_envelope_is_refused(key: SigningKey) -> None:
    for value in broken(json.loads(sign_envelope(TYPE, b"x", key))):
        with pytest.raises(LotaError, match="ENVELOPE_MALFORMED"):
            open_envelope(json.dumps(value).encode(), TYPE, keys_of(key))


def test_a_changed_payload_is_refused(key: SigningKey) -> None:
    envelope = sign_envelope(TYPE, b"x", key)
    with pytest.raises(LotaError, match="SIGNATURE_INVALID"):
        open_envelope(envelope.replace(b"eA==", b"eQ=="), TYPE, keys_of(key))


def test_an_envelope_longer_than_allowed_is_refused(key: SigningKey) -> None:
    envelope = sign_envelope(TYPE, b"x", key)
    with pytest.raises(LotaError, match="JSON_TOO_LARGE"):
        open_envelope(envelope, TYPE, keys_of(key), max_bytes=len(envelope) - 1)


@given(st.binary(max_size=200))
def test_any_bytes_give_our_own_error(data: bytes) -> None:
    with pytest.raises(LotaError):
        open_envelope(data, TYPE, keys_of(KEY))
