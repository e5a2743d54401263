"""ZIP archives by their directory: each byte belongs to one member, which is described in one way.

A parser of a binary format. Source: APPNOTE.TXT 6.3.10 (sections 4.3 to 4.6), little-endian. The
directory, the headers before the members and the descriptors behind them have to agree, members
lie end to end from the first byte, and the end record is the last 22 bytes. So every reader, from
the front or from the back, sees the same files.
"""

import re
import struct
import zlib
from dataclasses import dataclass, replace

from lotabots.models.formats.cursor import Section
from lotabots.models.formats.faults import Faults
from lotabots.models.memory import Memory
from lotabots.models.types import Content

MAX_MEMBERS = 131_072
MAX_DIRECTORY = 32 * 1024 * 1024
MAX_INFLATED = 64 * 1024 * 1024
"""Bytes that one member is unpacked to here."""
MAX_CHECKED = 1024 * 1024
"""Bytes of a member whose checksum is computed without being asked for it."""
MAX_CHECKED_ALL = 64 * 1024 * 1024
MAX_RATIO = 200
"""Times that an archive's members may be larger than they are stored, beyond MAX_INFLATED."""

STORED, DEFLATED = 0, 8
_DESCRIBED_BEHIND, _UTF8 = 1 << 3, 1 << 11
_ENCRYPTED = 1 | 1 << 6 | 1 << 13
_KNOWN_FLAGS = _DESCRIBED_BEHIND | _UTF8 | 0b110  # bits 1 and 2: how hard it was deflated
_ZIP64, _PADDING = 0x0001, 0x4246  # "FB", PyTorch's alignment
_TIMES = (0x5455, 0x7875, 0x000A, 0x5855)  # times and owners of Info-ZIP and NTFS
_FULL_2, _FULL_4 = 0xFFFF, 0xFFFFFFFF
_BAD_NAME = re.compile(r"[\x00-\x1f\x7f\\:]|(?:^|/)\.{0,2}(?:/|$)")

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_LOCATOR = struct.Struct("<4sIQI")
_END_64 = struct.Struct("<4sQHHIIQQQQ")


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive, as all its descriptions agree."""

    name: str
    method: int
    crc: int
    size: int
    packed: int
    flags: int
    header: int
    """Offset of its local header."""
    begin: int = 0
    """Offset of its bytes."""

    @property
    def folder(self) -> bool:
        """Whether it only names a folder."""
        return self.name.endswith("/")


def read_zip(content: Content, faults: Faults) -> tuple[Member, ...]:
    """The members in the order of their bytes. Raises `Stop` if the archive has no one reading."""
    begin, size, count, end = _directory(content, faults)
    described = _central(content.read(begin, size), count, faults)
    described.sort(key=lambda member: member.header)
    placed: list[Member] = []
    at = 0
    for member in described:
        if member.header != at:
            code = "ZIP-HIDDEN" if member.header > at else "ZIP-MISMATCH"
            faults.refuse(code, offset=at, expected=member.header, measured=at)
        found, at = _local(content, member, begin, faults)
        placed.append(found)
    if at != begin:
        faults.refuse("ZIP-HIDDEN", offset=at, expected=begin, measured=at)
    _check_sizes(placed, end, faults)
    return tuple(placed)


def _directory(content: Content, faults: Faults) -> tuple[int, int, int, int]:
    """Where the directory begins, its bytes and entries, and where it ends."""
    if content.size < 22:
        faults.refuse("ZIP-END", measured=content.size)
    end = content.size - 22
    magic, disk, first, here, count, size, begin, comment = _END.unpack(content.read(end, 22))
    if magic != b"PK\x05\x06" or comment:
        faults.refuse("ZIP-END", offset=end)
    if disk or first or here != count:
        faults.refuse("ZIP-DIRECTORY", offset=end, measured="more than one disk")
    stop = end
    if end >= 20 and content.read(end - 20, 4) == b"PK\x06\x07":
        stop, values = _directory_64(content, end - 20, faults)
        for short, full, wide in (
            (count, _FULL_2, values[0]),
            (size, _FULL_4, values[1]),
            (begin, _FULL_4, values[2]),
        ):
            if short not in (full, wide):
                faults.refuse("ZIP-MISMATCH", offset=end, expected=wide, measured=short)
        count, size, begin = values
    if begin + size != stop:
        faults.refuse("ZIP-HIDDEN", offset=stop, expected=stop, measured=begin + size)
    if count > MAX_MEMBERS or size > MAX_DIRECTORY:
        faults.refuse("ZIP-LIMIT", expected=MAX_MEMBERS, measured=count)
    return begin, size, count, stop


def _directory_64(
    content: Content, locator: int, faults: Faults
) -> tuple[int, tuple[int, int, int]]:
    """Where the wide end record begins, and its entries, bytes and offset of the directory."""
    _, disk, at, disks = _LOCATOR.unpack(content.read(locator, 20))
    if disk or disks != 1 or at != locator - 56 or at < 0:
        faults.refuse("ZIP-DIRECTORY", offset=locator, measured="a wide end elsewhere")
    record = _END_64.unpack(content.read(at, 56))
    magic, length, _made, _needed, disk, first, here, count, size, begin = record
    if magic != b"PK\x06\x06" or length != 44 or disk or first or here != count:
        faults.refuse("ZIP-DIRECTORY", offset=at, measured="a wide end")
    return at, (count, size, begin)


def _central(data: bytes, count: int, faults: Faults) -> list[Member]:
    """The entries of the directory."""
    found: list[Member] = []
    names: set[str] = set()
    at = 0
    for _ in range(count):
        if at + 46 > len(data):
            faults.refuse("ZIP-DIRECTORY", measured="fewer entries than stated")
        fields = _CENTRAL.unpack_from(data, at)
        magic, _made, _needed, flags, method, _time, _date, crc, packed, size = fields[:10]
        name_size, extra_size, comment, disk, _inner, _outer, header = fields[10:]
        at += 46
        if magic != b"PK\x01\x02" or disk or at + name_size + extra_size > len(data):
            faults.refuse("ZIP-DIRECTORY", measured=f"entry {len(found)}")
        if comment:
            faults.refuse("ZIP-HIDDEN", measured="a comment of a member")
        name = _name(data[at : at + name_size], flags, faults)
        at += name_size
        wide = _extra(data[at : at + extra_size], name, faults)
        at += extra_size
        size, packed, header = _widen((size, packed, header), wide, name, faults)
        if flags & _ENCRYPTED:
            faults.finding("ZIP-ENCRYPTED", measured=name)
        elif flags & ~_KNOWN_FLAGS:
            faults.finding("ZIP-MISMATCH", measured=f"flags {flags:#x} of {name}")
        if name.casefold() in names:
            faults.finding("ZIP-DUPLICATE", measured=name)
        names.add(name.casefold())
        found.append(Member(name, method, crc, size, packed, flags, header))
    if at != len(data):
        faults.refuse("ZIP-HIDDEN", measured="bytes behind the directory's entries")
    return found


def _name(raw: bytes, flags: int, faults: Faults) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        faults.refuse("ZIP-NAME", measured=repr(raw[:80]))
    if not name or len(raw) > 1024 or _BAD_NAME.search(name.removesuffix("/")):
        faults.finding("ZIP-NAME", measured=repr(name[:80]))
    return name


def _extra(data: bytes, name: str, faults: Faults) -> bytes:
    """The wide sizes among the extra fields; others hold padding or times, or are refused."""
    wide = b""
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            faults.refuse("ZIP-HIDDEN", measured=f"extra of {name}")
        kind, length = struct.unpack_from("<HH", data, at)
        value = data[at + 4 : at + 4 + length]
        if len(value) != length:
            faults.refuse("ZIP-HIDDEN", measured=f"extra of {name}")
        at += 4 + length
        if kind == _ZIP64 and not wide and value:
            wide = value
        elif kind == _PADDING:
            # All of one byte: alignment holds no data.
            if value.strip(value[:1]):
                faults.finding("ZIP-HIDDEN", measured=f"padding of {name}")
        elif kind not in _TIMES or length > 64:
            faults.finding("ZIP-HIDDEN", measured=f"extra {kind:#06x} of {name}")
    return wide


def _widen(short: tuple[int, ...], wide: bytes, name: str, faults: Faults) -> tuple[int, ...]:
    """These values, those that are full taken from the wide ones, which are exactly so many.

    Or all of them are there both ways, and the same: so writes Python before 3.11.4 what it was to
    write wide, the arrays of numpy.savez among it.
    """
    full = [value == _FULL_4 for value in short]
    if not any(full) and wide == struct.pack(f"<{len(short)}Q", *short):
        return short
    if len(wide) != 8 * sum(full):
        faults.refuse("ZIP-MISMATCH", measured=f"wide sizes of {name}")
    values = iter(struct.unpack(f"<{len(wide) // 8}Q", wide))
    return tuple(
        next(values) if is_full else value for value, is_full in zip(short, full, strict=True)
    )


def _local(content: Content, member: Member, limit: int, faults: Faults) -> tuple[Member, int]:
    """The member with the place of its bytes, and where the next one begins."""
    at = member.header
    if at + 30 > limit:
        faults.refuse("ZIP-DIRECTORY", offset=at, measured=member.name)
    fields = _LOCAL.unpack(content.read(at, 30))
    magic, _needed, flags, method, _time, _date, crc, packed, size, name_size, extra_size = fields
    begin = at + 30 + name_size + extra_size
    if magic != b"PK\x03\x04" or begin + member.packed > limit:
        faults.refuse("ZIP-DIRECTORY", offset=at, measured=member.name)
    text = content.read(at + 30, name_size + extra_size)
    if _name(text[:name_size], flags, faults) != member.name:
        faults.refuse("ZIP-MISMATCH", offset=at, expected=member.name, measured="another name")
    size, packed = _widen(
        (size, packed), _extra(text[name_size:], member.name, faults), member.name, faults
    )
    if (flags, method) != (member.flags, member.method):
        faults.refuse("ZIP-MISMATCH", offset=at, measured=f"flags or method of {member.name}")
    stated = (crc, packed, size)
    true = (member.crc, member.packed, member.size)
    behind = bool(flags & _DESCRIBED_BEHIND)
    if stated != true and not (behind and stated == (0, 0, 0)):
        faults.refuse("ZIP-MISMATCH", offset=at, measured=f"size or checksum of {member.name}")
    end = begin + member.packed
    if behind:
        end = _descriptor(content, end, limit, true, faults)
    return replace(member, begin=begin), end


def _descriptor(
    content: Content, at: int, limit: int, true: tuple[int, int, int], faults: Faults
) -> int:
    """Where the descriptor behind a member ends; it has its signature, and 4 or 8 bytes a size."""
    data = content.read(at, min(24, limit - at))
    wide = max(true[1:]) >= _FULL_4
    for form in ("<4sIQQ",) if wide else ("<4sIII", "<4sIQQ"):
        length = struct.calcsize(form)
        if len(data) >= length and struct.unpack(form, data[:length]) == (b"PK\x07\x08", *true):
            return at + length
    return faults.refuse("ZIP-MISMATCH", offset=at, measured="a descriptor")


def _check_sizes(members: list[Member], stop: int, faults: Faults) -> None:
    """Stored members are as large as they lie there; deflated ones are no bombs."""
    for member in members:
        if member.method == STORED and member.size != member.packed:
            faults.refuse("ZIP-MISMATCH", measured=f"size of {member.name}")
        if member.folder and (member.size or member.packed):
            faults.finding("ZIP-NAME", measured=f"a folder with bytes: {member.name[:80]}")
        if member.method not in (STORED, DEFLATED):
            faults.finding("ZIP-METHOD", measured=f"{member.method} of {member.name[:80]}")
    total = sum(member.size for member in members)
    if total > max(MAX_INFLATED, MAX_RATIO * stop):
        faults.finding("ZIP-BOMB", expected=MAX_RATIO * stop, measured=total)


def open_member(content: Content, member: Member, faults: Faults) -> Content | None:
    """The member's bytes; None, with a finding, if they are not to be had."""
    if member.flags & _ENCRYPTED or member.method not in (STORED, DEFLATED):
        return None
    packed = Section(content, member.begin, member.packed)
    if member.method == STORED:
        return packed
    if member.size > MAX_INFLATED:
        faults.finding("ZIP-LIMIT", expected=MAX_INFLATED, measured=member.size)
        return None
    data = _inflate(packed, member.size)
    if data is None:
        faults.finding("ZIP-CRC", measured=member.name)
        return None
    return Memory(data)


def _inflate(packed: Content, size: int) -> bytes | None:
    """Exactly `size` bytes that these unpack to, all of them used; else None."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    parts: list[bytes] = []
    at = found = 0
    try:
        while at < packed.size and not inflate.eof:
            data = packed.read(at, min(1 << 20, packed.size - at))
            at += len(data)
            # One more than is stated, so that too much is seen.
            while data and found <= size and not inflate.eof:
                part = inflate.decompress(data, size + 1 - found)
                parts.append(part)
                found += len(part)
                data = inflate.unconsumed_tail
            if found > size:
                return None
    except zlib.error:
        return None
    whole = inflate.eof and at == packed.size and not inflate.unused_data
    return b"".join(parts) if whole and found == size else None


def check_members(content: Content, members: tuple[Member, ...], faults: Faults) -> None:
    """Finds small members whose checksum is false; large ones are read by who hashes the file."""
    left = MAX_CHECKED_ALL
    for member in members:
        if member.size > min(MAX_CHECKED, left):
            continue
        opened = open_member(content, member, faults)
        if opened is not None:
            left -= member.size
            check_member(opened, member, faults)


def check_member(opened: Content, member: Member, faults: Faults) -> bool:
    """Whether the member has its checksum; reads all of it."""
    crc = at = 0
    while at < opened.size:
        data = opened.read(at, min(1 << 20, opened.size - at))
        crc = zlib.crc32(data, crc)
        at += len(data)
    if crc != member.crc:
        faults.finding("ZIP-CRC", offset=member.begin, expected=member.crc, measured=member.name)
    return crc == member.crc
