"""What CPython would import from a pickle is what we say, and of what we accept, all is listed."""

import json
import pickle
import struct
import subprocess
import sys
from collections import Counter, OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.hostile.code import GOOD, H55

from lotabots.models import Memory
from lotabots.models.formats import parse, pickles
from lotabots.models.formats.faults import Faults
from lotabots.models.formats.opcodes import OPERATIONS, Argument
from lotabots.models.formats.pickle_globals import ALLOWED
from lotabots.models.formats.pickle_values import Global

CHILD = Path(__file__).with_name("unpickle_child.py")


class Child:
    """CPython's unpicklers in another process, that note what they would import."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def imported(self, stream: bytes) -> set[Global]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(struct.pack("<I", len(stream)) + stream)
        self.process.stdin.flush()
        return {Global(*pair) for pair in json.loads(self.process.stdout.readline())}

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    started = Child()
    yield started
    started.close()


PLAIN = [
    OrderedDict(a=[1, 2.5, None, True], b={"c": (b"x", "y", -(2**70))}, d={1, 2}),
    {"os": "system", "f": frozenset((1, 2)), "b": bytearray(b"q" * 70), "c": 1 + 2j},
    ["collections", "OrderedDict", "os", "system", ("posix", "system"), Counter("aab"), "é"],
]
SEEDS = [
    GOOD,
    *(data for _, data, _ in H55),
    *(pickle.dumps(value, protocol) for value in PLAIN for protocol in range(6)),
]
WORDS = ("os", "system", "collections", "OrderedDict", "builtins", "set", "eval", "a.b", "", "é")


def short(raw: bytes, length: int) -> bytes:
    return len(raw).to_bytes(length, "little") + raw


@st.composite
def operations(draw: st.DrawFn) -> bytes:
    """One opcode with an argument that fits it, mostly."""
    code, operation = draw(st.sampled_from(sorted(OPERATIONS.items())))
    word = draw(st.sampled_from(WORDS)).encode()
    match operation.argument:
        case Argument.NONE:
            argument = b""
        case Argument.U1 | Argument.U2 | Argument.U4 | Argument.I4:
            size = {Argument.U1: 1, Argument.U2: 2}.get(operation.argument, 4)
            argument = draw(st.integers(0, 6)).to_bytes(size, "little")
        case Argument.U8:
            argument = draw(st.integers(0, 40)).to_bytes(8, "little")
        case Argument.F8:
            argument = bytes(8)
        case Argument.LINE:
            lines = (b"0\n", b"1\n", b"01\n", b"'os'\n", b"'sys\\x74em'\n", word + b"\n", b"2L\n")
            argument = draw(st.sampled_from(lines))
        case Argument.LINES:
            argument = word + b"\n" + draw(st.sampled_from(WORDS)).encode() + b"\n"
        case Argument.S1:
            argument = short(word, 1)
        case Argument.S4:
            argument = short(word, 4)
        case Argument.S8:
            argument = short(word, 8)
    return bytes((code,)) + argument


def programs() -> st.SearchStrategy[bytes]:
    """Streams of opcodes that fit each other by chance."""
    heads = st.sampled_from([b"", *(bytes((0x80, version)) for version in range(6))])
    body = st.lists(operations(), max_size=24).map(b"".join)
    return st.builds(lambda head, inner: head + inner + b".", heads, body)


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Streams that were good, or nearly, with some bytes changed, cut, put in or taken over."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 4)):
            case 0:
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                del data[at : at + draw(st.integers(1, 8))]
            case 2:
                data[at:at] = draw(operations())
            case 3:
                other = draw(st.sampled_from(SEEDS))
                begin = draw(st.integers(0, len(other)))
                data[at:at] = other[begin : begin + draw(st.integers(0, 30))]
            case _:
                del data[at:]
    return bytes(data)


def judged(data: bytes) -> tuple[set[Global], bool]:
    """The names that we say, and whether we accept the stream as a loader of tensors would."""
    faults = Faults("m.pkl")
    stream = pickles.read_stream(Memory(data), faults, persistent=True)
    return set(stream.globals), stream.whole and faults.none


def check(data: bytes, child: Child) -> None:
    names, accepted = judged(data)
    if accepted:
        real = child.imported(data)
        assert real <= names
        assert real <= set(ALLOWED)


@given(data=programs() | mutants())
def test_an_accepted_stream_imports_listed_names_only(child: Child, data: bytes) -> None:
    check(data, child)


@pytest.mark.long
@settings(max_examples=20_000)
@given(data=programs() | mutants())
def test_an_accepted_stream_imports_listed_names_only_at_length(child: Child, data: bytes) -> None:
    check(data, child)


# CPython would hash for years, or allocate 64 GiB.
LETHAL = ("hash-bomb", "memo-far-away", "huge-bytearray")
LIVING = [(name, data) for name, data, _ in H55 if name not in LETHAL]


@pytest.mark.parametrize("data", [data for _, data in LIVING], ids=[name for name, _ in LIVING])
def test_a_hostile_stream_is_never_accepted_whatever_it_imports(child: Child, data: bytes) -> None:
    parsed = pickles.parse("m.pkl", Memory(data))
    assert parsed.findings
    check(data, child)
    child.imported(data)  # it lives on, and is inert


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", PLAIN, ids=("ordered", "dict", "list"))
def test_a_plain_pickle_of_the_standard_library_is_accepted(
    child: Child, value: object, protocol: int
) -> None:
    data = pickle.dumps(value, protocol)
    names, accepted = judged(data)
    assert accepted
    assert child.imported(data) == names
    assert pickles.sniff(data)


def test_no_listed_name_becomes_another_one_in_python_3() -> None:
    import _compat_pickle

    for name in ALLOWED:
        assert (name.module, name.name) not in _compat_pickle.NAME_MAPPING
        moved = _compat_pickle.IMPORT_MAPPING.get(name.module, name.module)
        assert Global(moved, name.name) in ALLOWED


@given(st.binary(max_size=300))
def test_any_bytes_give_findings_and_never_an_error(data: bytes) -> None:
    parse("x", Memory(data))
    pickles.parse("x", Memory(data))
    pickles.parse("x", Memory(b"\x80\x04" + data))


@pytest.mark.parametrize(
    "text",
    [
        b"Under the licence\nof everybody\n",
        b"cat\nis\nhere\n",
        b"(internal note\nfoo\n",
        b"In the beginning\n",
        b"I1\n",
        b"{}\n",
        b'{"a": 1}',
        b"",
        b".",
        b"the\nof\nand\n",
    ],
)
def test_a_text_is_no_pickle(text: bytes) -> None:
    assert not pickles.sniff(text)


def test_rows_that_are_given_many_times_are_looked_at_so_many_times_only() -> None:
    row = b"]q\x00(" + b"N" * 20_000 + b"e"
    data = b"\x80\x02" + row + b"cbuiltins\nset\nq\x010" + b"h\x01h\x00\x85R0" * 2000 + b"."
    found = pickles.parse("x", Memory(data))
    assert "PICKLE-LIMIT" in {each.code for each in found.findings}


def test_the_package_does_not_import_what_could_unpickle() -> None:
    source = "import sys, lotabots.models.formats; print('pickle' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
