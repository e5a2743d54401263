"""Digests are those of the standard tools, whatever the threads; nothing unread has one."""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from models.hostile.files import WEIGHTS, cut_off, good, rewritten

from lotabots.kernel import LotaError
from lotabots.models import Algorithm, Memory, MemoryTree, TensorEntry, tensor_root
from lotabots.models.read import hash_tree, open_folder
from lotabots.models.read.hashing import new_hasher
from lotabots.models.read.opened import File
from lotabots.models.read.passes import DEPTH, FAR, one_pass, source_of
from lotabots.models.read.ranges import Ranges

STANDARD: dict[Algorithm, Callable[[bytes], bytes]] = {
    Algorithm.SHA256: lambda data: hashlib.sha256(data).digest(),
    Algorithm.BLAKE2B: lambda data: hashlib.blake2b(data).digest(),
    Algorithm.BLAKE3: lambda data: blake3(data).digest(),
}
LARGE = bytes(range(251)) * 40_000  # 10 MB, of no round length


def tensor(name: str, begin: int, end: int, path: str = "w") -> TensorEntry:
    return TensorEntry(name=name, dtype="U8", shape=(end - begin,), path=path, begin=begin, end=end)


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_digest_is_that_of_the_standard(
    algorithm: Algorithm, threads: int, tmp_path: Path
) -> None:
    files = {"a": LARGE, "b": WEIGHTS, "c": b"", "d": b"x"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    expected = {name: STANDARD[algorithm](data) for name, data in files.items()}
    with open_folder(tmp_path) as tree:
        hashed = hash_tree(tree, algorithm=algorithm, threads=threads)
    assert {one.path: one.digest for one in hashed.files} == expected
    assert [one.path for one in hashed.files] == sorted(files)
    assert {one.path: one.size for one in hashed.files} == {k: len(v) for k, v in files.items()}
    assert (hashed.findings, hashed.cached) == ((), False)
    in_memory = hash_tree(MemoryTree(files), algorithm=algorithm, threads=threads)
    assert in_memory == hashed


@given(st.data())
def test_tensors_have_the_digests_of_their_bytes(data: st.DataObject) -> None:
    content = data.draw(st.binary(max_size=300))
    bound = st.integers(0, len(content))
    spans = data.draw(st.lists(st.tuples(bound, bound).map(sorted), max_size=8))
    every = [tensor(f"t{at}", *span) for at, span in enumerate(spans)]
    ranges = Ranges(every)
    at = 0
    while at < len(content):
        step = data.draw(st.integers(1, 100))
        ranges.update(at, memoryview(content)[at : at + step])
        at += step
    for entry in ranges.digested(ranges.digests()):
        assert entry.digest == blake3(content[entry.begin : entry.end]).digest()


def test_tensors_come_back_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(LARGE)
    every = [tensor("b", 0, 5_000_000), tensor("a", 5_000_000, len(LARGE)), tensor("c", 7, 7)]
    with open_folder(tmp_path) as tree:
        hashed = hash_tree(tree, tensors=every)
    assert [one.name for one in hashed.tensors] == ["a", "b", "c"]
    assert hashed.tensors[1].digest == blake3(LARGE[:5_000_000]).digest()
    assert tensor_root(hashed.tensors) == tensor_root(hashed.tensors[::-1])


@pytest.mark.parametrize(
    ("spans", "code"),
    [
        ([(0, len(WEIGHTS) + 1)], "TENSOR-OUTSIDE"),
        ([(9, 8)], "TENSOR-OUTSIDE"),
        ([(-1, 8)], "TENSOR-OUTSIDE"),
        ([(2**70, 2**71)], "TENSOR-OUTSIDE"),
        ([(at, len(WEIGHTS)) for at in range(10)], "TENSORS-OVERLAP"),
    ],
    ids=["long", "backwards", "negative", "huge", "overlap"],
)
def test_tensors_that_lie_about_their_places_are_not_read(
    spans: list[tuple[int, int]], code: str
) -> None:
    every = [tensor(str(at), *span) for at, span in enumerate(spans)]
    hashed = hash_tree(MemoryTree({"w": WEIGHTS}), tensors=every)
    assert ([one.code for one in hashed.findings], hashed.tensors) == ([code], ())
    assert hashed.files[0].digest == hashlib.sha256(WEIGHTS).digest()


def test_tied_tensors_share_bytes_and_have_one_digest() -> None:
    every = [tensor(name, 0, len(WEIGHTS)) for name in ("embed", "head", "x", "y", "z", "v")]
    hashed = hash_tree(MemoryTree({"w": WEIGHTS}), tensors=every)
    assert {one.digest for one in hashed.tensors} == {blake3(WEIGHTS).digest()}
    assert hashed.findings == ()


def test_progress_adds_up_to_all_bytes_and_comes_one_at_a_time(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).write_bytes(LARGE)
    told: list[int] = []
    inside = threading.Lock()

    def progress(count: int) -> None:
        assert inside.acquire(blocking=False)
        told.append(count)
        inside.release()

    with open_folder(tmp_path) as tree:
        hash_tree(tree, threads=4, progress=progress)
    assert sum(told) == 4 * len(LARGE)
    assert len(told) > 4


def test_a_progress_that_fails_ends_the_work(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(LARGE)
    (tmp_path / "b").write_bytes(LARGE)

    def progress(_: int) -> None:
        raise KeyboardInterrupt

    with open_folder(tmp_path) as tree, pytest.raises(KeyboardInterrupt):
        hash_tree(tree, threads=2, progress=progress)


def test_what_is_skipped_is_not_read(tmp_path: Path) -> None:
    with open_folder(good(tmp_path)) as tree:
        hashed = hash_tree(tree, skip=lambda path: path.startswith("sub/"))
    assert [one.path for one in hashed.files] == ["empty", "weights.bin"]


@pytest.mark.parametrize("ahead", [False, True], ids=["near", "ahead"])
@pytest.mark.parametrize("change", [rewritten, cut_off], ids=["rewritten", "cut off"])
def test_a_file_that_changes_in_the_middle_of_a_pass_has_no_digest(
    ahead: bool, change: Callable[[Path], None], tmp_path: Path
) -> None:
    """Cut off behind what was read, or changed where it was read already."""
    (good(tmp_path) / "weights.bin").write_bytes(LARGE)
    os.utime(tmp_path / "weights.bin", ns=(0, 0))
    with open_folder(tmp_path) as tree:
        source = tree.content("weights.bin")
        hasher = Changing(lambda: change(tmp_path), after=3)
        with pytest.raises(LotaError, match="MODEL_READ_CHANGED"):
            one_pass(
                source,
                hasher,
                Ranges(()),
                ahead=ahead,
                wide=False,
                tell=lambda _: None,
                stop=threading.Event(),
            )
    assert hasher.pieces >= 3
    assert threading.active_count() == 1, "the thread that reads ahead has ended"


class Changing:
    """A hasher while which the world goes on."""

    def __init__(self, change: Callable[[], None], after: int) -> None:
        self.change, self.after, self.pieces = change, after, 0

    def update(self, data: memoryview) -> None:
        self.pieces += 1
        if self.pieces == self.after:
            self.change()

    def digest(self) -> bytes:
        return b""


def test_bytes_are_read_ahead_into_a_few_buffers_and_no_more() -> None:
    class Counted(Memory):
        asked = 0

        def read(self, offset: int, length: int) -> bytes:
            self.asked += 1
            return super().read(offset, length)

    content = Counted(bytes(20 * FAR))
    most = 0

    class Slow(Changing):
        def update(self, data: memoryview) -> None:
            nonlocal most
            self.pieces += 1
            most = max(most, content.asked - self.pieces)

    one_pass(
        source_of(content),
        Slow(lambda: None, 0),
        Ranges(()),
        ahead=True,
        wide=False,
        tell=lambda _: None,
        stop=threading.Event(),
    )
    assert content.asked == 20
    assert most < DEPTH


def test_every_algorithm_has_a_hasher_of_its_size() -> None:
    for algorithm in Algorithm:
        assert len(new_hasher(algorithm, 2).digest()) == algorithm.size


def test_a_file_is_closed_when_it_has_been_hashed(tmp_path: Path) -> None:
    with open_folder(good(tmp_path)) as tree:
        content = tree.content("weights.bin")
        assert isinstance(content, File)
        content.close()
        with pytest.raises(LotaError, match="MODEL_READ_FAILED"):
            content.read(0, 1)


def test_what_was_hashed_is_a_value_that_travels() -> None:
    hashed = hash_tree(MemoryTree({"w": WEIGHTS}), tensors=[tensor("t", 0, 5)])
    assert msgspec.json.decode(msgspec.json.encode(hashed), type=type(hashed)) == hashed
