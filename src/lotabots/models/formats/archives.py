"""Archives, compressed files and programs by their magic; ZIP archives by what they hold.

A pickle or program in an archive is refused, wherever it hides; what cannot be looked into is
inconclusive. Sources of the magics: RFC 1952 (gzip), bzip2 and xz manuals, RFC 8878 (zstd), LZ4
frame format 1.6, POSIX pax (tar), ELF and PE specifications, Mach-O loader.h, RFC 1950 (zlib).
"""

import bz2
import lzma
import zlib
from collections.abc import Callable

from lotabots.models.findings import Finding
from lotabots.models.formats import keras, npy, pickles, pytorch
from lotabots.models.formats.cursor import Section
from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.formats.zips import Member, check_members, open_member, read_zip
from lotabots.models.types import Content, Parsed

_PACKED = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "lzma": b"]\x00\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
    "lz4": b"\x04\x22\x4d\x18",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "rar": b"Rar!\x1a\x07",
}
_ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_PROGRAMS = (
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # Mach-O of several processors, and Java classes
    b"\x00asm",
    b"\xed\xab\xee\xdb",  # RPM
    b"!<arch>\n",
)
PEEK = 65536
"""Bytes of a compressed file that are unpacked to see what it holds."""
MAX_TAR = 100_000
"""Members of a tar archive that are looked at."""


def sniff_zip(head: bytes) -> bool:
    """Whether a file that begins so is a ZIP archive, if an empty or split one."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK\x01\x02")


def parse_zip(path: str, content: Content) -> Parsed:
    """A checkpoint, a Keras model or arrays, by the members; of others, what is wrong with them."""
    faults = Faults(path)
    kind = "zip"
    try:
        members = read_zip(content, faults)
        check_members(content, members, faults)
        names = {member.name for member in members}
        if pytorch.is_checkpoint(members):
            kind = "pytorch"
            return pytorch.parse_members(path, content, members, faults)
        if keras.is_model(names):
            kind = "keras"
            return keras.parse_members(content, members, faults)
        if names and all(name.endswith(".npy") for name in names):
            kind = "npz"
            return _arrays(path, content, members, faults)
        faults.finding("ARCHIVE-UNREAD", measured=f"{len(members)} members")
        for member in members:
            _look_into(content, member, faults)
    except Stop:
        pass
    return Parsed(format=kind, findings=faults.listed)


def _arrays(path: str, content: Content, members: tuple[Member, ...], faults: Faults) -> Parsed:
    """An archive of NumPy arrays: each by the parser of arrays, with its findings."""
    findings: list[Finding] = []
    for member in members:
        opened = open_member(content, member, faults)
        if opened is not None:
            findings.extend(npy.parse(path, opened).findings)
    return Parsed(format="npz", findings=(*faults.listed, *findings[:50]))


def _look_into(content: Content, member: Member, faults: Faults) -> None:
    opened = open_member(content, member, faults)
    if opened is not None:
        judge_inside(opened.read(0, min(4096, opened.size)), member.name, faults)


def judge_inside(head: bytes, name: str, faults: Faults) -> None:
    """Finds a pickle or a program that begins so, inside of something else."""
    if pickles.sniff(head) or pytorch.sniff_legacy(head):
        faults.finding("ARCHIVE-PICKLE", measured=name)
    elif sniff_program(head) or sniff_script(head):
        faults.finding("ARCHIVE-PROGRAM", measured=name)


def sniff_packed(head: bytes) -> bool:
    """Whether a file that begins so is compressed, or an archive that we do not read."""
    return head.startswith(tuple(_PACKED.values())) or (
        head[:2] in _ZLIB and bool(_unpack(lambda: zlib.decompressobj().decompress(head, 64)))
    )


def parse_packed(path: str, content: Content) -> Parsed:
    """Always a finding: what its first bytes unpack to decides which."""
    faults = Faults(path)
    head = content.read(0, min(PEEK, content.size))
    kind = next((name for name, magic in _PACKED.items() if head.startswith(magic)), "zlib")
    inside = _unpack(lambda: _peek(kind, head))
    if inside is None:
        faults.finding("ARCHIVE-BROKEN", measured=kind)
    faults.finding("ARCHIVE-UNREAD", measured=kind)
    judge_inside((inside or b"")[:4096], kind, faults)
    if inside and sniff_tar(inside):
        _members(Section(_Bytes(inside), 0, len(inside)), faults, whole=False)
    return Parsed(format=kind, findings=faults.listed)


def _peek(kind: str, head: bytes) -> bytes:
    match kind:
        case "gzip":
            return zlib.decompressobj(31).decompress(head, PEEK)
        case "zlib":
            return zlib.decompressobj().decompress(head, PEEK)
        case "bzip2":
            return bz2.BZ2Decompressor().decompress(head, PEEK)
        case "xz" | "lzma":
            # A hostile dictionary size would be allocated.
            return lzma.LZMADecompressor(memlimit=1 << 27).decompress(head, PEEK)
        case _:
            return b""


def _unpack(read: Callable[[], bytes]) -> bytes | None:
    try:
        return read()
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        return None


class _Bytes:
    """Unpacked bytes as a content."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """These bytes."""
        return self._data[offset : offset + length]


def sniff_tar(head: bytes) -> bool:
    """Whether a file that begins so is a tar archive, by its magic or by its checksum (V7)."""
    if head[257:262] == b"ustar":
        return True
    return len(head) >= 512 and head[0] != 0 and _checksum(head[:512])


def _checksum(header: bytes) -> bool:
    stated = _octal(header[148:156])
    return stated is not None and stated == sum(header) - sum(header[148:156]) + 8 * 32


def _octal(field: bytes) -> int | None:
    digits = field.strip(b" \x00")
    return int(digits, 8) if digits and all(48 <= digit < 56 for digit in digits) else None


def parse_tar(path: str, content: Content) -> Parsed:
    """Always a finding; a pickle or program among the members is one of its own."""
    faults = Faults(path)
    faults.finding("ARCHIVE-UNREAD", measured="tar")
    _members(content, faults, whole=True)
    return Parsed(format="tar", findings=faults.listed)


def _members(content: Content, faults: Faults, *, whole: bool) -> None:
    """Looks at how each member of a tar archive begins."""
    at = 0
    for _ in range(MAX_TAR):
        if at + 512 > content.size:
            break
        header = content.read(at, 512)
        if not header.strip(b"\x00"):
            return
        size = _octal(header[124:136])
        if size is None or not _checksum(header):
            faults.finding("ARCHIVE-BROKEN", offset=at, measured="tar header")
            return
        begin = at + 512
        name = header[:100].rstrip(b"\x00").decode("utf-8", "replace")
        if begin + size > content.size:
            if whole:
                faults.finding("ARCHIVE-BROKEN", offset=at, measured=name)
            size = content.size - begin
        judge_inside(content.read(begin, min(4096, size)), name, faults)
        if name in ("storages", "tensors", "pickle"):
            faults.finding("TORCH-LEGACY", measured=name)
        at = begin + (size + 511) // 512 * 512


def sniff_program(head: bytes) -> bool:
    """Whether a file that begins so is a program or library of some processor."""
    return head.startswith(_PROGRAMS)


def parse_program(path: str, content: Content) -> Parsed:
    """Always a finding."""
    faults = Faults(path)
    faults.finding("PROGRAM-BINARY", measured=content.read(0, min(4, content.size)).hex())
    return Parsed(format="program", findings=faults.listed)


def sniff_script(head: bytes) -> bool:
    """Whether a file that begins so names its interpreter."""
    return head.startswith((b"#!", b"\xef\xbb\xbf#!"))


def parse_script(path: str, content: Content) -> Parsed:
    """Always a finding."""
    faults = Faults(path)
    line = content.read(0, min(80, content.size)).split(b"\n")[0]
    faults.finding("PROGRAM-SCRIPT", measured=repr(line))
    return Parsed(format="script", findings=faults.listed)
