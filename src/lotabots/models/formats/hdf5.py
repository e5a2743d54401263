"""HDF5 files by their objects: groups, the types of their data sets, and attributes that are texts.

A parser of a binary format. Source: HDF5 File Format Specification 3.0, sections II to IV,
little-endian. Offsets and lengths of 8 bytes only. Numbers and texts are harmless; what this reader
does not follow (dense groups, compound and opaque types, soft links) is inconclusive, and data that
comes from another file is refused.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.types import Content

SIGNATURE = b"\x89HDF\r\n\x1a\n"
PLACES = (0, 512, 1024, 2048)
"""Where the signature may stand: at the beginning, or behind a block of the user's own."""
UNDEFINED = 2**64 - 1
MAX_OBJECTS = 100_000
MAX_READ = 64 * 1024 * 1024
"""Bytes of headers that are read in all, counting again what is read again."""
MAX_TEXT = 16 * 1024 * 1024

_INTEGER, _FLOAT, _TEXT, _ENUM, _ROW = 0, 1, 3, 8, 9
_HARMLESS = {0x0, 0x1, 0x4, 0x5, 0xA, 0xB, 0xD, 0xE, 0x12, 0x13, 0x14, 0x16}
"""Messages without a part that leads anywhere: shape, fill, filters, comment, times, counts."""
_EXTERNAL_LINK = 64


def sniff(head: bytes) -> bool:
    """Whether a file that begins so is HDF5."""
    return any(head[place : place + 8] == SIGNATURE for place in PLACES)


@dataclass
class Walk:
    """One walk through a file's objects."""

    content: Content
    faults: Faults
    wanted: frozenset[str]
    """Names of attributes whose text is kept."""
    texts: list[tuple[str, bytes]] = field(default_factory=list)
    read_so_far: int = 0
    seen: set[int] = field(default_factory=set)
    left: list[int] = field(default_factory=list)
    """Addresses of object headers that are still to be read."""

    def take(self, at: int, length: int) -> bytes:
        """The bytes at an address."""
        if at < 0 or length < 0 or at + length > self.content.size:
            self.faults.refuse("HDF5-MALFORMED", offset=at, measured=length)
        self.read_so_far += length + 64
        if self.read_so_far > MAX_READ or len(self.seen) > MAX_OBJECTS:
            self.unread("more than is read here")
            raise Stop
        return self.content.read(at, length)

    def unread(self, what: str, at: int | None = None) -> None:
        """Notes a part that is not followed; the walk goes on."""
        self.faults.finding("HDF5-UNREAD", offset=at, measured=what)

    def expect(self, at: int, length: int, magic: bytes) -> bytes:
        """The bytes at an address, which begin so."""
        data = self.take(at, length)
        if not data.startswith(magic):
            self.faults.refuse("HDF5-MALFORMED", offset=at, expected=magic)
        return data


def read(content: Content, faults: Faults, wanted: frozenset[str]) -> list[tuple[str, bytes]]:
    """The texts of the wanted attributes, of whatever object; findings about all else."""
    walk = Walk(content, faults, wanted)
    try:
        walk.left.append(_root(walk))
        while walk.left:
            at = walk.left.pop()
            if at not in walk.seen:
                walk.seen.add(at)
                _object(walk, at)
    except Stop:
        pass
    except (struct.error, IndexError):  # a message that is shorter than what it should hold
        faults.finding("HDF5-MALFORMED", measured="a message is cut")
    return walk.texts


def _root(walk: Walk) -> int:
    """The address of the root group's header, by the superblock."""
    head = walk.take(0, min(112, walk.content.size))
    if head[:8] != SIGNATURE:
        walk.unread("a block before the file")
        raise Stop
    version = head[8] if len(head) >= 48 else 255
    if version in (0, 1) and len(head) >= 96:
        sizes, at = head[13:15], 24 + 4 * version
        base, _, end, _, _, root = struct.unpack_from("<6Q", head, at)
    elif version in (2, 3):
        sizes = head[9:11]
        base, _, end, root = struct.unpack_from("<4Q", head, 12)
    else:
        walk.faults.refuse("HDF5-MALFORMED", offset=8, measured=f"superblock {version}")
    if sizes != b"\x08\x08" or base:
        walk.unread("offsets of other sizes")
        raise Stop
    if end != walk.content.size:
        walk.faults.refuse("HDF5-MALFORMED", expected=end, measured=walk.content.size)
    return int(root)


def _object(walk: Walk, at: int) -> None:
    for kind, flags, body in _messages(walk, at):
        if flags & 2 and kind not in _HARMLESS:
            walk.unread("a shared message", at)
        elif kind == 0x3:
            _check_type(walk, body, at)
        elif kind == 0x6:
            _link(walk, body, at)
        elif kind == 0x7:
            walk.faults.finding("HDF5-EXTERNAL", offset=at)
        elif kind == 0x8:
            _layout(walk, body, at)
        elif kind == 0xC:
            _attribute(walk, body, at)
        elif kind == 0x11:
            tree, heap = struct.unpack_from("<QQ", body)
            walk.expect(heap, 32, b"HEAP")
            _tree(walk, tree)
        elif kind in (0x2, 0x15):
            _dense(walk, kind, body, at)
        elif kind not in _HARMLESS:
            walk.unread(f"message {kind:#x}", at)


def _messages(walk: Walk, at: int) -> Iterator[tuple[int, int, bytes]]:
    """Type, flags and body of each message of an object, continuations followed once."""
    head = walk.take(at, 16)
    new = head[:4] == b"OHDR"
    ordered = new and bool(head[5] & 4)
    if new:
        flags = head[5]
        skip = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(walk.take(at + skip, width), "little")
        blocks = [(at + skip + width, size)]
    elif head[0] == 1:
        blocks = [(at + 16, int.from_bytes(head[8:12], "little"))]
    else:
        walk.faults.refuse("HDF5-MALFORMED", offset=at, measured="object header")
    followed: set[int] = set()
    while blocks:
        begin, size = blocks.pop()
        if begin in followed:
            walk.faults.refuse("HDF5-MALFORMED", offset=begin, measured="a continuation twice")
        followed.add(begin)
        for kind, flags, body in _block(walk, begin, size, new=new, ordered=ordered):
            if kind == 0x10:
                start, length = struct.unpack_from("<QQ", body)
                if new:
                    walk.expect(start, 4, b"OCHK")
                    start, length = start + 4, length - 8
                blocks.append((start, length))
            else:
                yield kind, flags, body


def _block(
    walk: Walk, begin: int, size: int, *, new: bool, ordered: bool
) -> Iterator[tuple[int, int, bytes]]:
    data = walk.take(begin, size)
    head = (6 if ordered else 4) if new else 8
    at = 0
    # The new form may end with a gap that is too small for a message.
    while at + head <= len(data):
        if new:
            kind, length, flags = struct.unpack_from("<BHB", data, at)
        else:
            kind, length, flags = struct.unpack_from("<HHB", data, at)
        body = data[at + head : at + head + length]
        if len(body) != length:
            walk.faults.refuse("HDF5-MALFORMED", offset=begin + at, measured="a message is cut")
        at += head + length
        yield kind, flags, body
    if not new and at != len(data):
        walk.faults.refuse("HDF5-MALFORMED", offset=begin + at, measured="a message is cut")


def _check_type(walk: Walk, body: bytes, at: int) -> bool:
    """Whether the type is a number, a text or names for numbers."""
    if len(body) < 8:
        walk.faults.refuse("HDF5-MALFORMED", offset=at, measured="type")
    kind = body[0] & 0xF
    if kind in (_INTEGER, _FLOAT, _TEXT, _ENUM) or (kind == _ROW and body[1] & 0xF == 1):
        return True
    walk.unread(f"type of class {kind}", at)
    return False


def _link(walk: Walk, body: bytes, at: int) -> None:
    """A link of a group in the new form."""
    version, flags = body[0], body[1]
    place = 2
    kind = 0
    if flags & 8:
        kind = body[place]
        place += 1
    place += (8 if flags & 4 else 0) + (1 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    length = int.from_bytes(body[place : place + width], "little")
    place += width + length
    if version != 1 or place > len(body):
        walk.faults.refuse("HDF5-MALFORMED", offset=at, measured="link")
    if kind == 0:
        walk.left.append(int(struct.unpack_from("<Q", body, place)[0]))
    elif kind == _EXTERNAL_LINK:
        walk.faults.finding("HDF5-EXTERNAL", offset=at)
    else:
        walk.unread(f"link of kind {kind}", at)


def _layout(walk: Walk, body: bytes, at: int) -> None:
    """Where a data set's bytes are: in this file, or it is refused."""
    version, kind = body[0], body[1]
    if version not in (3, 4):
        walk.unread(f"layout {version}", at)
    elif kind == 1:
        begin, size = struct.unpack_from("<QQ", body, 2)
        if begin != UNDEFINED and begin + size > walk.content.size:
            walk.faults.finding("HDF5-MALFORMED", offset=at, measured="data behind the end")
    elif kind == 3:
        walk.faults.finding("HDF5-EXTERNAL", offset=at, measured="a virtual data set")


def _dense(walk: Walk, kind: int, body: bytes, at: int) -> None:
    """Links or attributes may stand in a heap, which is not read here."""
    flags = body[1]
    # Behind the version and flags: the highest creation index, of 8 bytes for links and 2 else.
    place = 2 + ((8 if kind == 0x2 else 2) if flags & 1 else 0)
    if struct.unpack_from("<Q", body, place)[0] != UNDEFINED:
        walk.unread("a dense group or attributes", at)


def _tree(walk: Walk, root: int) -> None:
    """The members of a group in the old form, by its B-tree."""
    nodes = [root]
    while nodes:
        at = nodes.pop()
        if at in walk.seen:
            walk.faults.refuse("HDF5-MALFORMED", offset=at, measured="a node twice")
        walk.seen.add(at)
        head = walk.take(at, 8)
        if head[:4] == b"SNOD":
            count = int.from_bytes(head[6:8], "little")
            rows = walk.take(at + 8, 40 * count)
            for row in range(0, 40 * count, 40):
                _name, address, cached = struct.unpack_from("<QQI", rows, row)
                if cached == 2:
                    walk.unread("a soft link", at)
                else:
                    walk.left.append(address)
            continue
        if head[:4] != b"TREE" or head[4] != 0:
            walk.faults.refuse("HDF5-MALFORMED", offset=at, measured="tree")
        count = int.from_bytes(head[6:8], "little")
        keys = walk.take(at + 24, 16 * count)
        nodes.extend(struct.unpack_from("<Q", keys, 16 * row + 8)[0] for row in range(count))


def _attribute(walk: Walk, body: bytes, at: int) -> None:
    """Keeps the text of a wanted attribute; of others only the type is looked at."""
    version = body[0]
    name_size, type_size, space_size = struct.unpack_from("<HHH", body, 2)
    place = 9 if version == 3 else 8
    # Version 1 fills each part up to 8 bytes.
    pad = 7 if version == 1 else 0
    if version not in (1, 2, 3):
        walk.faults.refuse("HDF5-MALFORMED", offset=at, measured=f"attribute {version}")
    if version != 1 and body[1]:
        walk.unread("an attribute of a shared type", at)
        return
    name = body[place : place + name_size].rstrip(b"\x00").decode("utf-8", "replace")
    place += (name_size + pad) & ~pad
    kind = body[place : place + type_size]
    place += (type_size + pad) & ~pad
    place += (space_size + pad) & ~pad
    if not _check_type(walk, kind, at) or name not in walk.wanted:
        return
    data = body[place:]
    if kind[0] & 0xF == _TEXT:
        walk.texts.append((name, data[: int.from_bytes(kind[4:8], "little")].rstrip(b"\x00")))
    elif kind[0] & 0xF == _ROW and len(data) == 16:
        length, heap, index = struct.unpack("<IQI", data)
        walk.texts.append((name, _heap_text(walk, heap, index, length)))
    else:
        walk.unread(f"attribute {name}", at)


def _heap_text(walk: Walk, heap: int, index: int, length: int) -> bytes:
    """The text of an attribute that lies in a heap of the whole file."""
    head = walk.expect(heap, 16, b"GCOL\x01")
    end = heap + int.from_bytes(head[8:16], "little")
    at = heap + 16
    while at + 16 <= end:
        found, _count, _zero, size = struct.unpack("<HHIQ", walk.take(at, 16))
        if found == index:
            if length > size or length > MAX_TEXT:
                break
            return walk.take(at + 16, length).rstrip(b"\x00")
        if found == 0:
            break
        at += 16 + ((size + 7) & ~7)
    return walk.faults.refuse("HDF5-MALFORMED", offset=heap, measured="a text that is not there")
