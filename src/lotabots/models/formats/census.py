"""What a file's tensors add up to: parameters in all and by type, and the rows of the embedding."""

import math
from collections.abc import Iterable

from lotabots.kernel import Json
from lotabots.models.types import TensorEntry

EMBEDDINGS = (
    "embed_tokens.weight",
    "word_embeddings.weight",
    "embeddings.word_embeddings.weight",
    "tok_embeddings.weight",
    "token_embd.weight",
    "embed_in.weight",
    "wte.weight",
)
"""Last parts of the names that token embeddings have: Llama, BERT, GPT-2, GPT-NeoX; in GGUF."""

_DOTTED = tuple(f".{name}" for name in EMBEDDINGS)


def census(tensors: Iterable[TensorEntry]) -> dict[str, Json]:
    """The facts `parameters`, `dtypes` (parameters by type), `dtype` (of most), `embedding_rows`.

    The last is there if a tensor is named as token embeddings are. A parameter is one element of a
    tensor, also where 32 of them share a quantised block.
    """
    by_type: dict[str, int] = {}
    rows: int | None = None
    for tensor in tensors:
        by_type[tensor.dtype] = by_type.get(tensor.dtype, 0) + math.prod(tensor.shape)
        if rows is None and len(tensor.shape) == 2 and _embeds(tensor.name):
            rows = tensor.shape[0]
    facts: dict[str, Json] = {
        "parameters": sum(by_type.values()),
        "dtypes": {dtype: by_type[dtype] for dtype in sorted(by_type)},
        "dtype": max(sorted(by_type), key=by_type.__getitem__, default=""),
    }
    if rows is not None:
        facts["embedding_rows"] = rows
    return facts


def _embeds(name: str) -> bool:
    return f".{name}".endswith(_DOTTED)
