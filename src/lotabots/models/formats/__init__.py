"""The formats that a model's files have, each known by its content and parsed by its header."""

from collections.abc import Callable
from typing import NamedTuple

from lotabots.kernel import LotaError
from lotabots.models.findings import finding
from lotabots.models.formats import (
    archives,
    gguf,
    hdf5,
    keras,
    npy,
    onnx,
    pickles,
    pytorch,
    safetensors,
    sentencepiece,
)
from lotabots.models.types import Content, Parsed

HEAD = 4096
"""Bytes from the beginning of a file that tell its format; fewer if the file is shorter."""


class Format(NamedTuple):
    """One format: how a file of it begins, and what its header says."""

    name: str
    sniff: Callable[[bytes], bool]
    """Takes the first `HEAD` bytes. True also for a broken file of this format."""
    parse: Callable[[str, Content], Parsed]
    """Takes the file's path (for findings and tensors) and its content.

    Raises nothing whatever the bytes; what `Content.read` raises passes through.
    """


FORMATS: tuple[Format, ...] = (
    Format("gguf", gguf.sniff, gguf.parse),
    Format("npy", npy.sniff, npy.parse),
    Format("pytorch-legacy", pytorch.sniff_legacy, pytorch.parse_legacy),
    # Before safetensors: the length there can be the magic of a pickle, and one file be both.
    Format("pickle", pickles.sniff, pickles.parse),
    Format("zip", archives.sniff_zip, archives.parse_zip),
    Format("hdf5", hdf5.sniff, keras.parse_h5),
    Format("safetensors", safetensors.sniff, safetensors.parse),
    # Behind safetensors: a header of 93 bytes begins as LZMA does.
    Format("packed", archives.sniff_packed, archives.parse_packed),
    Format("program", archives.sniff_program, archives.parse_program),
    Format("script", archives.sniff_script, archives.parse_script),
    Format("tar", archives.sniff_tar, archives.parse_tar),
    Format("sentencepiece", sentencepiece.sniff, sentencepiece.parse),
    Format("onnx", onnx.sniff, onnx.parse),  # has no magic
)
"""In the order in which they are tried; the surest magic first."""


def format_of(head: bytes) -> Format | None:
    """The format of a file that begins with these bytes."""
    return next((known for known in FORMATS if known.sniff(head)), None)


def parse(path: str, content: Content) -> Parsed | None:
    """What the file's header says, by the format that its content has; None if by none of ours.

    Raises nothing: a file that breaks off or changes under the reader is a finding.
    """
    name = ""
    try:
        known = format_of(content.read(0, min(HEAD, content.size)))
        if known is None:
            return None
        name = known.name
        return known.parse(path, content)
    except LotaError as error:
        unread = finding("FORMAT-UNREADABLE", path, measured=error.code)
        return Parsed(format=name or "unknown", findings=(unread,))


__all__ = ["FORMATS", "HEAD", "Format", "format_of", "parse"]
