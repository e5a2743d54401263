"""Digests of the tensors in a file, taken in the same pass over its bytes as the file's own."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec
from blake3 import blake3

from lotabots.models.findings import Finding, finding
from lotabots.models.types import TensorEntry

MAX_OVERLAP = 4
"""How often the bytes of a file are hashed for its tensors at most, on average: tied and viewed
tensors share bytes, and a header that has every tensor be the whole file would cost us days."""


class Ranges:
    """The tensors of one file, each digested as its bytes come by."""

    def __init__(self, tensors: Iterable[TensorEntry]) -> None:
        self._tensors = tuple(tensors)
        self._spans = sorted({(entry.begin, entry.end) for entry in self._tensors})
        self._digests: dict[tuple[int, int], bytes] = {}
        self._open: list[tuple[int, int, blake3]] = []
        self._next = 0

    def flaw(self, size: int) -> Finding | None:
        """Why the tensors of a file of this size cannot be digested, if they cannot."""
        for entry in self._tensors:
            if not 0 <= entry.begin <= entry.end <= size:
                place = f"bytes {entry.begin} to {entry.end}"
                words = f"within {size} bytes"
                code = "TENSOR-OUTSIDE"
                return finding(code, entry.path, tensor=entry.name, expected=words, measured=place)
        if sum(end - begin for begin, end in self._spans) > MAX_OVERLAP * size:
            return finding("TENSORS-OVERLAP", self._tensors[0].path)
        return None

    def key(self) -> bytes:
        """SHA-256 of the spans, 32 bytes: which digests `digests` gives, and in which order."""
        spans = (one.to_bytes(8, "big") for span in self._spans for one in span)
        return sha256(b"".join(spans)).digest()

    def update(self, offset: int, data: memoryview) -> None:
        """Takes the bytes at this offset, which follow those of the call before."""
        end = offset + len(data)
        while self._next < len(self._spans) and self._spans[self._next][0] < end:
            self._open.append((*self._spans[self._next], blake3()))
            self._next += 1
        left = []
        for first, last, hasher in self._open:
            hasher.update(data[max(first - offset, 0) : min(last, end) - offset])
            if last <= end:
                self._digests[first, last] = hasher.digest()
            else:
                left.append((first, last, hasher))
        self._open = left

    def digests(self) -> bytes:
        """The digests of all spans in order, 32 bytes each, when all bytes have come by."""
        empty = blake3().digest()  # a tensor without elements at the end of the file
        return b"".join(self._digests.get(span, empty) for span in self._spans)

    def digested(self, digests: bytes) -> tuple[TensorEntry, ...]:
        """The tensors with what `digests` gave, now or earlier."""
        found = dict(zip(self._spans, _cut(digests), strict=True))
        return tuple(
            msgspec.structs.replace(entry, digest=found[entry.begin, entry.end])
            for entry in self._tensors
        )


def _cut(digests: bytes) -> Sequence[bytes]:
    return [digests[at : at + 32] for at in range(0, len(digests), 32)]
