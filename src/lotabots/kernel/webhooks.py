"""Signatures of webhooks: what a receiver holds a delivery against, offline.

Format: Standard Webhooks 1.0 (specification, "Verifying webhooks"): the header `webhook-signature`
is a list, separated by spaces, of `v1,` and the base64 of HMAC-SHA-256 over `ID.TIMESTAMP.BODY`;
the timestamp is Unix seconds; a secret is `whsec_` and 24 to 64 bytes in base64.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from lotabots.kernel.base64text import decode_base64, encode_base64
from lotabots.kernel.digests import equal, hmac_sha256
from lotabots.kernel.errors import Kind, LotaError, invalid

TOLERANCE = timedelta(minutes=5)
"""How far the time of a delivery may lie from the receiver's clock, on either side."""
MAX_SIGNATURES = 8

_PREFIX, _VERSION = "whsec_", "v1,"
_SECRET_BYTES = range(24, 65)
_SECONDS = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_ID = re.compile(r"[!-\-/-~]{1,256}", re.ASCII)
"""Without a dot: it ends where the time begins."""


def webhook_secret_text(secret: bytes) -> str:
    """The secret as its owner keeps it."""
    return _PREFIX + encode_base64(secret)


def read_webhook_secret(text: str) -> bytes:
    """The secret of that text. Raises `WEBHOOK_SECRET_MALFORMED`."""
    try:
        secret = decode_base64(text.removeprefix(_PREFIX))
    except LotaError as error:
        raise _no_secret() from error
    if not text.startswith(_PREFIX) or len(secret) not in _SECRET_BYTES:
        raise _no_secret()
    return secret


def sign_webhook(secret: bytes, message: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The three headers that go with a delivery of this body, sent at this moment."""
    seconds = str(int(at.timestamp()))
    return {
        "webhook-id": message,
        "webhook-timestamp": seconds,
        "webhook-signature": _VERSION + encode_base64(_signature(secret, message, seconds, body)),
    }


def verify_webhook(secret: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a delivery that whoever has the secret signed within `TOLERANCE` of now.

    `headers` by their names in lower case. A delivery that comes again has the same id: whoever
    acts on one remembers it. Raises `WEBHOOK_HEADERS`, `WEBHOOK_SIGNATURE`, `WEBHOOK_STALE`.
    """
    message = headers.get("webhook-id", "")
    seconds = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "").split(" ")
    if not _ID.fullmatch(message) or not _SECONDS.fullmatch(seconds):
        raise invalid("WEBHOOK_HEADERS", "webhook-id or webhook-timestamp is missing or malformed.")
    if len(signatures) > MAX_SIGNATURES:
        raise invalid("WEBHOOK_HEADERS", f"There are more than {MAX_SIGNATURES} signatures.")
    wanted = (_VERSION + encode_base64(_signature(secret, message, seconds, body))).encode()
    # Each of them, so that the time does not tell which one it was.
    found = [equal(one.encode("utf-8", "surrogatepass"), wanted) for one in signatures]
    if not any(found):
        detail = "None of the signatures is one of this secret over this id, time and body."
        raise LotaError(Kind.AUTHENTICATION, "WEBHOOK_SIGNATURE", detail)
    if abs(int(seconds) - now.astimezone(UTC).timestamp()) > TOLERANCE.total_seconds():
        detail = "It was sent too long ago, or the clocks disagree: perhaps it is replayed."
        raise LotaError(Kind.AUTHENTICATION, "WEBHOOK_STALE", detail)
    return message


def _signature(secret: bytes, message: str, seconds: str, body: bytes) -> bytes:
    return hmac_sha256(secret, f"{message}.{seconds}.".encode() + body)


def _no_secret() -> LotaError:
    detail = "A secret is whsec_ and 24 to 64 bytes in base64."
    return invalid("WEBHOOK_SECRET_MALFORMED", detail)
