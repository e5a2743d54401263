"""Tickets: random texts that open something once. They name their tenant; their SHA-256 is stored.

A ticket is base64url of the tenant's UUID (16 bytes) and 32 random bytes: 64 characters. The tenant
is no secret; it is there so that the row is looked for under row-level security like any other.
"""

import secrets
from typing import NamedTuple
from uuid import UUID

from lotabots.kernel import LotaError, decode_base64url, encode_base64url, sha256

CHARACTERS = 64


class Ticket(NamedTuple):
    """A ticket as its holder has it, and what it is found by."""

    text: str
    tenant: UUID

    @property
    def digest(self) -> bytes:
        """What is stored of it, 32 bytes."""
        return sha256(self.text.encode())


def new_ticket(tenant: UUID) -> Ticket:
    """One that nobody had before."""
    return Ticket(encode_base64url(tenant.bytes + secrets.token_bytes(32)), tenant)


def read_ticket(text: str) -> Ticket | None:
    """The ticket of this text; None for what cannot be one."""
    if len(text) != CHARACTERS or not text.isascii():
        return None
    try:
        data = decode_base64url(text)
    except LotaError:
        return None
    return Ticket(text, UUID(bytes=data[:16]))
