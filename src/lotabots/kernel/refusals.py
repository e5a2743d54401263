"""The error that a service answered with, read back from its status and body."""

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from lotabots.kernel.errors import Kind, LotaError

MAX_DETAIL = 200
"""Characters of one text among the details; a longer one is left out."""
MAX_MESSAGE = 1000
KIND_OF_STATUS: Mapping[int, Kind] = MappingProxyType(
    {
        400: Kind.VALIDATION,
        401: Kind.AUTHENTICATION,
        403: Kind.AUTHORIZATION,
        404: Kind.NOT_FOUND,
        409: Kind.CONFLICT,
        429: Kind.RATE_LIMITED,
        503: Kind.UNAVAILABLE,
    }
)
_CODE = re.compile(r"[A-Z][A-Z0-9_-]{0,63}")


class _Body(msgspec.Struct):
    """What every service answers with when it refuses (DESIGN section 7, Errors)."""

    message: str
    code: str
    details: dict[str, object] = {}


def refusal_of(status: int, answer: bytes) -> LotaError:
    """The server's error as ours, with its own code; `SERVER_ANSWER` where it has none."""
    kind = KIND_OF_STATUS.get(status, Kind.INTERNAL)
    try:
        body = msgspec.json.decode(answer, type=_Body)
    except (msgspec.DecodeError, RecursionError):
        body = _Body("", "")
    if not _CODE.fullmatch(body.code):
        return LotaError(kind, "SERVER_ANSWER", f"the server answered {status} without a code")
    error = LotaError(kind, body.code, body.message[:MAX_MESSAGE])
    error.details |= {  # by name they could be taken for arguments of ours
        name: value
        for name, value in body.details.items()
        if isinstance(value, int) or (isinstance(value, str) and len(value) <= MAX_DETAIL)
    }
    return error
