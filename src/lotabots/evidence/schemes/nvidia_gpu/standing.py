"""Where a certificate stands with its issuer, and one source's word about it."""

from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

Source: TypeAlias = Literal["ocsp", "crl"]


class Standing(StrEnum):
    """From best to worst; the values of the fact `revocation.status`."""

    GOOD = "good"
    STALE = "stale"
    """The newest word is good, and older than allowed."""
    MISSING = "missing"
    UNKNOWN = "unknown"
    """The responder does not know the certificate."""
    INVALID = "invalid"
    """There is data about the certificate, and none of it is validly signed."""
    HOLD = "hold"
    REVOKED = "revoked"


class Statement(msgspec.Struct, frozen=True):
    """What one source says of one certificate."""

    standing: Standing
    source: Source
    this_update: datetime
    next_update: datetime | None
