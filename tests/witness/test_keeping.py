"""What a witness remembers: one step at a time, whoever asks, and never less than it said."""

import threading
from pathlib import Path

import pytest

from lotabots.cli.audit.witness.keeper import Keeper
from lotabots.kernel import LotaError, invalid
from lotabots.tlog import NOTHING, Known

LOG = "log.example"


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "witness.db", new=True)


def to(size: int) -> Known:
    return Known(size, size.to_bytes(32, "big"))


def test_nothing_is_known_of_a_log_at_first(keeper: Keeper) -> None:
    assert keeper.newest(LOG) == NOTHING


def test_what_was_decided_is_known_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "witness.db"
    first = Keeper(file, new=True)
    first.advance(LOG, "note", lambda _: to(7))
    first.close()
    assert Keeper(file, new=False).newest(LOG) == to(7)


def test_a_refusal_leaves_what_is_known_as_it_was(keeper: Keeper) -> None:
    keeper.advance(LOG, "note", lambda _: to(3))

    def refuse(known: Known) -> Known:
        assert known == to(3)
        raise invalid("WITNESS_PROOF", "no")

    with pytest.raises(LotaError):
        keeper.advance(LOG, "note", refuse)
    assert keeper.newest(LOG) == to(3)


def test_each_log_has_its_own_memory(keeper: Keeper) -> None:
    keeper.advance(LOG, "note", lambda _: to(3))
    assert keeper.newest("other.example") == NOTHING


def test_a_witness_that_forgot_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(LotaError) as refusal:
        Keeper(tmp_path / "witness.db", new=False)
    assert refusal.value.code == "WITNESS_FORGOT"


def test_no_step_comes_between_reading_and_replacing(tmp_path: Path) -> None:
    """Two keepers of one file, as two processes have, each with many threads."""
    file = tmp_path / "witness.db"
    keepers = [Keeper(file, new=True), Keeper(file, new=False)]

    def grow(keeper: Keeper) -> None:
        for _ in range(10):
            keeper.advance(LOG, "note", lambda known: to(known.size + 1))

    threads = [threading.Thread(target=grow, args=(keepers[n % 2],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keepers[0].newest(LOG) == to(60)


def test_the_file_is_let_go_of_only_between_two_steps(tmp_path: Path) -> None:
    file = tmp_path / "witness.db"
    keeper = Keeper(file, new=True)
    within, go_on = threading.Event(), threading.Event()

    def decide(_: Known) -> Known:
        within.set()
        go_on.wait(10)
        return to(5)

    step = threading.Thread(target=keeper.advance, args=(LOG, "note", decide))
    closing = threading.Thread(target=keeper.close)
    step.start()
    assert within.wait(10)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive()  # else SQLite would be closed under the other thread
    go_on.set()
    step.join(10)
    closing.join(10)
    assert Keeper(file, new=False).newest(LOG) == to(5)
