"""Indexes of weight files: each tensor in exactly one file, each file named, none outside.

The format is that of `*.safetensors.index.json` and `*.bin.index.json` (transformers, "Big
models"): `weight_map`, an object from tensor to file name, and `metadata.total_size`.
"""

import re
from collections.abc import Iterator

from lotabots.kernel import Json
from lotabots.models.findings import Finding, finding
from lotabots.models.repository.view import View, folder_of, name_of

_PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.\w+)")
MOST_INDEXES = 64
"""Indexes of one model that are compared; a pipeline has one for each of its parts."""
MOST = 20
"""Findings of one kind about one index."""


def check(view: View) -> Iterator[Finding]:
    """Compares each index with the files beside it, and finds parts that have no index."""
    folders: set[str] = set()
    count = 0
    for path, document in view.documents.items():
        if path.endswith(".index.json"):
            folders.add(folder_of(path))
            mapping = _mapping(document)
            count += 1
            if mapping is None or count > MOST_INDEXES:
                yield finding("INDEX-MALFORMED", path)
                continue
            yield from _compare(view, path, mapping)
    for path in view.paths:
        part = _PART.fullmatch(name_of(path))
        # The parts of a GGUF file count themselves, in their headers.
        # Beside an index it would be a file that is not named there.
        if part and part[4] in {".safetensors", ".bin"} and folder_of(path) not in folders:
            yield finding("INDEX-ABSENT", path)


def _mapping(document: Json) -> dict[str, str] | None:
    mapping = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(mapping, dict) or not mapping:
        return None
    files = {tensor: name for tensor, name in mapping.items() if isinstance(name, str)}
    return files if len(files) == len(mapping) else None


def _compare(view: View, path: str, mapping: dict[str, str]) -> Iterator[Finding]:
    folder = folder_of(path)
    files = sorted(set(mapping.values()))
    for name in files[:MOST]:
        # A plain name and nothing else: loaders join it to the folder as it is.
        if "/" in name or "\\" in name or name in {"", ".", ".."} or "\0" in name or ":" in name:
            yield finding("INDEX-ESCAPE", path, measured=name)
        elif folder + name not in view.sizes:
            yield finding("INDEX-MISSING-FILE", path, measured=name)
    ending = "." + path.removesuffix(".index.json").rpartition(".")[2]
    named = set(files)
    for other in view.folders.get(folder, ()):
        if other.endswith(ending) and name_of(other) not in named:
            yield finding("INDEX-EXTRA-FILE", other, expected=f"named in {path}")
    yield from _tensors(view, path, mapping)


def _tensors(view: View, path: str, mapping: dict[str, str]) -> Iterator[Finding]:
    folder = folder_of(path)
    places: dict[str, list[str]] = {}
    read = set()
    for name in set(mapping.values()):
        parsed = view.parsed.get(folder + name)
        # A file that could not be parsed has its own finding; then what it holds is not known.
        if parsed is None or (not parsed.tensors and parsed.findings):
            continue
        read.add(name)
        for entry in parsed.tensors:
            places.setdefault(entry.name, []).append(name)
    counts = dict.fromkeys(("INDEX-TENSOR", "INDEX-DUPLICATE"), 0)
    for tensor, files in sorted(places.items()):
        expected = mapping.get(tensor, "")
        code = "INDEX-DUPLICATE" if len(files) > 1 else "INDEX-TENSOR"
        if files == [expected] or counts[code] >= MOST:
            continue
        counts[code] += 1
        measured = " and ".join(sorted(files))
        yield finding(code, path, tensor=tensor, expected=expected, measured=measured)
    for tensor, name in sorted(mapping.items()):
        if name in read and tensor not in places and counts["INDEX-TENSOR"] < MOST:
            counts["INDEX-TENSOR"] += 1
            yield finding("INDEX-TENSOR", path, tensor=tensor, expected=name, measured="nowhere")
