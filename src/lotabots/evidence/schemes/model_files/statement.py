"""What a node says of the model files that it holds: one JSON text that carries its nonce.

RFC 8785 JSON of {format, nonce, source, files, tensors}; `files` are [path, size, SHA-256 in hex]
in code-point order of the paths, `tensors` [name, dtype, shape, path, BLAKE3 in hex] by name, or
none where the node did not look into its files. `source` says where the digests come from: `read`
from the bytes now, `verity` measured by the kernel (fs-verity), `cached` remembered by the agent.
"""

from typing import Annotated, Literal

import msgspec

from lotabots.kernel import (
    LotaError,
    canonical,
    decode_base64,
    encode_base64,
    invalid,
    strict_struct,
)
from lotabots.models import FileEntry, Hashed, TensorEntry

FORMAT = "lotabots/model-files/v1"
MAX_STATEMENT_BYTES = 1024 * 1024
MAX_FILES = 20_000
MAX_TENSORS = 20_000

_Hex = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Path = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
_Size = Annotated[int, msgspec.Meta(ge=0)]
Source = Literal["read", "verity", "cached"]


class _Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal["lotabots/model-files/v1"]
    nonce: Annotated[str, msgspec.Meta(max_length=64)]
    source: Source
    files: Annotated[
        tuple[tuple[_Path, _Size, _Hex], ...], msgspec.Meta(min_length=1, max_length=MAX_FILES)
    ]
    tensors: Annotated[
        tuple[tuple[_Name, str, tuple[_Size, ...], _Path, _Hex], ...],
        msgspec.Meta(max_length=MAX_TENSORS),
    ]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one model on a node, as the node states them."""

    nonce: bytes
    source: Source
    files: tuple[FileEntry, ...]
    tensors: tuple[TensorEntry, ...]


def write_statement(hashed: Hashed, nonce: bytes, source: Source = "read") -> bytes:
    """The statement as bytes. Tensors are left out where there are too many for one.

    Raises `MODEL_STATEMENT` for a model that cannot be stated: findings in it, too many files.
    """
    if hashed.findings or not 1 <= len(hashed.files) <= MAX_FILES:
        detail = "A model is stated once every file of it was read."
        raise invalid("MODEL_STATEMENT", detail, findings=len(hashed.findings))
    tensors = hashed.tensors
    text = _write(hashed.files, tensors, nonce, source)
    if len(tensors) > MAX_TENSORS or len(text) > MAX_STATEMENT_BYTES:
        text = _write(hashed.files, (), nonce, source)
    if len(text) > MAX_STATEMENT_BYTES:
        detail = f"The statement would be longer than {MAX_STATEMENT_BYTES} bytes."
        raise invalid("MODEL_STATEMENT", detail)
    return text


def _write(
    files: tuple[FileEntry, ...], tensors: tuple[TensorEntry, ...], nonce: bytes, source: Source
) -> bytes:
    return canonical(
        {
            "format": FORMAT,
            "nonce": encode_base64(nonce),
            "source": source,
            "files": [(file.path, file.size, file.digest.hex()) for file in files],
            "tensors": [
                (one.name, one.dtype, one.shape, one.path, one.digest.hex()) for one in tensors
            ],
        }
    )


def read_statement(data: bytes) -> Statement:
    """What the node states. Raises `MODEL_STATEMENT`, whatever the bytes."""
    try:
        text = strict_struct(data, _Text, max_bytes=MAX_STATEMENT_BYTES, max_depth=4)
        nonce = decode_base64(text.nonce)
    except LotaError as error:
        detail = "The evidence is no statement of a model's files."
        raise invalid("MODEL_STATEMENT", detail, reason=error.code) from error
    paths = [path for path, _, _ in text.files]
    names = [name for name, *_ in text.tensors]
    if paths != sorted(set(paths)) or names != sorted(set(names)):
        detail = "The files or tensors are not in order, or one is there twice."
        raise invalid("MODEL_STATEMENT", detail)
    return Statement(
        nonce=nonce,
        source=text.source,
        files=tuple(
            FileEntry(
                path=path, size=size, digest=bytes.fromhex(digest), cached=text.source == "cached"
            )
            for path, size, digest in text.files
        ),
        tensors=tuple(
            # Where it lies in the file is not stated: a digest says which bytes.
            TensorEntry(
                name=name, dtype=dtype, shape=shape, path=path, begin=0, end=0,
                digest=bytes.fromhex(digest),
            )
            for name, dtype, shape, path, digest in text.tensors
        ),
    )  # fmt: skip
