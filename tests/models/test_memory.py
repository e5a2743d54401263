"""A model in memory is read by place, and by nothing that it does not have."""

import pytest

from lotabots.kernel import LotaError
from lotabots.models import FileKind, Listed, Memory, MemoryTree


def test_a_content_gives_the_bytes_at_a_place() -> None:
    assert Memory(b"abcdef").read(2, 3) == b"cde"


@pytest.mark.parametrize(("offset", "length"), [(0, 7), (6, 1), (-1, 2), (3, -1), (2**63, 1)])
def test_a_content_gives_no_bytes_that_are_not_all_there(offset: int, length: int) -> None:
    with pytest.raises(LotaError) as caught:
        Memory(b"abcdef").read(offset, length)
    assert caught.value.code == "MODEL_READ_RANGE"


def test_a_tree_lists_its_files_in_code_point_order() -> None:
    tree = MemoryTree({"b": b"1", "a/b": b"22", "a-b": b""})
    assert tree.listed == (
        Listed(path="a-b", kind=FileKind.REGULAR, size=0),
        Listed(path="a/b", kind=FileKind.REGULAR, size=2),
        Listed(path="b", kind=FileKind.REGULAR, size=1),
    )
    assert tree.content("a/b").read(0, 2) == b"22"


def test_a_file_that_is_not_in_the_tree_has_its_code() -> None:
    with pytest.raises(LotaError) as caught:
        MemoryTree({}).content("x")
    assert caught.value.code == "MODEL_FILE_UNKNOWN"
