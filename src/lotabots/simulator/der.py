"""Just enough DER (X.690) to write what no library writes: FWID extensions and OCSP responses."""

from datetime import datetime

INTEGER, BIT_STRING, OCTET_STRING, NULL, OBJECT_IDENTIFIER = 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTF8_STRING, GENERALIZED_TIME, SEQUENCE = 0x0A, 0x0C, 0x18, 0x30


def tlv(tag: int, *contents: bytes) -> bytes:
    """One element with a one-byte tag; the contents are joined."""
    body = b"".join(contents)
    length = len(body)
    if length < 0x80:
        return bytes([tag, length]) + body
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + body


def sequence(*elements: bytes) -> bytes:
    """A SEQUENCE of these elements."""
    return tlv(SEQUENCE, *elements)


def explicit(number: int, *elements: bytes) -> bytes:
    """The elements inside a constructed context tag."""
    return tlv(0xA0 | number, *elements)


def implicit(number: int, contents: bytes) -> bytes:
    """A primitive value under a context tag."""
    return tlv(0x80 | number, contents)


def integer(number: int) -> bytes:
    """A non-negative INTEGER, with a leading zero byte where the sign bit would be set."""
    return tlv(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(data: bytes) -> bytes:
    """An OCTET STRING."""
    return tlv(OCTET_STRING, data)


def bits(data: bytes) -> bytes:
    """A BIT STRING of whole bytes."""
    return tlv(BIT_STRING, b"\x00", data)


def text(value: str) -> bytes:
    """A UTF8String."""
    return tlv(UTF8_STRING, value.encode())


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = b""
    for number in (40 * first + second, *rest):
        group = [number & 0x7F]
        while number := number >> 7:
            group.append(number & 0x7F | 0x80)
        body += bytes(reversed(group))
    return tlv(OBJECT_IDENTIFIER, body)


def generalized_time(moment: datetime) -> bytes:
    """A GeneralizedTime in UTC to the second; `moment` is aware and in UTC."""
    return tlv(GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%SZ}".encode())
