"""API keys as text: `lota_<environment>_<id>_<secret>_<checksum>`, made and read.

The id has 16 characters of base32, the secret 256 bits in 43 characters of base62, the checksum is
CRC-32 (ISO 3309) of all before its underscore in 6 characters of base62. So scanners find a leaked
key by its form alone, and a mistyped one is refused without a question to the database.
"""

import re
import zlib
from typing import NamedTuple

from lotabots.kernel import Kind, LotaError, sha256

PREFIX = "lota_"
SECRET_BYTES = 32

_KEY = re.compile(
    r"lota_[a-z0-9]{1,16}_(?P<id>[a-z2-7]{16})_[0-9A-Za-z]{43}_(?P<checksum>[0-9A-Za-z]{6})"
)
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class ApiKey(NamedTuple):
    """A key as it is looked up: by id, then by the SHA-256 of its whole text."""

    id: str
    digest: bytes


def write_api_key(environment: str, key_id: str, secret: bytes) -> str:
    """The text of a key. The secret is 32 random bytes."""
    if len(secret) != SECRET_BYTES:
        raise ValueError("the secret of an API key has 32 bytes")
    body = f"{PREFIX}{environment}_{key_id}_{_base62(int.from_bytes(secret, 'big'), 43)}"
    text = f"{body}_{_checksum(body)}"
    read_api_key(text)
    return text


def read_api_key(text: str) -> ApiKey:
    """The key of this text. Raises `API_KEY_INVALID` unless form and checksum are right."""
    found = _KEY.fullmatch(text)
    if found is None or found["checksum"] != _checksum(text.rpartition("_")[0]):
        detail = "This is no API key, or it was not copied whole."
        raise LotaError(Kind.AUTHENTICATION, "API_KEY_INVALID", detail)
    return ApiKey(found["id"], sha256(text.encode()))


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), 6)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
