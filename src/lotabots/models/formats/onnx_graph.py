"""What the graphs of an ONNX model hold, however deep they are nested: tensors and calls."""

import re
from collections import Counter

import msgspec

from lotabots.kernel import sha256_hex
from lotabots.models.formats.onnx_functions import Call
from lotabots.models.formats.onnx_schema import ATTRIBUTE, FUNCTION, GRAPH, NODE, SPARSE
from lotabots.models.formats.onnx_tensors import read_tensor
from lotabots.models.formats.protobuf import Field, Messages
from lotabots.models.types import TensorEntry

MAX_GRAPHS = 32
"""Graphs inside graphs: three messages each, and protobuf itself gives up at 100 messages."""
MAX_TENSORS = 250_000
MAX_ATTRIBUTES = 4096
"""Attributes of one node, and values of one attribute."""

MAX_PREFIX = 500
IDENTITY = frozenset({"name", "domain", "op_type", "overload"})
NESTED = frozenset({"t", "tensors", "g", "graphs", "sparse_tensor", "sparse_tensors"})
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Walk:
    """One walk over a model; it fills what is listed here."""

    __slots__ = ("_names", "_path", "calls", "functions", "messages", "tensors")

    def __init__(self, messages: Messages, path: str) -> None:
        self.messages = messages
        self._path = path
        self._names: dict[str, int] = {}
        self.tensors: list[TensorEntry] = []
        """Initializers by name; others by node and attribute, with a number if that is taken."""
        self.calls: Counter[Call] = Counter()
        """How often the graphs call what."""
        self.functions: dict[Call, Counter[Call]] = {}
        """How often each function calls what."""

    def graph(self, message: Field, prefix: str, calls: Counter[Call], depth: int) -> None:
        """Takes one graph; `prefix` stands before the names of its tensors."""
        faults = self.messages.faults
        if depth > MAX_GRAPHS:
            faults.refuse("ONNX-TOO-DEEP", offset=message.begin, expected=MAX_GRAPHS)
        own: set[str] = set()
        ordinal = 0
        for field in self.messages.read(GRAPH, message.begin, message.end):
            if field.name == "node":
                self._node(field, ordinal, prefix, calls, depth)
                ordinal += 1
            elif field.name == "initializer":
                self._initializer(field, prefix, own)
            elif field.name == "sparse_initializer":
                self._sparse(field, prefix, own)

    def function(self, message: Field) -> None:
        """Takes one function of the model."""
        texts: dict[str, str] = {}
        calls: Counter[Call] = Counter()
        prefix = f"function{len(self.functions)}/"
        ordinal = 0
        for field in self.messages.read(FUNCTION, message.begin, message.end):
            if field.name in IDENTITY:
                texts[field.name] = self.messages.text(field)
            elif field.name == "attribute_proto":
                self._attribute(field, prefix, calls, 0)
            elif field.name == "node":
                self._node(field, ordinal, prefix, calls, 0)
                ordinal += 1
        function = _call(texts, "name")
        if function in self.functions:
            measured = f"{function.domain}::{function.name}"
            self.messages.faults.refuse(
                "ONNX-FUNCTION-DUPLICATE", offset=message.begin, measured=measured
            )
        self.functions[function] = calls

    def _node(
        self, message: Field, ordinal: int, prefix: str, calls: Counter[Call], depth: int
    ) -> None:
        texts: dict[str, str] = {}
        attributes: list[Field] = []
        for field in self.messages.read(NODE, message.begin, message.end):
            if field.name in IDENTITY:
                texts[field.name] = self.messages.text(field)
            elif field.name == "attribute":
                attributes.append(field)
                self._bound(attributes, message)
        calls[_call(texts, "op_type")] += 1
        # Only now: their tensors are called by the node, whose name may stand behind them.
        name = texts.get("name", "")
        place = _joined(prefix, name if name and not CONTROL.search(name) else f"#{ordinal}")
        for field in attributes:
            self._attribute(field, place, calls, depth)

    def _attribute(self, message: Field, prefix: str, calls: Counter[Call], depth: int) -> None:
        name = ""
        values: list[Field] = []
        for field in self.messages.read(ATTRIBUTE, message.begin, message.end):
            if field.name == "name":
                name = self.messages.text(field)
            elif field.name in NESTED:
                values.append(field)
                self._bound(values, message)
        place = _joined(prefix, "?" if CONTROL.search(name) else name)
        for field in values:
            if field.name in {"g", "graphs"}:
                self.graph(field, place, calls, depth + 1)
            elif field.name in {"t", "tensors"}:
                self._add(field, place[:-1])
            else:
                self._sparse(field, place, set())

    def _bound(self, fields: list[Field], message: Field) -> None:
        if len(fields) > MAX_ATTRIBUTES:
            self.messages.faults.refuse(
                "ONNX-TOO-MANY", offset=message.begin, expected=MAX_ATTRIBUTES
            )

    def _initializer(self, field: Field, prefix: str, own: set[str]) -> None:
        """A tensor by its own name, which no other one of its graph has."""
        tensor = read_tensor(self.messages, field.begin, field.end, self._path)
        if tensor is None:
            return
        if not tensor.name:
            self.messages.faults.finding("ONNX-NAME", offset=field.begin)
        if tensor.name in own:
            self.messages.faults.finding(
                "ONNX-TENSOR-DUPLICATE", tensor=tensor.name, offset=field.begin
            )
        own.add(tensor.name)
        self._keep(tensor, prefix + tensor.name)

    def _sparse(self, message: Field, prefix: str, own: set[str]) -> None:
        """The values by their own name, and the indices behind it."""
        name = ""
        for field in self.messages.read(SPARSE, message.begin, message.end):
            if field.name == "values":
                self._initializer(field, prefix, own)
                name = self.tensors[-1].name if self.tensors else prefix
            elif field.name == "indices":
                self._add(field, f"{name}/indices")

    def _add(self, field: Field, name: str) -> None:
        tensor = read_tensor(self.messages, field.begin, field.end, self._path)
        if tensor is not None:
            self._keep(tensor, name)

    def _keep(self, tensor: TensorEntry, name: str) -> None:
        if len(self.tensors) == MAX_TENSORS:
            self.messages.faults.refuse("ONNX-TOO-MANY", expected=MAX_TENSORS)
        if name in self._names:
            name = self._numbered(name)
        self._names[name] = 1
        self.tensors.append(msgspec.structs.replace(tensor, name=name))

    def _numbered(self, name: str) -> str:
        """The name with the first number behind it that makes it one of a kind."""
        number = self._names[name]
        while True:
            number += 1
            if (other := f"{name}#{number}") not in self._names:
                self._names[name] = number
                return other


def _call(texts: dict[str, str], name: str) -> Call:
    return Call(
        texts.get("domain", "") or "ai.onnx", texts.get(name, ""), texts.get("overload", "")
    )


def _joined(prefix: str, name: str) -> str:
    """The names of nested things in a row; long ones by their digest, lest they fill the memory."""
    joined = f"{prefix}{name}/"
    return joined if len(joined) <= MAX_PREFIX else f"{sha256_hex(joined.encode())[:32]}/"
