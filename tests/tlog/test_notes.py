"""Signed notes, keys and checkpoints: the published example, every kind, and anything changed."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.made_logs import KEYS, ORIGIN, SIGNERS, WITNESS, WITNESS_PQ, small_log

from lotabots.kernel import LotaError
from lotabots.tlog import (
    Algorithm,
    Checkpoint,
    NoteSigner,
    NoteVerifier,
    open_checkpoint,
    open_note,
    read_head,
    read_note,
    sign_checkpoint,
    sign_note,
)

COSIGNED = 1_700_000_123


def cosigned() -> str:
    log = small_log()
    text = log.checkpoint().text()
    return log.note() + WITNESS.sign(text, COSIGNED) + WITNESS_PQ.sign(text, COSIGNED)


def test_the_published_note_opens_with_its_key(vectors: Path) -> None:
    case = json.loads((vectors / "tlog/signed-note/signed-note-example.json").read_text())
    key = NoteVerifier.parse(case["vkey"])
    assert open_note(case["note"], [key]).text == "This is an example message.\n"
    assert key.vkey() == case["vkey"]
    with pytest.raises(LotaError, match="TLOG_SIGNATURE"):
        open_note(case["note"].replace("an example", "no example"), [key])


def test_a_checkpoint_opens_with_all_keys_of_its_log_and_says_who_cosigned_when() -> None:
    assert open_checkpoint(cosigned(), KEYS) == small_log().checkpoint()
    opened = open_note(cosigned(), [*KEYS, WITNESS.verifier, WITNESS_PQ.verifier])
    assert [one.at for one in opened.signed] == [0, 1_700_000_000, COSIGNED, COSIGNED]


@given(st.data())
def test_a_checkpoint_with_any_byte_changed_is_refused(data: st.DataObject) -> None:
    note = bytearray(cosigned().encode())
    place = data.draw(st.integers(0, len(small_log().note().encode()) - 1))
    note[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(LotaError):
        open_checkpoint(bytes(note), KEYS)


@given(
    st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text + "\n\n\u2014 a AAAA\n")
)
def test_anything_is_a_note_or_refused(data: bytes | str) -> None:
    for read in (read_note, read_head, lambda note: open_note(note, KEYS)):
        with suppress(LotaError):
            read(data)


@given(
    st.text(max_size=80) | st.from_regex(r"\A[a-z]{1,9}\+[0-9a-f]{8}\+[AB][A-Za-z0-9+/=]{0,60}\Z")
)
def test_anything_is_a_key_or_refused(text: str) -> None:
    with suppress(LotaError):
        assert NoteVerifier.parse(text).vkey() == text


@given(st.text(max_size=80))
def test_anything_is_the_text_of_a_checkpoint_or_refused(text: str) -> None:
    with suppress(LotaError):
        assert Checkpoint.parse(text).text() == text


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_is_read_back_and_knows_its_own_signature(algorithm: Algorithm) -> None:
    signer = NoteSigner(algorithm, "a.example/key", b"s" * 32)
    key = NoteVerifier.parse(signer.verifier.vkey())
    text = Checkpoint("a.example/key", 1, b"r" * 32).text()
    (signed,) = open_note(sign_note(text, [signer], at=77), [key]).signed
    assert signed.at == (0 if algorithm is Algorithm.ED25519 else 77)
    other = NoteSigner(algorithm, "a.example/key", b"t" * 32).verifier
    with pytest.raises(LotaError, match="TLOG_UNSIGNED"):
        open_note(sign_note(text, [signer], at=77), [other])


def test_the_time_of_a_cosignature_cannot_be_changed() -> None:
    text = small_log().checkpoint().text()
    for signer in (WITNESS, WITNESS_PQ):
        (signature,) = read_note(f"{text}\n{signer.sign(text, 5)}").signatures
        later = (6).to_bytes(8, "big") + signature.data[8:]
        with pytest.raises(LotaError, match="TLOG_SIGNATURE"):
            signer.verifier.verify(text, later)


def test_an_ml_dsa_signature_does_not_hold_under_another_name() -> None:
    text = small_log().checkpoint().text()
    (signature,) = read_note(f"{text}\n{WITNESS_PQ.sign(text, 5)}").signatures
    renamed = NoteVerifier(Algorithm.ML_DSA_44, "other.example", WITNESS_PQ.verifier.public)
    with pytest.raises(LotaError, match="TLOG_SIGNATURE"):
        renamed.verify(text, signature.data)


def test_a_checkpoint_stripped_of_its_ml_dsa_signature_is_refused_by_who_knows_that_key() -> None:
    stripped = sign_checkpoint(small_log().checkpoint(), SIGNERS[:1])
    assert open_checkpoint(stripped, KEYS[:1]).size == 700
    with pytest.raises(LotaError, match="TLOG_UNSIGNED"):
        open_checkpoint(stripped, KEYS)


def test_after_a_rotation_either_key_of_a_kind_is_enough() -> None:
    newer = NoteSigner(Algorithm.ED25519, ORIGIN, b"n" * 32)
    assert open_checkpoint(small_log().note(), [*KEYS, newer.verifier]).size == 700


def test_the_key_of_another_log_signs_nothing_for_this_one() -> None:
    other = NoteSigner(Algorithm.ED25519, "other.example", b"o" * 32)
    note = sign_note(small_log().checkpoint().text(), [other])
    with pytest.raises(LotaError, match="TLOG_ORIGIN"):
        open_checkpoint(note, [other.verifier])
    with pytest.raises(LotaError, match="TLOG_ORIGIN"):
        sign_checkpoint(small_log().checkpoint(), [other])


def test_signatures_of_strangers_are_passed_over() -> None:
    stranger = NoteSigner(Algorithm.ED25519, ORIGIN, b"q" * 32)
    text = small_log().checkpoint().text()
    assert open_checkpoint(small_log().note() + stranger.sign("other\n"), KEYS).text() == text


def test_an_extension_line_is_refused() -> None:
    text = small_log().checkpoint().text() + "more\n"
    with pytest.raises(LotaError, match="TLOG_CHECKPOINT"):
        open_checkpoint(sign_note(text, SIGNERS[:1]), KEYS[:1])
