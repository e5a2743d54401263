"""Adapters (LoRA): which base they are for, by something that cannot change, and whether they fit.

The format is that of PEFT: adapter_config.json, and tensors named
`base_model.model.<module>.lora_A.weight` [rank, in] and `.lora_B.weight` [out, rank] for a base
tensor `<module>.weight` [out, in]; embeddings `lora_embedding_A` [rank, rows] and
`lora_embedding_B` [columns, rank] for [rows, columns].
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from lotabots.kernel import Json
from lotabots.models.findings import Finding, finding
from lotabots.models.repository.view import DIGEST, View, folder_of
from lotabots.models.types import TensorEntry

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LORA = re.compile(r"(?:base_model\.model\.)?(.+)\.lora_(embedding_)?([AB])(?:\.\w+)?(?:\.weight)?")
MOST = 20
"""Findings about one adapter."""


class _Pair(NamedTuple):
    a: TensorEntry | None
    b: TensorEntry | None
    embedding: bool


def check(view: View) -> Iterator[Finding]:
    """Refuses adapters whose base is not pinned, or that do not fit it."""
    for path, config in view.objects("adapter_config.json").items():
        yield from _pinned(view, path, config)
        pairs = _pairs(view.tensors(folder_of(path)))
        found = list(_fits(view, path, config, pairs))
        yield from found[:MOST]


def _pinned(view: View, path: str, config: dict[str, Json]) -> Iterator[Finding]:
    name = config.get("base_model_name_or_path")
    digest = config.get("base_model_digest")
    revision = config.get("revision")
    by_digest = isinstance(digest, str) and DIGEST.fullmatch(digest) is not None
    by_commit = isinstance(revision, str) and _COMMIT.fullmatch(revision) is not None
    if not by_digest and not by_commit:
        yield finding("ADAPTER-UNPINNED", path, measured=f"{name} at {revision or 'any revision'}")
    base = view.options.base
    if by_digest and base is not None and base.digest and digest != base.digest:
        yield finding("ADAPTER-BASE", path, expected=str(digest), measured=base.digest)


def _pairs(tensors: tuple[TensorEntry, ...]) -> dict[str, _Pair]:
    pairs: dict[str, _Pair] = {}
    for tensor in tensors:
        found = _LORA.fullmatch(tensor.name)
        if found:
            pair = pairs.get(found[1], _Pair(None, None, bool(found[2])))
            one = pair._replace(a=tensor) if found[3] == "A" else pair._replace(b=tensor)
            pairs[found[1]] = one
    return pairs


def _fits(
    view: View, path: str, config: dict[str, Json], pairs: dict[str, _Pair]
) -> Iterator[Finding]:
    base = view.options.base
    shapes = {} if base is None else {each.name: each.shape for each in base.tensors}
    for module, (a, b, embedding) in sorted(pairs.items()):
        if a is None or b is None or len(a.shape) != 2 or len(b.shape) != 2:
            yield _misfit(a or b, path, "lora_A and lora_B of two dimensions", "")
            continue
        rank = _rank(config, module)
        if not a.shape[0] == b.shape[1] == rank:
            yield _misfit(a, path, f"rank {rank}", f"{a.shape[0]} and {b.shape[1]}")
        if base is None:
            continue
        shape = shapes.get(f"{module}.weight", shapes.get(module))
        wanted = (a.shape[1], b.shape[0]) if embedding else (b.shape[0], a.shape[1])
        if shape != wanted:
            yield _misfit(b, path, f"{module}.weight {shape or 'nowhere'}", f"{wanted}")
    if base is None and pairs:
        yield finding("ADAPTER-UNCHECKED", path, measured=f"{len(pairs)} modules")


def _misfit(tensor: TensorEntry | None, path: str, expected: str, measured: str) -> Finding:
    name = "" if tensor is None else tensor.name
    where = path if tensor is None else tensor.path
    return finding("ADAPTER-SHAPE", where, tensor=name, expected=expected, measured=measured)


def _rank(config: dict[str, Json], module: str) -> Json:
    """The rank of a module: `r`, or that of the first pattern that its name ends with."""
    patterns = config.get("rank_pattern")
    if isinstance(patterns, dict):
        for pattern, rank in patterns.items():
            if f".{module}".endswith(f".{pattern}"):
                return rank
    return config.get("r")
