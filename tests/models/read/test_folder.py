"""A folder is listed without following or opening anything, and files are read as listed."""

import gc
import os
import threading
from pathlib import Path

import pytest
from models.hostile.files import WEIGHTS, good, rewritten

from lotabots.kernel import LotaError
from lotabots.models import FileKind, Listed
from lotabots.models.formats import parse
from lotabots.models.read import MAX_NAMES, open_folder


def codes(path: Path, **limits: int) -> list[str]:
    with open_folder(path, **limits) as tree:
        return [one.code for one in tree.findings]


def descriptors() -> int:
    gc.collect()  # what other tests left
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_folder_lists_its_files_in_code_point_order(tmp_path: Path) -> None:
    for name in ("a/b", "a-b", "a.b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "link").symlink_to("a-b")
    with open_folder(tmp_path) as tree:
        assert tree.listed == (
            Listed(path="a-b", kind=FileKind.REGULAR, size=3),
            Listed(path="a.b", kind=FileKind.REGULAR, size=3),
            Listed(path="a/b", kind=FileKind.REGULAR, size=3),
            Listed(path="link", kind=FileKind.SYMLINK, size=0, target="a-b"),
        )
        assert tree.content("a/b").read(1, 2) == b"/b"
        with pytest.raises(LotaError) as caught:
            tree.content("link")
        assert caught.value.code == "MODEL_FILE_UNKNOWN"


def test_a_single_file_is_a_model_of_one_file(tmp_path: Path) -> None:
    (tmp_path / "beside").write_bytes(b"not of the model")
    file = good(tmp_path / "model") / "weights.bin"
    (tmp_path / "named.bin").symlink_to(file)
    for named in (file, tmp_path / "named.bin"):
        with open_folder(named) as tree:
            assert [one.path for one in tree.listed] == ["weights.bin"]
            assert tree.content("weights.bin").read(0, len(WEIGHTS)) == WEIGHTS


def test_a_folder_that_is_named_by_a_link_is_what_the_link_leads_to(tmp_path: Path) -> None:
    good(tmp_path / "model")
    (tmp_path / "latest").symlink_to("model")
    with open_folder(tmp_path / "latest") as tree:
        assert len(tree.listed) == 3


def test_links_that_lead_around_in_circles_end_nowhere(tmp_path: Path) -> None:
    (good(tmp_path / "model") / "self").symlink_to("self")
    (tmp_path / "model" / "sub" / "back").symlink_to("..", target_is_directory=True)
    with open_folder(tmp_path / "model") as tree:
        links = {one.path: one.target for one in tree.listed if one.kind is FileKind.SYMLINK}
        assert links == {"self": "self", "sub/back": ".."}
        assert tree.findings == ()


@pytest.mark.parametrize("kind", ["missing", "pipe", "loop"])
def test_what_is_no_model_has_its_code_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "loop":
        path.symlink_to(path)
    with pytest.raises(LotaError) as caught:
        open_folder(path)
    assert caught.value.code == ("MODEL_NO_FILES" if kind == "pipe" else "MODEL_READ_FAILED")


def test_a_single_file_with_a_name_that_is_no_text_is_a_finding(tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"caf\xe9.bin")
    name.write_bytes(b"x")
    assert codes(name) == ["FILE-NAME-ENCODING"]


def test_names_are_counted_up_to_a_limit_folders_with_them(tmp_path: Path) -> None:
    for name in ("a", "b", "c/d", "e/f"):
        (tmp_path / name).mkdir(parents=True)
    assert codes(tmp_path, max_names=6) == []
    assert codes(tmp_path, max_names=5) == ["FOLDER-NAMES"]
    assert set(codes(tmp_path, max_names=1)) == {"FOLDER-NAMES"}


@pytest.mark.long
def test_more_names_than_a_model_has_are_not_all_looked_at(tmp_path: Path) -> None:
    place = tmp_path / "many"
    place.mkdir()
    for number in range(MAX_NAMES):  # with the folder itself, one too many
        if number % 30_000 == 0:  # a file has at most 65,000 names, and one more costs little
            origin = place / f"o{number}"
            origin.touch()
        else:
            os.link(origin, place / str(number))
    with open_folder(tmp_path) as tree:
        assert len(tree.listed) == MAX_NAMES - 1
        assert "FOLDER-NAMES" in {one.code for one in tree.findings}


def test_findings_about_names_are_listed_up_to_a_limit(tmp_path: Path) -> None:
    for number in range(1100):
        (tmp_path / str(number)).symlink_to("/etc/passwd")
    with open_folder(tmp_path) as tree:
        assert len(tree.findings) == 1001
        assert tree.findings[-1].code == "FOLDER-FINDINGS"
        assert tree.findings[-1].measured == "100 more"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read_is_a_finding(tmp_path: Path) -> None:
    (good(tmp_path / "model") / "sub").chmod(0)
    assert codes(tmp_path / "model") == ["FILE-UNREADABLE"]


def test_a_file_linked_from_elsewhere_is_said_once(tmp_path: Path) -> None:
    good(tmp_path / "model")
    for name in ("weights.bin", "empty"):
        (tmp_path / name).hardlink_to(tmp_path / "model" / name)
    with open_folder(tmp_path / "model") as tree:
        assert [(one.code, one.measured) for one in tree.findings] == [("FILE-LINKED", "2 files")]


def test_a_header_is_not_read_of_a_file_that_changed(tmp_path: Path) -> None:
    good(tmp_path / "model")
    with open_folder(tmp_path / "model") as tree:
        content = tree.content("weights.bin")
        assert content.read(0, 4) == WEIGHTS[:4]
        rewritten(tmp_path / "model")
        with pytest.raises(LotaError) as caught:
            content.read(0, 4)
        assert caught.value.code == "MODEL_READ_CHANGED"
        parsed = parse("weights.bin", content)
        assert parsed is not None
        assert [one.measured for one in parsed.findings] == ["MODEL_READ_CHANGED"]


@pytest.mark.parametrize(("offset", "length"), [(0, 2**40), (16384, 1), (-1, 2), (3, -1)])
def test_nothing_is_read_that_a_file_does_not_have(
    offset: int, length: int, tmp_path: Path
) -> None:
    with open_folder(good(tmp_path)) as tree, pytest.raises(LotaError) as caught:
        tree.content("weights.bin").read(offset, length)
    assert caught.value.code == "MODEL_READ_RANGE"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    good(tmp_path / "model")
    before = descriptors()
    with open_folder(tmp_path / "model") as tree:
        for path in ("weights.bin", "sub/more.bin") * 20:
            tree.content(path).read(0, 1)
        tree.settle()
        assert descriptors() == before + 1
    assert descriptors() == before


def test_a_folder_swapped_over_and_over_never_leads_outside(tmp_path: Path) -> None:
    """Whatever moment is hit: a file of the model is read, or nothing."""
    model, other = good(tmp_path / "model"), good(tmp_path / "other")
    (other / "sub" / "more.bin").write_bytes(b"outside" * 1000)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (model / "sub").rename(tmp_path / "kept")
            (model / "sub").symlink_to(other / "sub", target_is_directory=True)
            (model / "sub").unlink()
            (tmp_path / "kept").rename(model / "sub")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(200):
            try:
                with open_folder(model) as tree:
                    paths = {one.path for one in tree.listed}
                    assert paths <= {"empty", "weights.bin", "sub", "sub/more.bin"}
                    data = tree.content("sub/more.bin").read(0, 16)
            except LotaError:
                continue
            assert data == WEIGHTS[::-1][:16]
    finally:
        stop.set()
        thread.join()
