"""Quantised weights that are presented as the model that they were made from.

A variant is another model: its answers differ, and so do its digests. It is refused where its own
files say that it is something else; which variant may stand for which base is for a policy.
"""

import re
from collections.abc import Iterator

from lotabots.models.findings import Finding, finding
from lotabots.models.repository.cards import front_matter
from lotabots.models.repository.view import View, folder_of, name_of
from lotabots.models.types import Parsed

# Parts of tensor names that only quantised layers have: GPTQ and AWQ, bitsandbytes, FP8, INT8.
_PACKED = re.compile(
    r".*\.(?:qweight|qzeros|weight_scale(?:_inv)?|quant_state\..*|absmax|SCB|weight_packed)"
)
_SMALL = re.compile(r"F4|F6_.*|F8_.*|I8|U8")
_FULL_NAME = re.compile(r"(?i)(?:^|[-_.])(f16|fp16|bf16|f32|fp32)(?:[-_.]|$)")
_TOLD = re.compile(
    r"(?i)quanti[sz]|gptq|awq|gguf|bitsandbytes|bnb|[48]-?bit|int[48]|fp[48]|nf4|mxfp4|\bq[2-8]_"
)
# general.file_type of GGUF (`llama_ftype`): 0 all F32, 1 mostly F16, 32 mostly BF16.
_FULL_FILE_TYPES = {0: "F32", 1: "F16", 32: "BF16"}


def check(view: View) -> Iterator[Finding]:
    """Refuses quantised weights whose configuration, header, name or card denies it."""
    for path, parsed in view.parsed.items():
        how = quantised(parsed)
        if not how:
            continue
        folder = folder_of(path)
        if parsed.format == "gguf":
            full = _FULL_FILE_TYPES.get(_file_type(parsed), "")
            named = _FULL_NAME.search(name_of(path).removesuffix(".gguf"))
            if full or named:
                said = full or (named[1] if named else "")
                yield finding("VARIANT-UNDECLARED", path, expected=said, measured=how)
        else:
            config = view.object_at(f"{folder}config.json")
            if config and not config.get("quantization_config"):
                stated = f"{config.get('torch_dtype') or config.get('dtype') or 'no quantisation'}"
                yield finding("VARIANT-UNDECLARED", path, expected=stated, measured=how)
        yield from _card(view, folder, how)


def quantised(parsed: Parsed) -> str:
    """How the weights of a file are quantised, in a word; empty if they are not."""
    if parsed.format == "gguf":
        return str(parsed.facts.get("quantisation") or "")
    for tensor in parsed.tensors:
        if _PACKED.fullmatch(tensor.name):
            return tensor.name.rpartition(".")[2]
    kinds = {each.dtype for each in parsed.tensors if len(each.shape) == 2}
    return next((kind for kind in sorted(kinds) if _SMALL.fullmatch(kind)), "")


def _file_type(parsed: Parsed) -> int:
    found = parsed.facts.get("file_type")
    return found if isinstance(found, int) else -1


def _card(view: View, folder: str, how: str) -> Iterator[Finding]:
    path = f"{folder}README.md"
    text = view.texts.get(path)
    if text is None:
        return
    card = front_matter(path, text).values
    relation = card.get("base_model_relation")
    tags = card.get("tags")
    told = any(_TOLD.search(str(tag)) for tag in tags) if isinstance(tags, list) else False
    if relation == "quantized" or (relation is None and card.get("base_model") and told):
        return
    measured = f"{how}; base_model_relation: {relation}"
    yield finding("VARIANT-AS-BASE", path, expected="quantized", measured=measured)
