"""Tiles and bundles: paths in one spelling, content that is cut back, and proofs from files."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.made_logs import STEPS, small_log

from lotabots.kernel import LotaError
from lotabots.tlog import (
    HashReader,
    Tile,
    bundle,
    entries_path,
    narrowed,
    parse_path,
    prove_consistency,
    prove_inclusion,
    read_bundle,
    root_of,
    tile_path,
    tiles_for,
    verify_consistency,
    verify_inclusion,
)

tiles = st.builds(
    Tile, st.none() | st.integers(0, 63), st.integers(0, 2**55 - 1), st.integers(1, 256)
)


def test_paths_are_those_of_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(1, 0, 17) == "tile/1/000.p/17"
    assert entries_path(273, 112) == "tile/entries/273.p/112"


@given(tiles)
def test_a_path_is_read_back(tile: Tile) -> None:
    assert parse_path(tile.path) == tile


@given(st.from_regex(r"\Atile/(entries|[0-9]{1,2})/(x[0-9]{3}/){0,7}[0-9]{1,3}(\.p/[0-9]{1,3})?\Z"))
def test_a_path_has_one_spelling(path: str) -> None:
    with suppress(LotaError):
        assert parse_path(path).path == path


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/1",
    ],
)
def test_another_spelling_is_no_path(path: str) -> None:
    with pytest.raises(LotaError, match="TLOG_PATH"):
        parse_path(path)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_is_cut_into_its_entries(entries: list[bytes]) -> None:
    assert read_bundle(bundle(entries)) == entries


@given(st.binary(max_size=600))
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    with suppress(LotaError):
        assert bundle(read_bundle(data)) == data


def test_an_entry_has_at_most_65535_bytes() -> None:
    assert read_bundle(bundle([bytes(65_535)])) == [bytes(65_535)]
    with pytest.raises(LotaError, match="TLOG_ENTRY_LENGTH"):
        bundle([bytes(65_536)])


def test_a_log_of_70000_has_the_files_of_the_specification() -> None:
    files = [tile for tile in tiles_for(0, 70_000) if tile.level is not None]
    assert sum(tile.level == 0 and tile.width == 256 for tile in files) == 273
    assert [tile for tile in files if tile.width < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert (1, 0, 256) in files
    assert [tile.path for tile in tiles_for(255, 256)] == [
        *("tile/entries/000", "tile/0/000", "tile/1/000.p/1"),
    ]


def test_a_log_that_grew_wrote_each_file_that_its_sizes_need() -> None:
    log = small_log()
    for old, new in zip((0, *STEPS), STEPS, strict=False):
        assert {tile.path for tile in tiles_for(old, new)} <= set(log.files)
    assert list(tiles_for(5, 5)) == []


def test_every_proof_of_a_log_is_made_from_its_tiles() -> None:
    log = small_log()
    root, get = root_of(log.leaves), log.hashes()
    for index in range(700):
        verify_inclusion(log.leaves[index], index, 700, prove_inclusion(index, 700, get), root)
    for size in range(1, 701):
        proof = prove_consistency(size, 700, get)
        verify_consistency(size, 700, proof, root_of(log.leaves[:size]), root)


def test_a_partial_form_that_was_dropped_is_cut_from_the_full_one() -> None:
    log = small_log()
    partial = [path for path in log.files if ".p/" in path]
    cut = 0
    for path in partial:
        tile = parse_path(path)
        full = log.files.get(Tile(tile.level, tile.number).path)
        if full is not None:
            assert narrowed(tile, full) == log.files[path]
            cut += 1
    assert cut == 4  # leaves and bundles of the first two tiles


def test_a_full_file_that_is_damaged_is_not_cut() -> None:
    for tile, code in ((Tile(0, 0, 3), "TLOG_TILE"), (Tile(None, 0, 3), "TLOG_BUNDLE")):
        with pytest.raises(LotaError, match=code):
            narrowed(tile, b"\1")


def test_readers_of_two_sizes_share_the_tiles_that_they_read() -> None:
    log = small_log()
    read: list[str] = []

    def counted(path: str) -> bytes:
        read.append(path)
        return log.files[path]

    newest = HashReader(counted, len(log.leaves))
    prove_inclusion(3, newest.size, newest)
    before = len(read)
    older = newest.at(300)
    proof = prove_inclusion(3, 300, older)
    verify_inclusion(log.leaves[3], 3, 300, proof, root_of(log.leaves[:300]))
    assert [path for path in read[before:] if ".p/" not in path] == []


def test_a_subtree_beyond_the_log_is_not_made_up() -> None:
    for level, index in ((0, 700), (9, 1), (10, 0), (-1, 0), (0, -1)):
        with pytest.raises(LotaError, match="TLOG_SIZE"):
            small_log().hashes()(level, index)
