"""What a host says of itself for a challenge: one JSON text that carries the nonce of its place.

RFC 8785 JSON of {format, nonce, ...} and the members of `Machine`; a member that could not be read
is left out. The nonce is in lowercase hex. At most 256 KiB.
"""

from typing import Annotated, Literal

import msgspec

from lotabots.evidence.schemes.host_claims.machine import Machine
from lotabots.kernel import LotaError, canonical, invalid, parse_time, strict_struct

FORMAT = "lotabots/host/v1"
MAX_STATEMENT_BYTES = 256 * 1024
_MAX_DEPTH = 6


class _Text(Machine, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    format: Literal["lotabots/host/v1"]
    nonce: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A host's word about itself, and the nonce that it answers."""

    nonce: bytes
    machine: Machine


def write_statement(machine: Machine, nonce: bytes) -> bytes:
    """The statement as bytes. Raises `HOST_STATEMENT` for what no statement may hold."""
    plain = msgspec.to_builtins(machine)
    text = canonical({**plain, "format": FORMAT, "nonce": nonce.hex()})
    # What is sent is what would be read: the writer has no rules of its own.
    read_statement(text)
    return text


def read_statement(data: bytes) -> Statement:
    """What the host states. Raises `HOST_STATEMENT`, whatever the bytes."""
    try:
        text = strict_struct(data, _Text, max_bytes=MAX_STATEMENT_BYTES, max_depth=_MAX_DEPTH)
        parse_time(text.collected_at)
    except LotaError as error:
        detail = "The evidence is no statement of a host about itself."
        raise invalid("HOST_STATEMENT", detail, reason=error.code, why=error.detail) from error
    if text.gpus and text.nvml.status != "available":
        raise invalid("HOST_STATEMENT", "GPUs are stated without a library that shows them.")
    named = {name: getattr(text, name) for name in Machine.__struct_fields__}
    return Statement(nonce=bytes.fromhex(text.nonce), machine=Machine(**named))
