"""Named files that others are served: in a folder and in an object store alike."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.store import MemoryStore

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.files import Files, Folder, Objects, open_files

THREADS = 8


@pytest.fixture(params=["folder", "objects"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Folder(tmp_path / "log") if request.param == "folder" else open_files("memory:///")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below, by its path; the locks of `swap` are no content."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_what_was_put_is_read_whole(files: Files) -> None:
    files.put([("tile/0/000", b"hashes"), ("tile/0/x001/000", b"\0" * 9000), ("log.vkey", b"")])
    assert files.read("tile/0/000") == b"hashes"
    assert files.read("tile/0/x001/000") == b"\0" * 9000
    assert files.read("log.vkey") == b""


def test_files_are_taken_one_by_one_from_whatever_makes_them(files: Files) -> None:
    def made() -> Iterator[tuple[str, bytes]]:
        for number in range(40):
            yield f"tile/0/{number:03}", bytes([number]) * 8192

    files.put(made())
    assert all(files.read(path) == data for path, data in made())
    files.put([])


def test_a_file_that_is_put_again_holds_the_new_content(files: Files) -> None:
    for data in (b"a longer first content", b"second"):
        files.put([("tile/0/000.p/3", data)])
        assert files.read("tile/0/000.p/3") == data


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile", "log.vkey/below"])
def test_a_file_that_is_not_there_is_named(files: Files, path: str) -> None:
    files.put([("tile/entries/000", b"x"), ("log.vkey", b"x")])
    with pytest.raises(LotaError, match="FILE_MISSING") as caught:
        files.read(path)
    assert caught.value.kind is Kind.NOT_FOUND
    assert caught.value.details["path"] == path


def test_a_file_is_swapped_by_whoever_has_seen_what_it_holds(files: Files) -> None:
    assert not files.swap("checkpoint", b"imagined", b"never")
    assert files.swap("checkpoint", None, b"first")
    assert not files.swap("checkpoint", None, b"first again")
    assert not files.swap("checkpoint", b"firs", b"never")
    assert files.read("checkpoint") == b"first"
    assert files.swap("checkpoint", b"first", b"second")
    assert not files.swap("checkpoint", b"first", b"late")
    assert files.read("checkpoint") == b"second"


def test_a_file_that_became_what_it_was_may_be_swapped(files: Files) -> None:
    for old, new in ((None, b"a"), (b"a", b"b"), (b"b", b"a"), (b"a", b"c")):
        assert files.swap("checkpoint", old, new)
    assert files.read("checkpoint") == b"c"


@pytest.mark.parametrize("old", [None, b"", b"seen by all"])
def test_of_many_who_swap_at_once_one_wins(files: Files, old: bytes | None) -> None:
    if old is not None:
        files.put([("checkpoint", old)])
    together = Barrier(THREADS)

    def swap(number: int) -> bool:
        together.wait()
        return files.swap("checkpoint", old, b"%d" % number)

    with ThreadPoolExecutor(THREADS) as pool:
        won = list(pool.map(swap, range(THREADS)))
    assert sum(won) == 1
    assert files.read("checkpoint") == b"%d" % won.index(True)


class Overtaken:
    """A store in which another writer is faster, between our look and our write."""

    def __init__(self, other: bytes) -> None:
        self._store, self._other = MemoryStore(), other

    def get(self, path: str) -> object:
        return self._store.get(path)

    def put(self, path: str, data: bytes, **how: Any) -> None:
        if self._other:
            other, self._other = self._other, b""
            self._store.put(path, other)
        self._store.put(path, data, **how)


@pytest.mark.parametrize("old", [None, b"seen by both"])
def test_an_object_that_another_writer_changed_meanwhile_is_not_replaced(old: bytes | None) -> None:
    store = Overtaken(b"")
    objects = Objects(store)  # type: ignore[arg-type]
    if old is not None:
        objects.put([("checkpoint", old)])
    store._other = b"the faster one"
    assert not objects.swap("checkpoint", old, b"the slower one")
    assert objects.read("checkpoint") == b"the faster one"
    assert objects.swap("checkpoint", b"the faster one", b"the slower one")


def test_whoever_reads_while_it_is_swapped_sees_one_content_or_the_other(files: Files) -> None:
    sizes = [1, 5000, 20_000]
    known = {bytes([number]) * size for number, size in enumerate(sizes * 10)}
    last: bytes | None = None

    def read(_: int) -> bytes:
        return files.read("checkpoint")

    with ThreadPoolExecutor(THREADS) as pool:
        for number, size in enumerate(sizes * 10):
            data = bytes([number]) * size
            assert files.swap("checkpoint", last, data)
            last = data
            seen = pool.map(read, range(4))
        assert set(seen) <= known


def test_a_folder_is_removed_with_all_that_is_in_it_and_nothing_else(files: Files) -> None:
    kept = ["tile/0/000", "tile/0/000.q/1", "tile/0/000.px", "tile/0/001.p/1", "checkpoint"]
    gone = ["tile/0/000.p/1", "tile/0/000.p/200"]
    files.put([(path, b"x") for path in (*kept, *gone)])
    for _ in range(2):  # there is none any more the second time
        files.remove("tile/0/000.p")
        assert sorted(files.paths()) == sorted(kept)
    files.put([("tile/0/000.p/2", b"again")])
    assert files.read("tile/0/000.p/2") == b"again"


def test_every_file_has_its_path_and_nothing_else_has_one(files: Files) -> None:
    assert list(files.paths()) == []
    put = {"checkpoint", "log.vkey", "tile/0/000", "tile/0/x001/000.p/3", "tile/entries/000"}
    files.put([(path, b"x") for path in put])
    files.swap("checkpoint", b"x", b"y")
    files.swap("checkpoint.old", None, b"x")
    assert sorted(files.paths()) == sorted({*put, "checkpoint.old"})


@given(st.binary(max_size=3000), st.none() | st.binary(max_size=3000))
def test_any_bytes_come_back_as_they_went_in(new: bytes, old: bytes | None) -> None:
    objects = open_files("memory:///")
    assert objects.swap("checkpoint", None, new)
    assert objects.read("checkpoint") == new
    assert objects.swap("checkpoint", old, b"other") is (old == new)


def test_two_logs_in_memory_share_nothing() -> None:
    one, other = open_files("memory:///"), open_files("memory:///")
    one.put([("checkpoint", b"x")])
    with pytest.raises(LotaError, match="FILE_MISSING"):
        other.read("checkpoint")


def test_a_file_url_with_escapes_names_the_folder(tmp_path: Path) -> None:
    open_files((tmp_path / "with space").as_uri()).put([("tile/0/000", b"x")])
    assert contents(tmp_path / "with space") == {"tile/0/000": b"x"}


def test_a_folder_appears_when_it_is_first_written_to(tmp_path: Path) -> None:
    folder = open_files((tmp_path / "a" / "b").as_uri())
    with pytest.raises(LotaError, match="FILE_MISSING"):
        folder.read("checkpoint")
    assert not (tmp_path / "a").exists()
    assert folder.swap("checkpoint", None, b"x")
    assert contents(tmp_path) == {"a/b/checkpoint": b"x"}


@pytest.mark.parametrize(
    "url",
    ["", "/plain/path", "https://host/x", "ftp://host", "az://c", "s3:", "s3://", "gs:///",
     "file://host/path", "file:", "file:relative", "s3://[bad"],
)  # fmt: skip
def test_a_url_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(LotaError, match="FILES_URL_INVALID"):
        open_files(url)


def test_a_url_that_is_refused_is_not_repeated() -> None:
    with pytest.raises(LotaError) as caught:
        open_files("ftp://name:hunter2@host")
    assert "hunter2" not in f"{caught.value} {caught.value.details}"


def test_clouds_are_chosen_by_their_urls_without_being_called() -> None:
    for url in ("s3://bucket/prefix", "memory:///"):
        assert isinstance(open_files(url), Objects)


def test_a_put_that_cannot_be_done_leaves_each_file_old_or_new(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.put([("a", b"old"), ("b/in the way", b"x")])
    with pytest.raises(LotaError, match="FILES_UNAVAILABLE") as caught:
        folder.put([("a", b"new"), ("b", b"a folder stands here")])
    assert caught.value.kind is Kind.UNAVAILABLE
    left = contents(tmp_path)
    assert left.pop("a") in {b"old", b"new"}
    assert left == {"b/in the way": b"x"}  # and no draft


@pytest.mark.parametrize("path", ["file/tile", "file/tile/0/000"])
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("in the way")
    for work in (
        lambda: Folder(tmp_path).put([(path, b"")]),
        lambda: Folder(tmp_path).swap(path, None, b""),
    ):
        with pytest.raises(LotaError, match="FILES_UNAVAILABLE"):
            work()


def test_a_put_and_a_swap_return_only_after_files_and_folders_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    folder = Folder(tmp_path / "log")
    folder.put([("tile/0/000", b"x")])
    new = [tmp_path, tmp_path / "log", tmp_path / "log/tile"]  # each holds a name that is new
    assert synced[:3] == [str(path) for path in new]
    assert synced[3].startswith(str(tmp_path / "log/tile/0/.000."))  # before it gets its name
    assert synced[4:] == [str(tmp_path / "log/tile/0")]
    synced.clear()
    folder.swap("checkpoint", None, b"x")
    assert synced[0].startswith(str(tmp_path / "log/.checkpoint."))
    assert synced[1:] == [str(tmp_path / "log")]
