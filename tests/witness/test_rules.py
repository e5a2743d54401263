"""What a witness cosigns, and everything that it refuses, by the code of each refusal."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.logs import ORIGIN, SmallLog, small_log

from lotabots.kernel import LotaError, encode_base64
from lotabots.tlog import NOTHING, Known, advance, read_submission

LOG = small_log(20)
LOGS = {ORIGIN: (LOG.verifier,)}


def body(old: int | str, proof: Sequence[bytes], note: str) -> bytes:
    hashes = "".join(encode_base64(digest) + "\n" for digest in proof)
    return f"old {old}\n{hashes}\n{note}".encode()


def request(log: SmallLog, old: int, new: int) -> bytes:
    return body(old, log.consistency(old, new), log.note(new))


def known(size: int, log: SmallLog = LOG) -> Known:
    return Known(size, log.checkpoint(size).root)


def refused(data: bytes, state: Known = NOTHING) -> LotaError:
    with pytest.raises(LotaError) as refusal:
        advance(state, read_submission(data, LOGS))
    return refusal.value


@pytest.mark.parametrize(("old", "new"), [(0, 1), (0, 20), (1, 20), (8, 16), (13, 20), (20, 20)])
def test_a_log_that_only_grew_is_followed(old: int, new: int) -> None:
    state = known(old) if old else NOTHING
    assert advance(state, read_submission(request(LOG, old, new), LOGS)) == known(new)


def test_an_empty_log_is_followed_too() -> None:
    assert advance(NOTHING, read_submission(request(LOG, 0, 0), LOGS)) == NOTHING


def test_a_log_that_is_not_watched_is_unknown() -> None:
    other = small_log(3, origin="other.example")
    assert refused(request(other, 0, 3)).code == "WITNESS_LOG_UNKNOWN"


def test_a_checkpoint_signed_by_another_key_is_refused() -> None:
    thief = small_log(3, seed=2)
    assert refused(request(thief, 0, 3)).code == "WITNESS_SIGNATURE"


def test_a_changed_checkpoint_is_refused() -> None:
    assert refused(body(0, (), LOG.note(5).replace("\n5\n", "\n6\n"))).code == "WITNESS_SIGNATURE"


def test_an_old_size_above_the_new_one_is_a_bad_request() -> None:
    assert refused(body(9, (), LOG.note(5)), known(9)).code == "WITNESS_OLD_SIZE"


@pytest.mark.parametrize("old", [0, 4, 6])
def test_another_start_than_what_is_known_is_a_conflict_that_names_the_size(old: int) -> None:
    error = refused(request(LOG, old, 12), known(5))
    assert (error.code, error.details["size"]) == ("WITNESS_CONFLICT", 5)


def test_a_rollback_is_refused() -> None:
    assert refused(request(LOG, 4, 8), known(12)).code == "WITNESS_CONFLICT"


def test_another_tree_of_the_same_size_is_a_fork() -> None:
    fork = small_log(8)
    fork.entries[3] = b"another history"
    error = refused(body(8, (), fork.note()), known(8))
    assert (error.code, error.details["size"]) == ("WITNESS_FORK", 8)


def test_a_tree_that_rewrote_history_is_refused_whatever_its_proof() -> None:
    fork = small_log(12)
    fork.entries[3] = b"another history"
    assert refused(request(fork, 8, 12), known(8)).code == "WITNESS_PROOF"
    assert refused(body(8, LOG.consistency(8, 12), fork.note()), known(8)).code == "WITNESS_PROOF"


def test_a_proof_where_there_is_nothing_to_prove_is_refused() -> None:
    assert refused(body(0, [bytes(32)], LOG.note(5))).code == "WITNESS_PROOF"
    assert refused(body(5, [bytes(32)], LOG.note(5)), known(5)).code == "WITNESS_PROOF"


def test_a_missing_proof_is_refused() -> None:
    assert refused(body(5, (), LOG.note(9)), known(5)).code == "WITNESS_PROOF"


def test_at_most_63_hashes_are_taken() -> None:
    data = body(5, [bytes(32)] * 64, LOG.note(9))
    assert refused(data, known(5)).code == "WITNESS_MALFORMED"


@pytest.mark.parametrize("old", ["-1", "01", "1 ", "", "x", "1" * 30, "\u0661"])
def test_a_size_has_one_spelling(old: str) -> None:
    assert refused(body(old, (), LOG.note(9))).code == "WITNESS_MALFORMED"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 0",
        b"old 0\n",
        b"old 0\nAAAA\n\nx",
        b"old 0\n" + b"A" * 43 + b"\n\nx",
        b"old 0\r\n\r\nx",
        b"\xff\xfe",
    ],
)
def test_what_is_no_request_is_malformed(data: bytes) -> None:
    assert refused(data).code == "WITNESS_MALFORMED"


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_code(data: bytes) -> None:
    assert refused(data).code.startswith("WITNESS_")


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_byte_moves_a_witness_to_another_tree(place: int, change: int) -> None:
    good = bytearray(request(LOG, 5, 13))
    good[place % len(good)] ^= change
    try:
        after = advance(known(5), read_submission(bytes(good), LOGS))
    except LotaError as error:
        assert error.code.startswith("WITNESS_")  # noqa: PT017 - most changes are refused
    else:
        assert after == known(13)
