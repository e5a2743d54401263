"""Hostile safetensors, GGUF, ONNX and npy files (H33 to H38, H41 to H50, H59), and good ones."""

import json
import pickle

from models.hostile import Control, Hostile
from models.hostile.writers import (
    Gguf,
    entry,
    field,
    npy,
    onnx,
    onnx_external,
    onnx_graph,
    onnx_node,
    onnx_tensor,
    safetensors,
)

BIG = 2**62


def case(number: int, name: str, expect: str, path: str, data: bytes) -> Hostile:
    return Hostile(id=f"H{number}", name=name, expect=expect, files=lambda: {path: data})


def _safetensors(number: int, name: str, code: str, data: bytes) -> Hostile:
    return case(number, name, f"SAFETENSORS-{code}", "model.safetensors", data)


def good_safetensors() -> bytes:
    header = {
        "__metadata__": {"format": "pt"},
        "model.embed_tokens.weight": entry("BF16", [4, 2], 0, 16),
        "norm": entry("F32", [2], 16, 24),
        "packed": entry("F4", [3, 2], 24, 27),
        "empty": entry("I8", [0, 7], 27, 27),
        "scalar": entry("F8_E4M3", [], 27, 28),
    }
    return safetensors(header, bytes(28))


def _twice(inner: str) -> bytes:
    return safetensors(inner.encode(), bytes(4))


ONE = '"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}'
SAFETENSORS = (
    _safetensors(
        33,
        "overlap",
        "OVERLAP",
        safetensors({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 2, 6)}, bytes(6)),
    ),
    _safetensors(
        33,
        "same-bytes-twice",
        "OVERLAP",
        safetensors({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 0, 4)}, bytes(4)),
    ),
    _safetensors(
        34,
        "hole-between",
        "HOLE",
        safetensors({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 4, 6)}, bytes(6)),
    ),
    _safetensors(
        34, "hole-at-the-start", "HOLE", safetensors({"a": entry("U8", [2], 2, 4)}, bytes(4))
    ),
    _safetensors(
        35, "zip-behind-the-tensors", "TRAILING", good_safetensors() + b"PK\x05\x06" + bytes(18)
    ),
    _safetensors(35, "one-byte-behind", "TRAILING", good_safetensors() + b"\0"),
    _safetensors(35, "nothing-but-a-tail", "TRAILING", safetensors({}, pickle.dumps("echo"))),
    _safetensors(36, "name-twice", "DUPLICATE", _twice(f"{{{ONE},{ONE}}}")),
    _safetensors(
        36,
        "name-twice-escaped",
        "DUPLICATE",
        _twice("{{{},{}}}".format(ONE, ONE.replace('"a"', '"\\u0061"'))),
    ),
    _safetensors(
        36,
        "metadata-twice",
        "DUPLICATE",
        _twice(f'{{"__metadata__":{{"a":"b"}},"__metadata__":{{}},{ONE}}}'),
    ),
    _safetensors(
        36,
        "key-in-metadata-twice",
        "METADATA",
        _twice(f'{{"__metadata__":{{"a":"b","a":"c"}},{ONE}}}'),
    ),
    _safetensors(
        36,
        "shape-twice",
        "ENTRY",
        _twice("{{{}}}".format(ONE.replace('"shape":[4]', '"shape":[4],"shape":[4]'))),
    ),
    _safetensors(
        37,
        "product-wraps-to-four",
        "OVERFLOW",
        safetensors({"a": entry("U8", [2**33, 2**31 + 1, 4], 0, 4)}, bytes(4)),
    ),
    _safetensors(
        37, "wraps-then-zero", "OVERFLOW", safetensors({"a": entry("U8", [BIG, BIG, 0], 0, 0)}, b"")
    ),
    _safetensors(
        37, "bytes-wrap", "OVERFLOW", safetensors({"a": entry("F64", [2**61], 0, 0)}, b"")
    ),
    _safetensors(
        37, "shape-too-small", "SPAN", safetensors({"a": entry("U8", [3], 0, 4)}, bytes(4))
    ),
    _safetensors(
        37, "end-before-begin", "SPAN", safetensors({"a": entry("U8", [4], 4, 0)}, bytes(4))
    ),
    _safetensors(37, "half-a-byte", "SPAN", safetensors({"a": entry("F4", [3], 0, 1)}, bytes(1))),
    _safetensors(
        37, "behind-the-end", "BEYOND", safetensors({"a": entry("U8", [8], 0, 8)}, bytes(4))
    ),
    _safetensors(
        38, "header-of-2-62-bytes", "HEADER-LENGTH", safetensors({}, bytes(4), length=BIG)
    ),
    _safetensors(38, "header-longer-than-file", "HEADER-LENGTH", safetensors({}, b"", length=3)),
    _safetensors(38, "header-of-nothing", "HEADER-LENGTH", safetensors(b"{}", b"", length=0)),
    _safetensors(38, "blanks-first", "HEADER-START", safetensors(b"  {}", b"")),
    _safetensors(38, "not-json", "HEADER-JSON", safetensors(b"{'a':1}", b"")),
    _safetensors(
        38, "ten-thousand-deep", "HEADER-JSON", safetensors(b'{"a":' + b"[" * 10_000, b"")
    ),
    _safetensors(38, "unknown-type", "DTYPE", safetensors({"a": entry("F3", [4], 0, 4)}, bytes(4))),
    _safetensors(
        38, "negative-size", "ENTRY", safetensors({"a": entry("U8", [-4], 0, 4)}, bytes(4))
    ),
    _safetensors(
        38,
        "size-of-600-digits",
        "OVERFLOW",
        _twice("{{{}}}".format(ONE.replace("[4]", "[%s]" % ("9" * 600)))),
    ),
    _safetensors(38, "no-shape", "ENTRY", _twice('{"a":{"dtype":"U8","data_offsets":[0,4]}}')),
    _safetensors(
        38,
        "more-than-a-tensor",
        "ENTRY",
        _twice("{{{}}}".format(ONE.replace('"shape"', '"x":1,"shape"'))),
    ),
    _safetensors(
        38, "name-with-line-end", "NAME", safetensors({"a\n": entry("U8", [4], 0, 4)}, bytes(4))
    ),
    _safetensors(
        38, "metadata-of-numbers", "METADATA", safetensors({"__metadata__": {"a": 1}}, b"")
    ),
    _safetensors(
        38,
        "template-in-metadata",
        "METADATA-CODE",
        safetensors({"__metadata__": {"a": "{{ x.__class__ }}"}}, b""),
    ),
)


def _gguf(number: int, name: str, code: str, data: bytes) -> Hostile:
    return case(number, name, f"GGUF-{code}", "model.gguf", data)


def good_gguf(order: str = "<", version: int = 3) -> bytes:
    """Two tensors: 32 x 4 of Q8_0 (136 bytes), padded to 160; 5 of F32."""
    made = (
        Gguf(order, version)
        .string("general.architecture", "llama")
        .u32("llama.context_length", 4096)
    )
    made.strings("tokenizer.ggml.tokens", ["a", "b", "c", "d"])
    made.string("tokenizer.chat_template", "{{ messages }}").key("x.flag", 7, b"\x01")
    made.key("x.float", 6, made.pack("f", 1.5)).key("x.list", 9, made.pack("IQ3H", 2, 3, 1, 2, 3))
    made.tensor("token_embd.weight", [32, 4], 8, 0).tensor("norm", [5], 0, 160)
    return made.build(bytes(180))


def cut_gguf() -> bytes:
    made = Gguf().tensor("a", [8], 0, 0)
    made.alignment = 0
    return made.build()[:-4]


def _one(dims: list[int], kind: int = 0, offset: int = 0, size: int = 32) -> bytes:
    return Gguf().tensor("a", dims, kind, offset).build(bytes(size))


def _counted(tensors: int, keys: int) -> bytes:
    made = Gguf()
    made.counts = (tensors, keys)
    return made.build(bytes(64))


def _aligned(value: int, kind: str = "I") -> bytes:
    made = Gguf()
    made.key("general.alignment", 4 if kind == "I" else 10, made.pack(kind, value))
    return made.tensor("a", [8], 0, 0).build(bytes(32))


def _nested(depth: int) -> bytes:
    made = Gguf()
    inner = made.pack("IQ", 4, 0)
    for _ in range(depth):
        inner = made.pack("IQ", 9, 1) + inner
    return made.key("x", 9, inner).build()


def _two(second: str, offset: int) -> bytes:
    return Gguf().tensor("a", [8], 0, 0).tensor(second, [8], 0, offset).build(bytes(offset + 32))


GGUF = (
    _gguf(41, "tensor-count-2-62", "COUNT", _counted(BIG, 0)),
    _gguf(41, "key-count-2-62", "COUNT", _counted(0, BIG)),
    _gguf(41, "counts-wrap", "COUNT", _counted(2**64 - 1, 2**64 - 1)),
    _gguf(
        42,
        "string-2-63",
        "LENGTH",
        Gguf().key("a", 8, (2**63).to_bytes(8, "little") + bytes(99)).build(),
    ),
    _gguf(42, "key-2-63", "LENGTH", b"GGUF" + Gguf().pack("IQQQ", 3, 0, 1, 2**63) + bytes(99)),
    _gguf(
        42, "list-2-63", "LENGTH", Gguf().key("a", 9, Gguf().pack("IQ", 4, 2**63)).build(bytes(99))
    ),
    _gguf(
        42,
        "list-of-texts-2-61",
        "LENGTH",
        Gguf().key("a", 9, Gguf().pack("IQ", 8, 2**61)).build(bytes(99)),
    ),
    _gguf(
        42,
        "token-2-63",
        "LENGTH",
        Gguf().key("a", 9, Gguf().pack("IQQ", 8, 1, 2**63)).build(bytes(99)),
    ),
    _gguf(43, "dimensions-wrap", "OVERFLOW", _one([2**32, 2**32])),
    _gguf(43, "dimension-2-63", "OVERFLOW", _one([2**63])),
    _gguf(43, "bytes-wrap", "OVERFLOW", _one([2**62])),
    _gguf(43, "dimension-zero", "DIMENSIONS", _one([0, 8])),
    _gguf(43, "five-dimensions", "DIMENSIONS", _one([1] * 5)),
    _gguf(43, "half-a-block", "BLOCK", _one([33], kind=8)),
    _gguf(44, "offset-wraps", "BEYOND", _one([8], offset=2**64 - 32)),
    _gguf(44, "behind-the-end", "BEYOND", _one([9])),
    _gguf(44, "unaligned", "OFFSET-UNALIGNED", _one([8], offset=8, size=64)),
    _gguf(45, "alignment-0", "ALIGNMENT", _aligned(0)),
    _gguf(45, "alignment-3", "ALIGNMENT", _aligned(3)),
    _gguf(45, "alignment-2-31", "ALIGNMENT", _aligned(2**31)),
    _gguf(45, "alignment-of-text", "ALIGNMENT", Gguf().string("general.alignment", "32").build()),
    _gguf(46, "tensor-twice", "TENSOR-DUPLICATE", _two("a", 32)),
    _gguf(46, "overlap", "OVERLAP", _two("b", 0)),
    _gguf(46, "hole", "HOLE", _two("b", 96)),
    _gguf(46, "key-twice", "KEY-DUPLICATE", Gguf().u32("x", 1).u32("x", 2).build()),
    _gguf(46, "name-with-nul", "NAME", Gguf().tensor("a\0b", [8], 0, 0).build(bytes(32))),
    _gguf(46, "text-in-the-padding", "PADDING", _one([7])[:-4] + b"hide"),
    _gguf(46, "zip-behind", "TRAILING", good_gguf() + bytes(12) + b"PK\x05\x06" + bytes(18)),
    _gguf(47, "list-of-lists", "ARRAY-NESTED", _nested(1)),
    _gguf(47, "ten-thousand-deep", "ARRAY-NESTED", _nested(10_000)),
    _gguf(48, "unknown-tensor-type", "TYPE", _one([8], kind=4)),
    _gguf(48, "tensor-type-2-31", "TYPE", _one([8], kind=2**31)),
    _gguf(48, "unknown-value-type", "VALUE-TYPE", Gguf().key("x", 13, bytes(8)).build()),
    _gguf(48, "truth-of-2", "BOOL", Gguf().key("x", 7, b"\x02").build()),
    _gguf(48, "key-not-utf-8", "TEXT", Gguf().key(b"\xff", 7, b"\x01").build()),
    _gguf(48, "version-1", "VERSION-OLD", Gguf(version=1).build(bytes(32))),
    _gguf(48, "version-4", "VERSION", Gguf(version=4).build(bytes(32))),
    _gguf(48, "magic-alone", "CUT", b"GGUF"),
    _gguf(48, "cut-in-a-key", "CUT", cut_gguf()),
)


def _onnx(number: int, name: str, code: str, data: bytes) -> Hostile:
    return case(number, name, f"ONNX-{code}", "model.onnx", data)


RAW = field(9, bytes(8))


def good_onnx() -> bytes:
    """A graph with an initializer, a constant, a branch with one of its own, and a function."""
    inner = onnx_graph([onnx_node("Relu")], [onnx_tensor("inner", 1, [1], field(9, bytes(4)))])
    constant = field(5, field(1, "value") + field(5, onnx_tensor("", 7, [1], field(7, b"\x05"))))
    branch = field(5, field(1, "then_branch") + field(6, inner))
    nodes = [
        onnx_node("MatMul", name="mm"),
        onnx_node("Constant", name="c", attributes=constant),
        onnx_node("If", name="if", attributes=branch),
        onnx_node("F", "own"),
    ]
    tensors = [
        onnx_tensor("w", 1, [2], RAW),
        onnx_tensor("q", 22, [3], field(9, bytes(2))),
        onnx_tensor("texts", 8, [2], field(6, "a"), field(6, "b")),
        onnx_tensor("far", 1, [2], onnx_external(location="w/far.bin", offset="4096")),
    ]
    function = field(1, "F") + field(10, "own") + field(7, onnx_node("Relu"))
    return onnx(onnx_graph(nodes, tensors), field(25, function))


def _far(**entries: str) -> bytes:
    return onnx(onnx_graph((), [onnx_tensor("w", 1, [2], onnx_external(**entries))]))


def _held(kind: int, dims: list[int], *more: bytes, name: str = "w") -> bytes:
    return onnx(onnx_graph((), [onnx_tensor(name, kind, dims, *more)]))


def _deep(depth: int) -> bytes:
    graph = onnx_graph()
    for _ in range(depth):
        graph = onnx_graph([onnx_node("If", attributes=field(5, field(1, "b") + field(6, graph)))])
    return onnx(graph)


def _functions(*calls: tuple[str, list[str]]) -> bytes:
    made = (
        field(
            25,
            field(1, name)
            + field(10, "own")
            + b"".join(field(7, onnx_node(c, "own")) for c in called),
        )
        for name, called in calls
    )
    return onnx(onnx_graph([onnx_node(calls[0][0], "own")]), *made)


ESCAPES = (
    "../w.bin",
    "/etc/passwd",
    "a/../../w",
    "C:\\w",
    "c:w",
    "a\\..\\w",
    "./w",
    "a//w",
    "",
    "w\0",
)
ONNX = (
    *(
        _onnx(49, f"external-path-{number}", "EXTERNAL-PATH", _far(location=path))
        for number, path in enumerate(ESCAPES)
    ),
    _onnx(
        49, "external-address", "EXTERNAL-PATH", _far(location="*/_ORT_MEM_ADDR_/*", offset="4096")
    ),
    _onnx(49, "external-offset-negative", "EXTERNAL-RANGE", _far(location="w", offset="-8")),
    _onnx(49, "external-length-wrong", "EXTERNAL-RANGE", _far(location="w", length="9")),
    _onnx(49, "external-key-unknown", "EXTERNAL-KEY", _far(location="w", basepath="/")),
    _onnx(
        49,
        "external-location-twice",
        "EXTERNAL-DUPLICATE",
        _held(1, [2], field(13, field(1, "location") + field(2, "w")), onnx_external(location="x")),
    ),
    _onnx(49, "inside-and-outside", "TENSOR-DATA", _held(1, [2], RAW, onnx_external(location="w"))),
    _onnx(50, "custom-domain", "DOMAIN", onnx(onnx_graph([onnx_node("PyOp", "ai.onnx.contrib")]))),
    _onnx(
        50,
        "custom-domain-in-a-branch",
        "DOMAIN",
        onnx(
            onnx_graph(
                [
                    onnx_node(
                        "If",
                        attributes=field(
                            5, field(1, "b") + field(6, onnx_graph([onnx_node("X", "evil")]))
                        ),
                    )
                ]
            )
        ),
    ),
    _onnx(50, "custom-domain-in-a-function", "DOMAIN", _functions(("F", ["G"]))),
    _onnx(
        50, "function-calls-itself", "FUNCTION-EXPANSION", _functions(("F", ["G"]), ("G", ["F"]))
    ),
    _onnx(
        50,
        "functions-double-64-times",
        "FUNCTION-EXPANSION",
        _functions(*((f"F{n}", [f"F{n + 1}"] * 2) for n in range(64)), ("F64", [])),
    ),
    _onnx(
        50,
        "built-in-replaced",
        "FUNCTION-BUILTIN",
        onnx(onnx_graph(), field(25, field(1, "Relu") + field(10, ""))),
    ),
    _onnx(50, "nested-a-thousand-deep", "TOO-DEEP", _deep(1000)),
    _onnx(37, "shape-overflow", "OVERFLOW", _held(1, [2**32, 2**32], RAW)),
    _onnx(37, "negative-dimension", "OVERFLOW", _held(1, [-2], RAW)),
    _onnx(37, "raw-too-short", "TENSOR-SIZE", _held(1, [3], RAW)),
    _onnx(37, "nothing-stored", "TENSOR-SIZE", _held(1, [2])),
    _onnx(37, "in-the-wrong-field", "TENSOR-DATA", _held(1, [2], field(7, b"\1\2"))),
    _onnx(37, "unknown-type", "TYPE", _held(99, [2], RAW)),
    _onnx(
        36,
        "tensor-twice",
        "TENSOR-DUPLICATE",
        onnx(onnx_graph((), [onnx_tensor("w", 1, [2], RAW)] * 2)),
    ),
    _onnx(36, "raw-data-twice", "FIELD-DUPLICATE", _held(1, [2], RAW, RAW)),
    _onnx(36, "graph-twice", "FIELD-DUPLICATE", onnx(onnx_graph(), field(7, onnx_graph()))),
    _onnx(36, "no-name", "NAME", _held(1, [2], RAW, name="")),
    _onnx(36, "group", "PROTOBUF", onnx(onnx_graph() + b"\x0b\x0c")),
    _onnx(36, "length-2-63", "PROTOBUF", onnx(onnx_graph() + b"\x12" + b"\xff" * 9 + b"\x01")),
    _onnx(36, "no-graph", "MODEL", field(1, 10) + field(2, "x")),
)


def _npy(number: int, name: str, code: str, data: bytes) -> Hostile:
    return case(number, name, f"NPY-{code}", "array.npy", data)


def literal(descr: str = "'<f4'", shape: str = "(2,)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


NPY = (
    _npy(59, "objects", "OBJECT", npy(literal("'|O'"), pickle.dumps(["echo"]))),
    _npy(
        59,
        "objects-in-a-record",
        "OBJECT",
        npy(literal("[('a', '<i4'), ('b', [('c', '|O')])]"), bytes(24)),
    ),
    _npy(59, "header-that-computes", "HEADER", npy(literal(shape="(1+1,)"), bytes(8))),
    _npy(59, "header-that-calls", "HEADER", npy(literal(shape="__import__('os')"), bytes(8))),
    _npy(
        59,
        "key-twice",
        "HEADER",
        npy("{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (2,), }", bytes(8)),
    ),
    _npy(59, "shape-that-is-no-tuple", "HEADER", npy(literal(shape="(2)"), bytes(8))),
    _npy(59, "unknown-width", "TYPE", npy(literal(descr="'<b4'"), bytes(8))),
    _npy(59, "no-descr", "HEADER", npy("{'fortran_order': False, 'shape': (2,), }", bytes(8))),
    _npy(59, "more-behind-the-dict", "HEADER", npy(literal() + " or 1", bytes(8))),
    _npy(59, "deep-header", "HEADER", npy(literal(descr="[" * 1000), bytes(8))),
    _npy(59, "header-longer-than-file", "HEADER", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}"),
    _npy(59, "unknown-type", "TYPE", npy(literal("'<q9'"), bytes(8))),
    _npy(59, "unknown-version", "VERSION", npy(literal(), bytes(8), version=9)),
    _npy(
        37, "shape-overflow", "OVERFLOW", npy(literal(shape="(4294967296, 4294967296)"), bytes(8))
    ),
    _npy(35, "pickle-behind", "TRAILING", npy(literal(), bytes(8) + pickle.dumps("echo"))),
    _npy(44, "cut", "CUT", npy(literal(), bytes(7))),
)

CASES: tuple[Hostile, ...] = (*SAFETENSORS, *GGUF, *ONNX, *NPY)


def many_tensors(count: int) -> bytes:
    """A safetensors file with so many tensors of four bytes."""
    header = {f"model.layers.{n}.weight": entry("F32", [1], 4 * n, 4 * n + 4) for n in range(count)}
    return safetensors(
        json.dumps(header, separators=(",", ":")).encode() + b"   ", bytes(4 * count)
    )


def _control(name: str, path: str, data: bytes) -> Control:
    return Control(name=name, files=lambda: {path: data})


CONTROLS: tuple[Control, ...] = (
    _control("safetensors", "model.safetensors", good_safetensors()),
    _control("safetensors-empty", "model.safetensors", safetensors({}, b"")),
    _control(
        "safetensors-escaped-name",
        "model.safetensors",
        _twice("{{{}}}".format(ONE.replace('"a"', '"\\u00e9"'))),
    ),
    Control(
        name="safetensors-100000-tensors",
        files=lambda: {"model.safetensors": many_tensors(100_000)},
    ),
    _control("gguf", "model.gguf", good_gguf()),
    _control("gguf-version-2", "model.gguf", good_gguf(version=2)),
    _control("gguf-big-endian", "model.gguf", good_gguf(">")),
    _control("gguf-padded-at-the-end", "model.gguf", good_gguf() + bytes(12)),
    _control(
        "gguf-vocabulary-alone",
        "model.gguf",
        Gguf().strings("tokenizer.ggml.tokens", ["a"]).build(),
    ),
    Control(name="onnx", files=lambda: {"model.onnx": good_onnx(), "w/far.bin": bytes(4104)}),
    _control(
        "onnx-contributed-operator",
        "model.onnx",
        onnx(onnx_graph([onnx_node("Attention", "com.microsoft")])),
    ),
    _control("npy", "array.npy", npy(literal(), bytes(8))),
    _control("npy-version-3", "array.npy", npy(literal(order="True"), bytes(8), version=3)),
    _control(
        "npy-record", "array.npy", npy(literal("[('a', '<i4'), ('b', '<f8', (2,))]"), bytes(40))
    ),
    _control("npy-scalar", "array.npy", npy(literal(shape="()"), bytes(4))),
)
