"""Receipts and policies: what proves an entry, to whom, and what does not."""

from contextlib import suppress
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.made_logs import KEYS, WITNESS, WITNESS_PQ, small_log

from lotabots.kernel import LotaError
from lotabots.tlog import (
    NOTHING,
    NoteSigner,
    Policy,
    Receipt,
    advance,
    make_receipt,
    merge_cosignatures,
    prove_consistency,
    prove_inclusion,
    read_submission,
    verify_receipt,
    write_submission,
)

LOGS = "".join(f"log {key.vkey()}\n" for key in KEYS)
WITNESSES = (
    f"witness one {WITNESS.verifier.vkey()} https://one.example/\n"
    f"witness two\t{WITNESS_PQ.verifier.vkey()}\n"
)


def policy(rest: str) -> Policy:
    return Policy.parse(f"# whom we believe\n\n{LOGS}{WITNESSES}{rest}".encode())


@cache
def receipt(*witnesses: NoteSigner, extra: bytes | None = None) -> str:
    log = small_log()
    lines = "".join(one.sign(log.checkpoint().text(), 9) for one in witnesses)
    return make_receipt(301, prove_inclusion(301, 700, log.hashes()), log.note() + lines, extra)


def test_a_receipt_proves_its_entry_at_its_index() -> None:
    log = small_log()
    proven = verify_receipt(receipt(), log.entries[301], KEYS)
    assert (proven.index, proven.checkpoint) == (301, log.checkpoint())
    with pytest.raises(LotaError, match="TLOG_ROOT_MISMATCH"):
        verify_receipt(receipt(), log.entries[302], KEYS)


def test_a_receipt_brings_extra_data_along_as_it_was_given() -> None:
    for extra in (None, b"", b"the entry"):
        text = receipt(extra=extra)
        assert Receipt.read(text).extra == extra
        assert Receipt.read(text).text() == text


@given(st.data())
def test_a_receipt_with_any_byte_changed_is_refused(data: st.DataObject) -> None:
    text = bytearray(receipt().encode())
    text[data.draw(st.integers(0, len(text) - 1))] ^= data.draw(st.integers(1, 127))
    with pytest.raises(LotaError):
        verify_receipt(text.decode("utf-8", "surrogateescape"), small_log().entries[301], KEYS)


@given(st.text(max_size=200), st.booleans())
def test_anything_is_a_receipt_or_refused(text: str, begun: bool) -> None:
    with suppress(LotaError):
        Receipt.read(f"c2sp.org/tlog-proof@v1\n{text}" if begun else text)


@pytest.mark.parametrize(
    ("rest", "witnesses", "enough"),
    [
        ("quorum none\n", (), True),
        ("quorum one\n", (), False),
        ("quorum one\n", (WITNESS,), True),
        ("quorum one\n", (WITNESS_PQ,), False),
        ("group both all one two\nquorum both\n", (WITNESS,), False),
        ("group both all one two\nquorum both\n", (WITNESS, WITNESS_PQ), True),
        ("group some any one two\nquorum some\n", (WITNESS_PQ,), True),
        ("group a 1 two\ngroup b 2 a one\nquorum b\n", (WITNESS,), False),
        ("group a 1 two\ngroup b 2 a one\nquorum b\n", (WITNESS, WITNESS_PQ), True),
    ],
)
def test_a_policy_asks_for_its_quorum(
    rest: str, witnesses: tuple[NoteSigner, ...], enough: bool
) -> None:
    entry = small_log().entries[301]
    if enough:
        assert verify_receipt(receipt(*witnesses), entry, policy(rest)).index == 301
    else:
        with pytest.raises(LotaError, match="TLOG_QUORUM"):
            verify_receipt(receipt(*witnesses), entry, policy(rest))


@pytest.mark.parametrize(
    "rest",
    [
        *("", "quorum none\nquorum none\n", "quorum three\n", "quorum none", "quorum\n", "x\n"),
        *("group g 3 one two\nquorum g\n", "group g 0 one\nquorum g\n", "group g any\nquorum g\n"),
        *("group one any two\nquorum one\n", "group none any one\nquorum none\n"),
        *("group a any one\ngroup b any one a\nquorum b\n", "group a 2 one one\nquorum a\n"),
        *(f"{LOGS}quorum none\n", "quorum none\r\n", "log abc\nquorum none\n"),
        f"log {WITNESS.verifier.vkey()}\nquorum none\n",
        f"witness three {KEYS[0].vkey()}\nquorum none\n",
    ],
)
def test_a_policy_that_says_something_else_is_refused(rest: str) -> None:
    with pytest.raises(LotaError, match=r"TLOG_(POLICY|KEY)"):
        policy(rest)


@given(st.binary(max_size=200))
def test_anything_is_a_policy_or_refused(data: bytes) -> None:
    with suppress(LotaError):
        Policy.parse(data)


def test_a_policy_without_a_log_believes_nothing() -> None:
    with pytest.raises(LotaError, match="TLOG_UNSIGNED"):
        verify_receipt(receipt(), small_log().entries[301], Policy.parse(b"quorum none\n"))


def test_what_is_submitted_to_a_witness_is_what_it_reads() -> None:
    log = small_log()
    proof = prove_consistency(256, 700, log.hashes())
    logs = {log.checkpoint().origin: KEYS}
    submission = read_submission(write_submission(256, proof, log.note()), logs)
    assert (submission.proof, submission.checkpoint) == (proof, log.checkpoint())
    first = read_submission(write_submission(0, (), log.note()), logs)
    assert advance(NOTHING, first).size == 700


def test_only_a_true_cosignature_of_that_witness_is_taken_from_an_answer() -> None:
    log = small_log()
    text, note = log.checkpoint().text(), log.note()
    true, false = WITNESS.sign(text, 9), WITNESS.sign("another\n", 9)
    answer = (WITNESS_PQ.sign(text, 9) + true + "noise\n").encode()
    assert merge_cosignatures(note, answer, WITNESS.verifier) == note + true
    for lie in (false, true + false, "", "\u2014 witness.example/w1 !\n"):
        with pytest.raises(LotaError, match="TLOG_"):
            merge_cosignatures(note, lie.encode(), WITNESS.verifier)
