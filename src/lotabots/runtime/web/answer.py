"""The bytes of an HTTP/1.1 answer: its head, how its end is told, and the answers of the server."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from itertools import chain
from typing import NamedTuple

import msgspec

Header = tuple[bytes, bytes]

_STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}".encode() for one in HTTPStatus}
_CONTROLS = bytes({*range(0x20), 0x7F} - {0x09})
"""What no header may hold (RFC 9110 section 5.5); two of them end each line of a head."""
_CLOSE = (b"connection", b"close")
_CHUNKED = (b"transfer-encoding", b"chunked")


def lines(first: bytes, headers: Sequence[Header]) -> bytes:
    """The head that these make. Raises `ValueError` for what would be more than one."""
    said = b"".join([first, *chain.from_iterable(headers)])
    if len(said) != len(said.translate(None, _CONTROLS)):  # a regular expression takes longer
        raise ValueError("a control character in a header")
    return b"\r\n".join([first, *map(b": ".join, headers), b"\r\n"])


class Head(NamedTuple):
    """The head of an answer."""

    text: bytes
    length: int | None
    """Bytes of the body that must follow; None where its end is told in another way."""
    chunked: bool
    kept: bool
    """Whether the connection may be used again."""


def head(status: int, headers: Iterable[Header], *, bodiless: bool, old: bool, kept: bool) -> Head:
    """The head that these headers make. Raises `ValueError` for what would not be one head.

    `bodiless` is the answer to HEAD, `old` one to HTTP/1.0, which knows no chunks.
    """
    headers = list(headers)
    fields = dict(headers)
    if not b"".join(fields).islower():  # ASGI asks for names in lower case
        headers = [(name.lower(), value) for name, value in headers]
        fields = dict(headers)
    if _CHUNKED[0] in fields:
        raise ValueError("how the end of a body is told is the server's to say")
    if (connection := fields.get(b"connection")) is not None:
        kept = kept and b"close" not in connection.lower()
    elif not kept:
        headers.append(_CLOSE)
    announced = fields.get(b"content-length")
    length = None if announced is None else int(announced)
    chunked = False
    if bodiless or status in (204, 304):
        length = 0
    elif length is None and not old:
        chunked = True
        headers.append(_CHUNKED)
    line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status
    return Head(lines(line, headers), length, chunked, kept)


def _own(status: int, code: str, message: str, *headers: Header) -> bytes:
    body = msgspec.json.encode({"message": message, "code": code, "details": {}})
    return (
        head(
            status,
            [
                (b"content-type", b"application/json"),
                (b"x-content-type-options", b"nosniff"),
                (b"cache-control", b"no-store"),
                *headers,
                (b"content-length", str(len(body)).encode()),
            ],
            bodiless=False, old=False, kept=False,
        ).text
        + body
    )  # fmt: skip


NOT_HTTP = _own(400, "REQUEST_NOT_HTTP", "This is not an HTTP request.")
BROKEN = _own(500, "INTERNAL", "Something broke on our side.")
