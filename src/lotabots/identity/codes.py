"""One-time codes (TOTP, RFC 6238): six digits of HMAC-SHA-1 over the number of half minutes."""

import base64
import hmac
import re
import struct
from collections.abc import Sequence
from urllib.parse import quote

from lotabots.kernel import equal

SECRET_BYTES = 20
"""As long as the hash (RFC 4226 section 4, R6)."""
STEP_SECONDS = 30
DIGITS = 6
DRIFT = 1
"""Steps that the clock of the device may be off, each way."""

RECOVERY_CODES = 10
_RECOVERY = re.compile(r"[a-z2-7]{4}(?:-[a-z2-7]{4}){3}")


def code_at(secret: bytes, step: int) -> str:
    """The code of that step (RFC 4226 section 5.3), six digits."""
    # SHA-1 is what RFC 6238 and every authenticator speak; HMAC does not rest on collisions.
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(seconds: float) -> int:
    """The step at that time, in seconds since 1970."""
    return int(seconds) // STEP_SECONDS


def matching_step(secret: bytes, code: str, now: int) -> int | None:
    """The step near `now` that this is the code of; None for a wrong code.

    The caller accepts a step only if it is later than the last one that it accepted.
    """
    steps: Sequence[int] = range(now - DRIFT, now + DRIFT + 1)
    given = code.encode("utf-8", "replace")
    # All of them are compared, so that the time does not say which was near.
    matches = [step for step in steps if equal(code_at(secret, step).encode(), given)]
    return max(matches, default=None)


def provisioning_uri(secret: bytes, issuer: str, account: str) -> str:
    """What an authenticator reads from a QR code (the `otpauth` scheme)."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    return (
        f"otpauth://totp/{label}?secret={encoded(secret)}&issuer={quote(issuer, safe='')}"
        f"&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    )


def encoded(secret: bytes) -> str:
    """The secret as people type it: base32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def recovery_code(random: bytes) -> str:
    """A recovery code of 10 random bytes: four groups of four, 80 bits."""
    text = base64.b32encode(random).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))


def as_recovery_code(text: str) -> str | None:
    """The recovery code that someone typed, in its one form; None for what is none."""
    code = text.strip().lower()
    return code if _RECOVERY.fullmatch(code) else None
