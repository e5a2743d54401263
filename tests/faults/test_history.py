"""The checker of histories finds what it is there to find."""

import base64
from pathlib import Path

import pytest
from faults.copy_reader import Head, Roots, bundle_path, entries, leaf
from faults.history import History

ENTRIES = [f"entry {number}".encode() for number in range(700)]
LEAVES = [leaf(entry) for entry in ENTRIES]


def note(size: int, leaves: list[bytes] = LEAVES) -> str:
    root = base64.b64encode(Roots(leaves).at(size)).decode()
    return f"log.example\n{size}\n{root}\n\n\u2014 log.example AAAA\n"


def publish(folder: Path, told: list[bytes] = ENTRIES) -> None:
    """The bundles and the checkpoint of a log, as a writer leaves them."""
    for number in range((len(told) + 255) // 256):
        held = told[number * 256 : (number + 1) * 256]
        place = folder / bundle_path(number, len(held))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"".join(len(each).to_bytes(2, "big") + each for each in held))
    (folder / "checkpoint").write_text(note(len(told), [leaf(entry) for entry in told]))


def history(**other: object) -> History:
    known = {"attempted": set(LEAVES), "acknowledged": set(LEAVES), "checkpoints": [note(300)]}
    return History(**(known | other))  # type: ignore[arg-type]


def test_a_log_that_kept_everything_passes(tmp_path: Path) -> None:
    publish(tmp_path)
    assert history().check(tmp_path) == Head.of(note(700))
    assert entries(tmp_path, 700) == ENTRIES


def test_an_attempt_that_nobody_acknowledged_may_be_missing(tmp_path: Path) -> None:
    publish(tmp_path, ENTRIES[:650])
    history(acknowledged=set(LEAVES[:650])).check(tmp_path)


@pytest.mark.parametrize(
    ("told", "changed", "word"),
    [
        (ENTRIES[:-1], {}, "lost"),
        ([*ENTRIES, ENTRIES[5]], {}, "more than once"),
        ([*ENTRIES, b"invented"], {}, "nobody appended"),
        ([*ENTRIES[1:], ENTRIES[0]], {}, "fork at size 300"),
        (ENTRIES, {"checkpoints": [note(700), note(300)]}, "shrank"),
        (ENTRIES, {"checkpoints": [note(300, LEAVES[::-1])]}, "fork at size 300"),
    ],
    ids=["lost", "twice", "invented", "reordered", "shrunk", "forked"],
)
def test_a_log_that_broke_a_promise_is_named(
    tmp_path: Path, told: list[bytes], changed: dict[str, object], word: str
) -> None:
    publish(tmp_path, told)
    with pytest.raises(AssertionError, match=word):
        history(**changed).check(tmp_path)


def test_a_log_without_a_checkpoint_has_kept_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="nothing was published"):
        history().check(tmp_path)


def test_a_root_is_that_of_rfc_6962() -> None:
    def root(leaves: list[bytes]) -> bytes:  # section 2.1, word for word
        import hashlib

        if not leaves:
            return hashlib.sha256().digest()
        if len(leaves) == 1:
            return leaves[0]
        split = 1 << (len(leaves) - 1).bit_length() - 1
        both = root(leaves[:split]) + root(leaves[split:])
        return hashlib.sha256(b"\x01" + both).digest()

    roots = Roots(LEAVES)
    assert all(roots.at(size) == root(LEAVES[:size]) for size in range(140))
