"""A vocabulary of SentencePiece is read to its last byte, or refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.hostile.repository import llama

from lotabots.models import Memory, MemoryTree
from lotabots.models.formats.sentencepiece import parse, sniff
from lotabots.models.repository.tokenizers import vocabulary_digest
from lotabots.models.scan import Options, scan


def field(number: int, data: bytes) -> bytes:
    return bytes((number << 3 | 2, len(data))) + data


def piece(text: str, kind: int = 1) -> bytes:
    return field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", -1.0) + bytes((24, kind)))


def model(*texts: str) -> bytes:
    trainer = field(1, b"corpus.txt") + b"\x20\x10"
    return b"".join(map(piece, texts)) + field(2, trainer) + field(3, field(1, b"nmt_nfkc"))


def codes(data: bytes) -> list[str]:
    return [found.code for found in parse("tokenizer.model", Memory(data)).findings]


def test_a_vocabulary_is_read_and_has_the_digest_of_its_tokens() -> None:
    data = model("<unk>", "▁a", "b")
    assert sniff(data)
    assert codes(data) == []
    facts = parse("tokenizer.model", Memory(data)).facts
    assert facts == {
        "vocabulary": 3,
        "vocabulary_digest": vocabulary_digest({"<unk>": 0, "▁a": 1, "b": 2}),
    }


def test_a_model_with_it_is_accepted_and_a_swapped_one_drifts() -> None:
    good = MemoryTree({**llama(), "tokenizer.model": model("<unk>", "a", "b")})
    assert scan(good).outcome == "accepted"
    facts = scan(good).facts["tokenizers"]
    assert isinstance(facts, dict)
    approved = Options(approved_tokenizers=frozenset(str(each) for each in facts.values()))
    assert scan(good, approved).outcome == "accepted"
    swapped = MemoryTree({**llama(), "tokenizer.model": model("<unk>", "b", "a")})
    assert [found.code for found in scan(swapped, approved).findings] == ["TOKENIZER-DRIFT"]


def test_more_tokens_than_rows_are_refused() -> None:
    tree = MemoryTree({**llama(), "tokenizer.model": model(*map(str, range(17)))})
    assert [found.code for found in scan(tree).findings] == ["TOKENIZER-ROWS"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (model("a", "a"), "TOKENIZER-COLLISION"),
        (model("a") + field(9, b"x"), "TOKENIZER-BROKEN"),
        (model("a") + field(2, b""), "TOKENIZER-BROKEN"),
        (model("a")[:-1], "TOKENIZER-BROKEN"),
        (model("a") + b"\x80", "TOKENIZER-BROKEN"),
        (field(1, field(1, b"\xff")), "TOKENIZER-BROKEN"),
        (field(1, field(1, b"a") + field(1, b"b")), "TOKENIZER-BROKEN"),
        (field(1, field(1, b"a") + field(4, b"b")), "TOKENIZER-BROKEN"),
    ],
)
def test_what_is_not_one_is_refused(data: bytes, code: str) -> None:
    assert code in codes(data)


@given(st.binary(max_size=80))
def test_any_bytes_give_an_answer(data: bytes) -> None:
    parse("tokenizer.model", Memory(data))
    parse("tokenizer.model", Memory(model("a", "b") + data))
