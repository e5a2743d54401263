"""What a file is that no parser reads: byte code, a pointer, plain text, or unknown."""

import re

# Control characters that no text has: a tab, line ends and form feeds are not among them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_POINTER = b"version https://git-lfs.github.com/spec/"

_BYTE_CODE: tuple[tuple[str, bytes], ...] = (
    ("Dalvik", b"dex\n03"),
    ("LLVM bitcode", b"BC\xc0\xde"),
    ("CUDA fat binary", b"\x50\xed\x55\xba"),
)


def byte_code(head: bytes) -> str:
    """The kind of byte code that a file is which begins so; empty if it is none."""
    for name, magic in _BYTE_CODE:
        if head.startswith(magic):
            return name
    # CPython: a number, \r\n, then flags (importlib, MAGIC_NUMBER); 16 bytes of header, a code
    # object.
    if len(head) > 16 and head[2:4] == b"\r\n" and head[16:17] == b"\xe3":
        return "Python"
    return ""


def is_pointer(head: bytes) -> bool:
    """Whether it is a pointer of Git LFS (its specification, section The Pointer)."""
    return head.startswith(_POINTER)


def could_be_text(head: bytes) -> bool:
    """Whether these first bytes may be the beginning of a text; decides nothing on its own."""
    return _CONTROL_BYTES.search(head) is None


def text_of(data: bytes) -> str | None:
    """The text that the bytes are in UTF-8; None if they are none, or hold control characters."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text
