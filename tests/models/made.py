"""Small models in files, as savers write them."""

import json
from collections.abc import Mapping
from pathlib import Path

BYTES = {"U8": 1, "BF16": 2, "F32": 4}
Tensors = Mapping[str, tuple[str, list[int], bytes]]
"""Type, shape and bytes by name."""


def safetensors(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> bytes:
    """A file of these tensors, in this order."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(one[2] for one in tensors.values())


def layers(count: int = 3) -> dict[str, tuple[str, list[int], bytes]]:
    """An embedding, and layers of two tensors; no two have the same bytes."""
    made = {"model.embed_tokens.weight": ("BF16", [10, 4], bytes(range(80)))}
    for at in range(count):
        made[f"model.layers.{at}.mlp.weight"] = ("BF16", [4, 4], bytes((at,)) * 32)
        made[f"model.layers.{at}.norm.weight"] = ("F32", [4], bytes((at, 1)) * 8)
    return made


def write(folder: Path, *shards: Tensors, **files: bytes) -> Path:
    """A model of these shards, and of files whose names have `_` for a dot."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, shard in enumerate(shards, start=1):
        (folder / f"model-{at}-of-{len(shards)}.safetensors").write_bytes(safetensors(shard))
    for name, data in files.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    return folder
