"""Signatures of webhooks: the published example, and that nothing of a delivery can be changed."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import (
    LotaError,
    read_webhook_secret,
    sign_webhook,
    verify_webhook,
    webhook_secret_text,
)

NOW = datetime(2021, 2, 25, 14, 28, 40, tzinfo=UTC)
SECRET = bytes(range(32))
BODY = b'{"type":"node.stale"}'
HEADERS = sign_webhook(SECRET, "m1", NOW, BODY)


def code_of(headers: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> str:
    try:
        return verify_webhook(SECRET, headers, body, now)
    except LotaError as error:
        return error.code


def test_the_published_example_has_its_signature() -> None:
    """Standard Webhooks 1.0, "Signature scheme": as its reference libraries test themselves."""
    secret = read_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    signed = sign_webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64), st.binary(max_size=500))
def test_what_is_signed_is_what_the_specification_says_and_is_verified(
    secret: bytes, body: bytes
) -> None:
    headers = sign_webhook(secret, "m1", NOW, body)
    signed = b"m1." + str(int(NOW.timestamp())).encode() + b"." + body
    mac = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert verify_webhook(secret, headers, body, NOW) == "m1"


@given(st.binary(min_size=24, max_size=64))
def test_a_secret_is_read_as_it_was_written(secret: bytes) -> None:
    assert read_webhook_secret(webhook_secret_text(secret)) == secret


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        base64.b64encode(SECRET).decode(),
        f"whsec-{base64.b64encode(SECRET).decode()}",
        f"whsec_{base64.b64encode(SECRET).decode().rstrip('=')}",
        f"whsec_{base64.b64encode(SECRET).decode()}\n",
        f"whsec_{base64.b64encode(SECRET[:23]).decode()}",
        f"whsec_{base64.b64encode(bytes(65)).decode()}",
        "whsec_\u00fc",
    ],
)
def test_any_other_text_is_no_secret(text: str) -> None:
    with pytest.raises(LotaError) as caught:
        read_webhook_secret(text)
    assert caught.value.code == "WEBHOOK_SECRET_MALFORMED"


def test_one_of_several_signatures_is_enough() -> None:
    other = sign_webhook(bytes(32), "m1", NOW, BODY)["webhook-signature"]
    several = f"v1a,xyz {other} {HEADERS['webhook-signature']}"
    assert code_of({**HEADERS, "webhook-signature": several}) == "m1"
    assert code_of({**HEADERS, "webhook-signature": other}) == "WEBHOOK_SIGNATURE"
    assert code_of({**HEADERS, "webhook-signature": " ".join(["v1,x"] * 9)}) == "WEBHOOK_HEADERS"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"webhook-id": "m2"}, "WEBHOOK_SIGNATURE"),
        ({"webhook-id": ""}, "WEBHOOK_HEADERS"),
        ({"webhook-id": "m1.1614263320"}, "WEBHOOK_HEADERS"),
        ({"webhook-id": "m" * 257}, "WEBHOOK_HEADERS"),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 1)}, "WEBHOOK_SIGNATURE"),
        ({"webhook-timestamp": "yesterday"}, "WEBHOOK_HEADERS"),
        ({"webhook-timestamp": "-1"}, "WEBHOOK_HEADERS"),
        ({"webhook-timestamp": "1" * 13}, "WEBHOOK_HEADERS"),
        ({"webhook-signature": ""}, "WEBHOOK_SIGNATURE"),
        ({"webhook-signature": "v1,"}, "WEBHOOK_SIGNATURE"),
        ({"webhook-signature": HEADERS["webhook-signature"][3:]}, "WEBHOOK_SIGNATURE"),
        ({"webhook-signature": "v2" + HEADERS["webhook-signature"][2:]}, "WEBHOOK_SIGNATURE"),
        ({"webhook-signature": "\udc80"}, "WEBHOOK_SIGNATURE"),
    ],
)
def test_a_delivery_with_another_header_is_refused(changed: dict[str, str], code: str) -> None:
    assert code_of({**HEADERS, **changed}) == code


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_a_delivery_without_a_header_is_refused(name: str) -> None:
    left = {one: value for one, value in HEADERS.items() if one != name}
    assert code_of(left) in {"WEBHOOK_HEADERS", "WEBHOOK_SIGNATURE"}


@given(st.integers(0, 8 * len(BODY) - 1))
def test_a_changed_bit_of_the_body_is_seen(bit: int) -> None:
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8
    assert code_of(dict(HEADERS), bytes(changed)) == "WEBHOOK_SIGNATURE"


def test_five_minutes_on_either_side_are_allowed_and_no_more() -> None:
    for seconds, code in ((299, "m1"), (301, "WEBHOOK_STALE")):
        for away in (timedelta(seconds=seconds), timedelta(seconds=-seconds)):
            assert code_of(dict(HEADERS), now=NOW + away) == code


@given(st.dictionaries(st.sampled_from(sorted(HEADERS)), st.text(max_size=300)), st.binary())
def test_whatever_comes_it_is_refused_with_a_code(headers: dict[str, str], body: bytes) -> None:
    assert code_of(headers, body).startswith("WEBHOOK_")
