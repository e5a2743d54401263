"""Enrolment tokens as text, and what both sides compute from their secrets."""

import hashlib
import hmac
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.access import (
    ENROLMENT_PREFIX,
    EnrolmentToken,
    activation_proof,
    read_enrolment_token,
    renewal_data,
)
from lotabots.kernel import LotaError, encode_base64url

KEY = bytes(range(32))
THUMBPRINT = encode_base64url(KEY)
tokens = st.builds(
    EnrolmentToken,
    st.uuids(),
    st.uuids(),
    st.binary(min_size=32, max_size=32),
    st.none() | st.binary(min_size=32, max_size=32),
)


@given(tokens)
def test_a_token_reads_as_what_it_was_written_from(token: EnrolmentToken) -> None:
    assert read_enrolment_token(token.text()) == token
    assert len(token.text()) == (91 if token.server_ca is None else 133)


@given(
    st.text(max_size=200) | tokens.map(EnrolmentToken.text), st.integers(0, 132), st.characters()
)
def test_any_other_text_is_refused_or_is_another_token(text: str, place: int, letter: str) -> None:
    for changed in (text, text[:place] + letter + text[place + 1 :], text[:place], text + letter):
        try:
            assert read_enrolment_token(changed).text() == changed
        except LotaError as error:
            assert error.code == "ENROLMENT_TOKEN_INVALID"  # noqa: PT017 - both ends are fine


@pytest.mark.parametrize(
    ("secret", "ca"), [(bytes(31), None), (bytes(64), None), (bytes(32), bytes(31))], ids=repr
)
def test_a_token_with_another_length_is_not_written(secret: bytes, ca: bytes | None) -> None:
    with pytest.raises((ValueError, LotaError)):
        EnrolmentToken(uuid4(), uuid4(), secret, ca).text()


def test_a_token_is_not_an_api_key_and_says_what_it_is() -> None:
    assert EnrolmentToken(uuid4(), uuid4(), bytes(32), None).text().startswith("lote_")
    assert ENROLMENT_PREFIX == "lote_"


def test_the_proof_of_activation_is_an_hmac_over_enrolment_and_key() -> None:
    enrolment = UUID(int=7)
    data = b"lotabots/v1/activation/" + enrolment.bytes + KEY
    secret = b"s" * 32
    assert activation_proof(secret, enrolment, THUMBPRINT) == hmac.digest(secret, data, "sha256")


def test_a_renewing_quote_carries_a_digest_over_nonce_and_key() -> None:
    nonce = b"n" * 32
    expected = hashlib.sha256(b"lotabots/v1/renewal/" + nonce + KEY).digest()
    assert renewal_data(nonce, THUMBPRINT) == expected


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33)])
def test_a_secret_or_nonce_of_another_length_is_a_mistake_of_ours(secret: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        activation_proof(secret, uuid4(), THUMBPRINT)
    with pytest.raises(ValueError, match="32 bytes"):
        renewal_data(secret, THUMBPRINT)
    with pytest.raises(ValueError, match="thumbprint"):
        renewal_data(bytes(32), encode_base64url(bytes(31)))
