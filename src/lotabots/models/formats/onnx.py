"""ONNX models by their graph: operators and where each tensor's bytes are, here or in other files.

Source: `docs/IR.md` and `onnx/onnx.proto` of onnx/onnx 1.23. Every message is walked by our
own reader; payloads are left where they are, so files of any size are read alike.
"""

import re

from lotabots.kernel import Json
from lotabots.models.formats.census import census
from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.formats.onnx_functions import check_functions
from lotabots.models.formats.onnx_graph import CONTROL, Walk
from lotabots.models.formats.onnx_schema import MODEL, OPSET, TRAINING
from lotabots.models.formats.onnx_tensors import read_entry
from lotabots.models.formats.protobuf import BYTES, Field, Messages
from lotabots.models.memory import Memory
from lotabots.models.types import Content, Parsed, TensorEntry

EXACT = 2**53 - 1
"""The largest integer that a fact states (RFC 7493)."""
TEXTS = frozenset({"producer_name", "producer_version", "domain"})
_BINARY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def sniff(head: bytes) -> bool:
    """Whether a file begins with fields of a model, one of them `ir_version` or `graph`.

    There is no magic. A saved TensorFlow or Core ML model begins with a number, too; its second
    field is a message where a model has the name of its producer. Text is no model.
    """
    messages = Messages(Memory(head), Faults(""))
    names: set[str] = set()
    place = 0
    try:
        while place < len(head):
            tag, place = messages.varint(place, len(head), 5)
            slot = MODEL.get(tag >> 3)
            if slot is None or tag & 7 not in slot.wires:
                return False
            names.add(slot.name)
            length, place = messages.varint(place, len(head))
            if tag & 7 == BYTES:
                text = head[place : place + length].decode(errors="replace")
                if slot.name in TEXTS and CONTROL.search(text):
                    return False
                place += length
    except Stop:  # the head ends inside a number
        pass
    return bool({"ir_version", "graph"} & names) and bool(_BINARY.search(head))


def parse(path: str, content: Content) -> Parsed:
    """The tensors in the order in which they are met; none if anything about the file is wrong.

    `path` of a tensor in another file is that file's, relative to the model like the ONNX file's.
    Whether that file exists and is long enough is for the caller to see.
    """
    faults = Faults(path)
    walk = Walk(Messages(content, faults), path)
    tensors: tuple[TensorEntry, ...] = ()
    facts: dict[str, Json] = {}
    try:
        _read_model(walk, content.size, facts)
        check_functions(walk.functions, walk.calls, faults)
        facts["operators"] = [*sorted({f"{call.domain}::{call.name}" for call in walk.calls})[:500]]
        if walk.tensors and faults.none:
            tensors = tuple(walk.tensors)
        facts.update(census(walk.tensors))
        facts["nodes"] = walk.calls.total()
        facts["functions"] = len(walk.functions)
        facts["external_data"] = [*sorted({t.path for t in walk.tensors if t.path != path})[:1000]]
    except Stop:
        pass
    if walk.messages.unknown:
        faults.finding("ONNX-FIELD-UNKNOWN", measured=walk.messages.unknown)
    return Parsed(format="onnx", tensors=tensors, facts=facts, findings=faults.listed)


def _read_model(walk: Walk, size: int, facts: dict[str, Json]) -> None:
    messages = walk.messages
    opsets: dict[str, Json] = {}
    metadata: dict[str, Json] = {}
    names: set[str] = set()
    for field in messages.read(MODEL, 0, size):
        names.add(field.name)
        match field.name:
            case "ir_version":
                facts["ir_version"] = min(field.value, EXACT)
            case "producer_name" | "producer_version" | "domain":
                facts[field.name] = messages.text(field)[:200]
            case "graph":
                walk.graph(field, "", walk.calls, 0)
            case "functions":
                walk.function(field)
            case "training_info":
                _read_training(walk, field)
            case "opset_import":
                domain, version = _opset(messages, field)
                opsets[domain] = version
            case "metadata_props":
                key, value = read_entry(messages, field)
                metadata[key] = value[:200]
            case _:  # texts for people, and where which device runs what
                pass
    missing = {"ir_version", "graph"} - names
    if missing:
        messages.faults.refuse("ONNX-MODEL", measured=", ".join(sorted(missing)))
    keys: list[Json] = [*sorted(metadata)[:1000]]
    facts.update(
        opsets=dict(list(opsets.items())[:500]),
        metadata=dict(list(metadata.items())[:500]),
        metadata_keys=keys,
    )


def _read_training(walk: Walk, message: Field) -> None:
    for field in walk.messages.read(TRAINING, message.begin, message.end):
        if field.name in {"initialization", "algorithm"}:
            walk.graph(field, f"{field.name}/", walk.calls, 0)


def _opset(messages: Messages, message: Field) -> tuple[str, int]:
    domain, version = "", 0
    for field in messages.read(OPSET, message.begin, message.end):
        if field.name == "domain":
            domain = messages.text(field)
        else:
            version = min(field.value, EXACT)
    return domain or "ai.onnx", version
