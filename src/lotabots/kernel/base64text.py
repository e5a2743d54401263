"""Base64 as JOSE (RFC 7515 section 2) and DSSE write it: one text for one sequence of bytes."""

import base64
import binascii

from lotabots.kernel.errors import LotaError, invalid


def encode_base64url(data: bytes) -> str:
    """The base64url text without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """The bytes. Raises `BASE64_MALFORMED` for padding, foreign characters and stray last bits."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed() from error
    # Writing it again is the whole check: Python takes "+", "/" and ignored last bits too.
    if encode_base64url(data) != text:
        raise _malformed()
    return data


def encode_base64(data: bytes) -> str:
    """The base64 text with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode()


def decode_base64(text: str) -> bytes:
    """The bytes. Raises `BASE64_MALFORMED` unless `encode_base64` writes this very text."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed() from error
    if encode_base64(data) != text:
        raise _malformed()
    return data


def _malformed() -> LotaError:
    return invalid("BASE64_MALFORMED", "This is not base64 in its one canonical form.")
