"""Any bytes give an answer that agrees with itself; of a file of any size the header is read."""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.hostile.binary import (
    CASES,
    CONTROLS,
    good_gguf,
    good_onnx,
    good_safetensors,
    literal,
    many_tensors,
)
from models.hostile.writers import (
    Gguf,
    entry,
    field,
    npy,
    onnx,
    onnx_graph,
    onnx_tensor,
    safetensors,
    varint,
)

from lotabots.kernel import LotaError, canonical
from lotabots.models import Memory, Parsed, Severity
from lotabots.models.formats import FORMATS, parse
from lotabots.models.memory import out_of_range

# Bytes of one element, written down again: the parsers have their own tables.
SAFETENSORS = {"F4": Fraction(1, 2), "I8": 1, "U8": 1, "F8_E4M3": 1, "BF16": 2, "F32": 4, "F64": 8}
GGUF = {
    "F32": Fraction(4),
    "F16": Fraction(2),
    "Q8_0": Fraction(34, 32),
    "Q6_K": Fraction(210, 256),
}
GGUF_NUMBERS = {"F32": 0, "F16": 1, "Q8_0": 8, "Q6_K": 14}
GOOD = {
    "safetensors": good_safetensors(),
    "gguf": good_gguf(),
    "gguf big-endian": good_gguf(">"),
    "onnx": good_onnx(),
    "npy": npy(literal(), bytes(8)),
}


def assert_consistent(parsed: Parsed, size: int) -> None:
    """What is listed is in the file, each byte once, and nothing is listed of a refused file."""
    canonical(dict(parsed.facts))
    if any(found.severity is not Severity.WARNING for found in parsed.findings):
        assert parsed.tensors == ()
    names = [tensor.name for tensor in parsed.tensors]
    assert len(names) == len(set(names))
    for tensor in parsed.tensors:
        tensor.name.encode()
        assert 0 <= tensor.begin <= tensor.end
        bits = {"safetensors": SAFETENSORS, "gguf": GGUF}.get(parsed.format, {}).get(tensor.dtype)
        if bits is not None:
            assert tensor.end - tensor.begin == math.prod(tensor.shape) * bits
    inside = sorted((t.begin, t.end) for t in parsed.tensors if t.path == "m")
    for (_, end), (begin, _) in itertools.pairwise(inside):
        assert end <= begin
    if inside:
        assert inside[-1][1] <= size
    if parsed.format == "safetensors" and inside:
        assert inside[-1][1] == size
        assert all(end == begin for (_, end), (begin, _) in itertools.pairwise(inside))


def check(data: bytes) -> None:
    """Each parser, whether its format was recognised or not."""
    for known in FORMATS:
        if known.name in {"safetensors", "gguf", "onnx", "npy"}:
            assert_consistent(known.parse("m", Memory(data)), len(data))
    parse("m", Memory(data))


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer(data: bytes) -> None:
    check(data)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_good_file_with_parts_exchanged_gives_an_answer(name: str, draw: st.DataObject) -> None:
    data = bytearray(GOOD[name])
    for _ in range(draw.draw(st.integers(1, 4))):
        begin = draw.draw(st.integers(0, len(data)))
        end = draw.draw(st.integers(begin, min(len(data), begin + 16)))
        data[begin:end] = draw.draw(
            st.binary(max_size=8) | st.sampled_from([b"\xff" * 8, bytes(8), b"\0" * 7 + b"\x80"])
        )
    check(bytes(data))


@pytest.mark.parametrize("name", sorted(GOOD))
def test_no_flipped_bit_gives_an_answer_that_contradicts_itself(name: str) -> None:
    good = GOOD[name]
    parser = next(known for known in FORMATS if known.name == name.split(maxsplit=1)[0])
    for place, bit in itertools.product(range(len(good)), range(8)):
        data = bytearray(good)
        data[place] ^= 1 << bit
        assert_consistent(parser.parse("m", Memory(bytes(data))), len(data))


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_file_cut_anywhere_in_its_header_or_data_is_no_other_file(name: str) -> None:
    good = GOOD[name]
    parser = next(known for known in FORMATS if known.name == name.split(maxsplit=1)[0])
    whole = parser.parse("m", Memory(good))
    for length in range(len(good)):
        parsed = parser.parse("m", Memory(good[:length]))
        assert_consistent(parsed, length)
        assert parsed.tensors != whole.tensors or not parsed.tensors
        if not name.startswith("onnx"):  # whose last fields may be missing
            assert parsed.findings


SHAPES = st.lists(st.integers(0, 5), max_size=3)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"'), min_size=1)


@given(st.dictionaries(NAMES.filter("__metadata__".__ne__), SHAPES, max_size=6), st.data())
def test_a_written_safetensors_file_has_exactly_its_tensors(
    shapes: dict[str, list[int]], draw: st.DataObject
) -> None:
    header, expected, place = {}, set(), 0
    for name, shape in shapes.items():
        dtype = draw.draw(st.sampled_from(["U8", "BF16", "F64"]))
        size = int(math.prod(shape) * SAFETENSORS[dtype])
        header[name] = entry(dtype, shape, place, place + size)
        expected.add((name, dtype, tuple(shape), size))
        place += size
    parsed = parse("m", Memory(safetensors(header, bytes(place))))
    assert parsed is not None
    assert parsed.findings == ()
    found = {(t.name, t.dtype, t.shape, t.end - t.begin) for t in parsed.tensors}
    assert found == expected
    assert parsed.facts["parameters"] == sum(math.prod(shape) for shape in shapes.values())


@given(
    st.dictionaries(NAMES.filter(lambda name: len(name.encode()) < 128), SHAPES, max_size=6),
    st.sampled_from("<>"),
    st.data(),
)
def test_a_written_gguf_file_has_exactly_its_tensors(
    shapes: dict[str, list[int]], order: str, draw: st.DataObject
) -> None:
    made, expected, place = Gguf(order), set(), 0
    for name, sizes in shapes.items():
        dtype = draw.draw(st.sampled_from(sorted(GGUF)))
        dims = [256, *(size + 1 for size in sizes)]
        size = int(math.prod(dims) * GGUF[dtype])
        made.tensor(name, dims, GGUF_NUMBERS[dtype], place)
        expected.add((name, dtype, tuple(dims[::-1]), size))
        place += size + -size % 32
    parsed = parse("m", Memory(made.build(bytes(place))))
    assert parsed is not None
    assert parsed.findings == ()
    assert {(t.name, t.dtype, t.shape, t.end - t.begin) for t in parsed.tensors} == expected


@given(st.dictionaries(NAMES, SHAPES, min_size=1, max_size=6))
def test_a_written_onnx_model_has_exactly_its_tensors(shapes: dict[str, list[int]]) -> None:
    tensors = [
        onnx_tensor(name, 1, shape, field(9, bytes(4 * math.prod(shape))))
        for name, shape in shapes.items()
    ]
    parsed = parse("m", Memory(onnx(onnx_graph((), tensors))))
    assert parsed is not None
    assert parsed.findings == ()
    assert [(t.name, t.shape) for t in parsed.tensors] == [(n, tuple(s)) for n, s in shapes.items()]
    assert all(t.end - t.begin == 4 * math.prod(t.shape) for t in parsed.tensors)


class Sparse:
    """A content that is zeros but for its first and last bytes; it counts what is read."""

    def __init__(self, head: bytes, size: int, tail: bytes = b"") -> None:
        self._head, self.size, self._tail = head, size, tail
        self.taken = 0

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise out_of_range(offset, length, self.size)
        self.taken += length
        assert self.taken < 2**20
        out = bytearray(self._head[offset : offset + length].ljust(length, b"\0"))
        tail = self.size - len(self._tail)
        cut = max(0, tail - offset)
        if cut < length:
            skipped = max(0, offset - tail)
            out[cut:] = self._tail[skipped : skipped + length - cut]
        return bytes(out)


GIB = 2**30


def _large_onnx() -> Sparse:
    tensor = onnx_tensor("w", 1, [3 * 2**28]) + b"\x4a" + varint(3 * GIB)
    graph = b"\x2a" + varint(len(tensor) + 3 * GIB) + tensor
    head = field(1, 10) + b"\x3a" + varint(len(graph) + 3 * GIB) + graph
    tail = field(8, field(2, 20))
    return Sparse(head, len(head) + 3 * GIB + len(tail), tail)


LARGE: dict[str, Callable[[], Sparse]] = {
    "safetensors": lambda: Sparse(
        head := safetensors({"w": entry("F32", [2**29], 0, 2 * GIB)}, b""), len(head) + 2 * GIB
    ),
    "gguf": lambda: Sparse(head := Gguf().tensor("w", [2**29], 0, 0).build(), len(head) + 2 * GIB),
    "onnx": _large_onnx,
    "npy": lambda: Sparse(head := npy(literal(shape="(536870912,)"), b""), len(head) + 2 * GIB),
}


@pytest.mark.parametrize("name", sorted(LARGE))
def test_of_a_large_file_only_the_header_is_read(name: str) -> None:
    content = LARGE[name]()
    parsed = parse("m", content)
    assert parsed is not None
    assert parsed.findings == ()
    (tensor,) = parsed.tensors
    assert tensor.end - tensor.begin >= 2 * GIB
    assert content.taken < 200_000


def test_a_parser_that_is_called_without_a_look_at_the_magic_looks_at_it() -> None:
    for name in ("gguf", "npy"):
        parser = next(known for known in FORMATS if known.name == name)
        parsed = parser.parse("m", Memory(b"\0" + GOOD[name][1:]))
        assert parsed.findings
        assert not parsed.tensors


class Failing(Memory):
    """A file that its disk no longer gives."""

    def read(self, offset: int, length: int) -> bytes:
        if offset > 0:
            raise out_of_range(offset, length, 0)
        return super().read(offset, length)


def test_a_file_that_fails_while_it_is_read_could_not_be_judged() -> None:
    parsed = parse("m", Failing(good_gguf()))
    assert parsed is not None
    (found,) = parsed.findings
    assert (found.code, found.severity) == ("FORMAT-UNREADABLE", Severity.INCONCLUSIVE)
    with pytest.raises(LotaError):
        Failing(b"ab").read(1, 1)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"a": [\n{"b": 1}]}', "# A card\n", "2 apples\n", "B\n\n:"]
)
def test_text_is_of_none_of_these_formats(text: str) -> None:
    assert parse("m", Memory(text.encode())) is None


def test_a_saved_tensorflow_model_is_no_onnx() -> None:
    assert parse("m", Memory(field(1, 1) + field(2, field(1, b"\x0a\x00")))) is None


@pytest.mark.long
@given(
    st.sampled_from([each for each in (*CASES, *CONTROLS) if "100000" not in each.name]), st.data()
)
def test_hostile_files_made_worse_give_an_answer(model: object, draw: st.DataObject) -> None:
    (data,) = list(model.files().values())[:1]  # type: ignore[attr-defined]  # Control or Hostile
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 6))):
        begin = draw.draw(st.integers(0, len(changed)))
        end = draw.draw(st.integers(begin, min(len(changed), begin + 32)))
        changed[begin:end] = draw.draw(st.binary(max_size=16))
    check(bytes(changed))


@pytest.mark.long
def test_every_two_bytes_of_a_good_header_may_be_anything() -> None:
    for name, good in GOOD.items():
        parser = next(known for known in FORMATS if known.name == name.split()[0])
        for place in range(len(good) - 1):
            for pair in (b"\0\0", b"\xff\xff", b"\x7f\xff", b"\x80\x00", b"{}", b'""', b"::"):
                data = good[:place] + pair + good[place + 2 :]
                assert_consistent(parser.parse("m", Memory(data)), len(data))


@pytest.mark.long
def test_a_hundred_thousand_tensors_are_read() -> None:
    data = many_tensors(100_000)
    parsed = parse("m", Memory(data))
    assert parsed is not None
    assert_consistent(parsed, len(data))
    assert len(parsed.tensors) == 100_000
