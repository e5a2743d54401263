"""The audit of a whole copy: a good one holds, and whatever was altered is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.made_logs import KEYS, ORIGIN, SIGNERS, STEPS, Log, small_log

from lotabots.kernel import Kind, LotaError
from lotabots.tlog import (
    Checkpoint,
    CopyReport,
    NoteVerifier,
    Policy,
    grow_bundles,
    grow_tiles,
    leaf_hash,
    root_of,
    sign_checkpoint,
    tile_path,
    verify_copy,
)

TESSERA = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


def audit(files: dict[str, bytes], since: str | None = None) -> CopyReport:
    return verify_copy(files.__getitem__, list(files), KEYS, since=since)


def told(report: CopyReport) -> set[tuple[str, str]]:
    return {(one.code, one.path) for one in report.findings}


def test_a_good_copy_holds_with_all_of_its_checkpoints() -> None:
    log = small_log()
    report = audit(log.files)
    assert report.findings == ()
    assert (report.origin, report.size, report.root) == (ORIGIN, 700, root_of(log.leaves))
    assert set(report.checkpoints) == set(STEPS)
    assert report.unsigned == ()


def test_a_log_of_others_holds_with_all_of_its_checkpoints(vectors: Path) -> None:
    folder = vectors / "tlog/tessera/testdata/log"
    listing = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    keys = [NoteVerifier.parse(TESSERA)]
    report = verify_copy(lambda path: (folder / path).read_bytes(), listing, keys)
    assert report.findings == ()
    assert sorted(set(report.checkpoints)) == list(range(16))


def test_an_empty_log_holds() -> None:
    log = Log([0])
    assert audit(log.files).findings == ()


def test_a_copy_that_cannot_list_its_files_is_audited_by_its_checkpoint() -> None:
    report = verify_copy(small_log().files.__getitem__, None, KEYS)
    assert (report.findings, report.checkpoints) == ((), (700,))


@given(st.data())
def test_any_byte_changed_in_any_file_is_found_in_that_file(data: st.DataObject) -> None:
    files = dict(small_log().files)
    files["log.vkey"] = "".join(f"{key.vkey()}\n" for key in KEYS).encode()
    path = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[path]) - 1))
    changed = bytearray(files[path])
    changed[place] ^= data.draw(st.integers(1, 255))
    files[path] = bytes(changed)
    assert {one.path for one in audit(files).findings} == {path}


@given(st.data())
def test_any_file_that_is_missing_cut_or_longer_is_named(data: st.DataObject) -> None:
    files = dict(small_log().files)
    needed = [path for path in files if path == "checkpoint" or ".p/" not in path]
    path = data.draw(st.sampled_from(sorted(needed)))
    if path.startswith("checkpoint."):
        return  # of earlier checkpoints a copy need not have any
    match data.draw(st.sampled_from(["missing", "cut", "longer"])):
        case "missing":
            del files[path]
        case "cut":
            files[path] = files[path][:-1]
        case _:
            files[path] += b"\0"
    assert {one.path for one in audit(files).findings} == {path}


def test_an_altered_entry_is_named_by_its_index() -> None:
    files = dict(small_log().files)
    path = "tile/entries/001"
    files[path] = files[path].replace(b"entry 301", b"entry 999", 1)
    (found,) = audit(files).findings
    assert (found.code, found.path, found.entry) == ("TLOG_ENTRY_ALTERED", path, 301)


def test_an_entry_rewritten_together_with_all_tiles_does_not_lead_to_the_root() -> None:
    log = Log([300])
    entries = list(log.entries)
    honest = log.files["checkpoint"]
    forged = Log([])
    entries[7] = b"something else"
    forged.files.update(grow_bundles(forged.files.__getitem__, 0, entries))
    forged.files.update(
        grow_tiles(forged.files.__getitem__, 0, [leaf_hash(one) for one in entries])
    )
    forged.files["checkpoint"] = honest
    assert audit(forged.files).findings != ()
    assert ("TLOG_ROOT_MISMATCH", "checkpoint") in told(audit(forged.files))


def test_a_log_that_was_rewritten_does_not_extend_the_checkpoint_that_was_kept() -> None:
    kept = sign_checkpoint(Checkpoint(ORIGIN, 2, root_of([leaf_hash(b"a")] * 2)), SIGNERS)
    report = audit(small_log().files, since=kept)
    assert [one.code for one in report.findings] == ["TLOG_NOT_EXTENDED"]


def test_a_log_that_lost_entries_is_behind_the_checkpoint_that_was_kept() -> None:
    report = audit(Log([300]).files, since=small_log().note())
    assert [one.code for one in report.findings] == ["TLOG_BEHIND"]


def test_a_log_that_only_grew_extends_the_checkpoint_that_was_kept() -> None:
    assert audit(small_log().files, since=Log([299]).note()).findings == ()


def test_a_copy_is_refused_without_the_signature_of_each_kind_of_key() -> None:
    files = dict(small_log().files)
    files["checkpoint"] = sign_checkpoint(small_log().checkpoint(), SIGNERS[:1]).encode()
    assert told(audit(files)) == {("TLOG_UNSIGNED", "checkpoint")}


def test_a_size_that_no_log_has_ends_the_audit() -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 2**62 - 1, b"r" * 32), SIGNERS)
    report = audit({"checkpoint": note.encode()})
    assert report.untold > 0


def test_files_beyond_the_checkpoint_are_told_apart() -> None:
    files = {**Log([300]).files, tile_path(0, 5): b"", "tile/0/other": b""}
    report = audit(files)
    assert report.unsigned == (tile_path(0, 5),)
    assert told(report) == {("TLOG_PATH", "tile/0/other")}


def test_a_source_that_is_down_is_no_missing_file() -> None:
    def read(_: str) -> bytes:
        raise LotaError(Kind.UNAVAILABLE, "SERVER_UNREACHABLE", "It does not answer.")

    with pytest.raises(LotaError, match="SERVER_UNREACHABLE"):
        verify_copy(read, None, Policy.parse(b"quorum none\n"))
