"""Signed status lists: which results still hold, as one compressed array for thousands of them.

Source: draft-ietf-oauth-status-list, sections 4 (the array), 5 (the token), 7 (the values). Entry i
of b bits stands in byte i * b // 8, from the least significant bit up; ZLIB compresses the array.
"""

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec

from lotabots.kernel import (
    Kind,
    LotaError,
    SigningKey,
    VerificationKeys,
    decode_base64url,
    encode_base64url,
    invalid,
    sign_jws,
    strict_struct,
    verify_jws,
)
from lotabots.result.types import Uri
from lotabots.result.wire import Seconds

STATUS_TYPE = "statuslist+jwt"

VALID = 0
INVALID = 1
SUSPENDED = 2

MAX_ARRAY_BYTES = 1024 * 1024
"""Of the array once inflated: a million entries of 8 bits, eight million of one."""

MAX_STATUS_CHARACTERS = 2 * 1024 * 1024

Bits = Literal[1, 2, 4, 8]


class _Array(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bits: Bits
    lst: Annotated[str, msgspec.Meta(max_length=MAX_STATUS_CHARACTERS)]


class _Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sub: Uri
    iat: Seconds
    exp: Seconds
    ttl: Seconds
    status_list: _Array


class StatusList(msgspec.Struct, frozen=True, kw_only=True):
    """A status list whose signature held. How fresh it must be, `admit` decides."""

    uri: str
    issued_at: datetime
    expires_at: datetime
    ttl: timedelta
    bits: Bits
    array: bytes

    def __len__(self) -> int:
        return len(self.array) * 8 // self.bits

    def get(self, idx: int) -> int | None:
        """The status at this place; None beyond the end, which is never `VALID`."""
        if not 0 <= idx < len(self):
            return None
        place, within = divmod(idx * self.bits, 8)
        return self.array[place] >> within & (1 << self.bits) - 1


def issue_status_list(
    statuses: Mapping[int, int],
    *,
    size: int,
    bits: Bits,
    uri: str,
    key: SigningKey,
    now: datetime,
    lifetime: timedelta,
    ttl: timedelta,
) -> str:
    """The signed list of at least `size` entries, all `VALID` but those in `statuses`.

    Raises `STATUS_UNISSUABLE` for what `read_status_list` would refuse.
    """
    length = -(-size * bits // 8)
    if not 1 <= length <= MAX_ARRAY_BYTES:
        raise _unissuable("its size is out of range")
    array = bytearray(length)
    for idx, status in statuses.items():
        if not (0 <= idx < size and VALID <= status < 1 << bits):
            raise _unissuable("an entry is out of range")
        place, within = divmod(idx * bits, 8)
        array[place] |= status << within
    start = int(now.timestamp())
    claims = _Claims(
        sub=uri,
        iat=start,
        exp=start + int(lifetime.total_seconds()),
        ttl=int(ttl.total_seconds()),
        status_list=_Array(bits, encode_base64url(zlib.compress(array, level=9))),
    )
    payload = msgspec.json.encode(claims)
    try:
        msgspec.json.decode(payload, type=_Claims)
    except msgspec.ValidationError as error:
        raise _unissuable(str(error)) from error
    return sign_jws(payload, key, STATUS_TYPE)


def read_status_list(token: str, keys: VerificationKeys) -> StatusList:
    """What the status list says, once one of these keys signed it.

    Raises `JWS_*`, `SIGNATURE_INVALID`, `JSON_*` or `STATUS_MALFORMED`. It never inflates more than
    `MAX_ARRAY_BYTES`.
    """
    payload = verify_jws(token, keys, STATUS_TYPE, MAX_STATUS_CHARACTERS)
    claims = strict_struct(payload, _Claims, max_bytes=MAX_STATUS_CHARACTERS, max_depth=2)
    if claims.exp <= claims.iat:
        raise _malformed("it ends before it begins")
    return StatusList(
        uri=claims.sub,
        issued_at=datetime.fromtimestamp(claims.iat, UTC),
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        ttl=timedelta(seconds=min(claims.ttl, claims.exp - claims.iat)),
        bits=claims.status_list.bits,
        array=_inflate(claims.status_list.lst),
    )


def _inflate(text: str) -> bytes:
    inflater = zlib.decompressobj()
    try:
        array = inflater.decompress(decode_base64url(text), MAX_ARRAY_BYTES + 1)
    except (zlib.error, LotaError) as error:
        raise _malformed("its array is not ZLIB in base64url") from error
    if len(array) > MAX_ARRAY_BYTES:
        raise _malformed(f"its array inflates to more than {MAX_ARRAY_BYTES} bytes")
    if not (array and inflater.eof) or inflater.unused_data or inflater.unconsumed_tail:
        raise _malformed("its array is empty, cut, or followed by other bytes")
    return array


def _malformed(why: str) -> LotaError:
    return invalid("STATUS_MALFORMED", f"This is no status list that can be used: {why}.")


def _unissuable(why: str) -> LotaError:
    return LotaError(
        Kind.INTERNAL, "STATUS_UNISSUABLE", f"This status list cannot be issued: {why}."
    )
