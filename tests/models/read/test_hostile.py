"""Hostile folders are refused with their codes, at once; good ones are read to the last byte."""

import hashlib
from pathlib import Path

import pytest
from models.hostile import Control, Hostile
from models.hostile.files import CASES, CONTROLS, SWAPS, Swapped

from lotabots.models import FileKind, Severity
from lotabots.models.read import hash_tree, open_folder


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_hostile_folder_is_refused_with_its_code(case: Hostile, tmp_path: Path) -> None:
    case.write(tmp_path / "model")
    with open_folder(tmp_path / "model") as tree:
        hashed = hash_tree(tree)
        found = {one.code: one.severity for one in (*tree.findings, *hashed.findings)}
    assert found[case.expect] is not Severity.WARNING
    digests = {one.path for one in hashed.files}
    assert {"empty", "sub/more.bin", "weights.bin"} <= digests, "the rest of it is read"


@pytest.mark.parametrize("case", SWAPS, ids=str)
def test_what_changes_between_listing_and_reading_has_no_digest(
    case: Swapped, tmp_path: Path
) -> None:
    case.write(tmp_path / "model")
    with open_folder(tmp_path / "model") as tree:
        assert tree.findings == ()
        case.swap(tmp_path / "model")
        hashed = hash_tree(tree)
    assert case.expect in {one.code for one in hashed.findings}
    told = {one.path for one in hashed.findings}
    assert told.isdisjoint(one.path for one in hashed.files)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_good_folder_is_read_to_the_last_byte(control: Control, tmp_path: Path) -> None:
    control.write(tmp_path / "model")
    with open_folder(tmp_path / "model") as tree:
        hashed = hash_tree(tree)
        assert (tree.findings, hashed.findings) == ((), ())
        assert {one.kind for one in tree.listed} == {FileKind.REGULAR}
    expected = {
        path.relative_to(tmp_path / "model").as_posix(): hashlib.sha256(path.read_bytes()).digest()
        for path in (tmp_path / "model").rglob("*")
        if path.is_file()
    }
    assert {one.path: one.digest for one in hashed.files} == expected
