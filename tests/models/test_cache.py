"""Digests are remembered for files that did not change, under the user's key, and for no others."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.models import Algorithm, Hashed, TensorEntry
from lotabots.models.cache import MAX_ENTRIES, RACY_NS, Cache, Remembered, read_cache, write_cache
from lotabots.models.identity import Identity
from lotabots.models.read import hash_tree, open_folder

KEY = bytes(range(32))
FILE = Identity(device=1, inode=2, size=3, mtime_ns=10**18, ctime_ns=10**18)
OLD = 10**18 + RACY_NS
FOUND = Remembered(b"d" * 32, b"")


def entry(**changes: int) -> tuple[Identity, Algorithm, bytes]:
    return Cache.key(FILE._replace(**changes), Algorithm.SHA256, b"")


def old_folder(folder: Path) -> tuple[Path, int]:
    """A model, and a time at which it is old enough to be remembered."""
    folder.mkdir()
    (folder / "w").write_bytes(b"weights")
    return folder, (folder / "w").stat().st_ctime_ns + RACY_NS


def hashed_with(cache: Cache, folder: Path, **options: object) -> Hashed:
    with open_folder(folder) as tree:
        return hash_tree(tree, cache=cache, **options)


def test_an_unchanged_file_is_not_read_again_and_the_answer_says_so(tmp_path: Path) -> None:
    folder, now = old_folder(tmp_path / "m")
    cache = Cache(now)
    tensors = [TensorEntry(name="t", dtype="U8", shape=(3,), path="w", begin=0, end=3)]
    first = hashed_with(cache, folder, tensors=tensors)
    again = hashed_with(cache, folder, tensors=tensors)
    assert (first.cached, again.cached) == (False, True)
    assert again.files[0].digest == first.files[0].digest
    assert again.tensors == first.tensors


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    folder, now = old_folder(tmp_path / "m")
    cache = Cache(now)
    first = hashed_with(cache, folder)
    os.utime(folder / "w", ns=(0, 0))
    (folder / "w").write_bytes(b"WEIGHTS")
    again = hashed_with(cache, folder)
    assert not again.cached
    assert again.files[0].digest != first.files[0].digest


def test_another_algorithm_and_other_tensors_are_computed(tmp_path: Path) -> None:
    folder, now = old_folder(tmp_path / "m")
    cache = Cache(now)
    hashed_with(cache, folder)
    tensors = [TensorEntry(name="t", dtype="U8", shape=(3,), path="w", begin=0, end=3)]
    assert not hashed_with(cache, folder, algorithm=Algorithm.BLAKE3).cached
    assert not hashed_with(cache, folder, tensors=tensors).cached
    assert hashed_with(cache, folder).cached


def test_a_file_that_was_just_written_is_not_remembered() -> None:
    young = Cache(OLD - 1)
    young.put(entry(), FOUND, b"")
    assert (len(young), young.changed) == (0, False)
    from_the_future = Cache(OLD)
    from_the_future.put(entry(mtime_ns=2 * 10**18), FOUND, b"")
    assert len(from_the_future) == 0


@pytest.mark.parametrize("field", Identity._fields)
def test_a_file_of_which_anything_differs_is_another_file(field: str) -> None:
    cache = Cache(OLD)
    cache.put(entry(), FOUND, b"")
    assert cache.get(entry(), b"") == FOUND
    assert cache.get(entry(**{field: getattr(FILE, field) - 1}), b"") is None


def test_evidence_of_a_node_takes_only_what_the_kernel_seals() -> None:
    sealed = b"\x01" + bytes(32)
    cache = Cache(OLD, sealed_only=True)
    cache.put(entry(inode=1), FOUND, b"")
    cache.put(entry(inode=2), FOUND, sealed)
    assert cache.get(entry(inode=1), b"") is None
    assert cache.get(entry(inode=2), sealed) == FOUND
    assert cache.get(entry(inode=2), b"") is None


def test_a_file_sealed_otherwise_since_is_read_again() -> None:
    cache = Cache(OLD)
    cache.put(entry(), FOUND, b"\x01" + bytes(32))
    assert cache.get(entry(), b"\x01" + b"x" * 32) is None


def test_a_sealed_file_is_remembered_whatever_its_age() -> None:
    cache = Cache(0)
    cache.put(entry(), FOUND, b"\x01" + bytes(32))
    assert len(cache) == 1


def test_the_least_lately_used_is_dropped_first() -> None:
    cache = Cache(OLD)
    for inode in range(MAX_ENTRIES):
        cache.put(entry(inode=inode), FOUND, b"")
    cache.get(entry(inode=0), b"")
    cache.put(entry(inode=MAX_ENTRIES), FOUND, b"")
    assert len(cache) == MAX_ENTRIES
    assert cache.get(entry(inode=0), b"") == FOUND
    assert cache.get(entry(inode=1), b"") is None


def test_a_cache_is_kept_in_a_file_of_its_owner(tmp_path: Path) -> None:
    cache = Cache(OLD)
    cache.put(entry(), FOUND, b"")
    write_cache(cache, tmp_path / "c", KEY)
    write_cache(cache, tmp_path / "c", KEY)
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert read_cache(tmp_path / "c", KEY, OLD).get(entry(), b"") == FOUND


def test_a_cache_under_another_key_is_empty(tmp_path: Path) -> None:
    cache = Cache(OLD)
    cache.put(entry(), FOUND, b"")
    write_cache(cache, tmp_path / "c", KEY)
    assert len(read_cache(tmp_path / "c", bytes(32), OLD)) == 0


def test_what_is_no_cache_is_an_empty_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "c")
    write_cache(Cache(OLD), tmp_path / "c", KEY)
    for name in ("missing", "pipe", "link", "."):
        assert len(read_cache(tmp_path / name, KEY, OLD)) == 0


@given(st.data())
def test_a_cache_with_one_bit_changed_is_empty(data: st.DataObject) -> None:
    cache = Cache(OLD)
    cache.put(entry(), FOUND, b"")
    packed = bytearray(cache.pack(KEY))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= 1 << data.draw(st.integers(0, 7))
    other = Cache(OLD)
    assert not other.unpack(bytes(packed), KEY)
    assert not other.unpack(bytes(packed[:at]), KEY)
    assert len(other) == 0


@given(st.binary(max_size=300))
def test_any_bytes_are_a_cache_or_none(data: bytes) -> None:
    assert not Cache(OLD).unpack(data, KEY)
