"""ZIP archives have one reading, or are refused; whatever the bytes, nothing is raised."""

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.hostile.code import GOOD, STORES, keras, layer, sequential
from models.hostile.torch_zip import checkpoint, torch_zip

from lotabots.models import Memory
from lotabots.models.formats import parse
from lotabots.models.formats.faults import Faults, Stop
from lotabots.models.formats.zips import open_member, read_zip

GOOD_ZIP = torch_zip(checkpoint(GOOD, **STORES))
KERAS = keras(sequential(layer("Dense", units=2)))


def members(data: bytes) -> dict[str, bytes] | None:
    """What we read of an archive; None if it was refused."""
    faults = Faults("m.zip")
    content = Memory(data)
    try:
        found = {}
        for member in read_zip(content, faults):
            opened = open_member(content, member, faults)
            if opened is not None:
                found[member.name] = opened.read(0, opened.size)
    except Stop:
        return None
    return found if faults.none else None


def written(method: int, **files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_of_the_standard_library_is_read(method: int) -> None:
    files = {"a": b"x" * 5000, "b": b""}
    assert members(written(method, **files)) == files


def test_a_member_written_without_its_size_is_read() -> None:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a", "w", force_zip64=True) as member,
    ):
        member.write(b"x" * 100)
    assert members(out.getvalue()) == {"a": b"x" * 100}


@pytest.mark.parametrize(("size", "same"), [(100, True), (101, False)])
def test_sizes_that_are_there_both_ways_are_read_if_they_are_the_same(
    size: int, same: bool
) -> None:
    # As Python before 3.11.4 writes what is to be wide, whichever Python runs this.
    packed = zlib.compressobj(wbits=-15)
    data = packed.compress(b"x" * 100) + packed.flush()
    crc = zlib.crc32(b"x" * 100)
    wide = struct.pack("<HHQQ", 1, 16, size, len(data))
    local = struct.pack(
        "<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 33, crc, len(data), 100, 1, len(wide)
    )
    entry = struct.pack(
        "<4sHHHHHHIIIHHHHHII",
        b"PK\x01\x02", 20, 20, 0, 8, 0, 33, crc, len(data), 100, 1, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip
    body = local + b"a" + wide + data
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(entry) + 1, len(body), 0)
    found = members(body + entry + b"a" + end)
    assert found == ({"a": b"x" * 100} if same else None)


def test_a_member_that_unpacks_to_far_more_is_refused() -> None:
    bomb = written(zipfile.ZIP_DEFLATED, a=bytes(100 * 1024 * 1024))
    found = parse("m.zip", Memory(bomb))
    assert found is not None
    assert "ZIP-BOMB" in {each.code for each in found.findings}


@given(
    data=st.sampled_from([GOOD_ZIP, KERAS, written(8, a=b"x" * 99)]),
    at=st.floats(0, 1, exclude_max=True),
    change=st.binary(min_size=0, max_size=4),
    cut=st.integers(0, 4),
)
def test_a_changed_archive_reads_as_the_standard_library_reads_it_or_is_refused(
    data: bytes, at: float, change: bytes, cut: int
) -> None:
    place = int(at * len(data))
    changed = data[:place] + change + data[place + cut :]
    parse("m.zip", Memory(changed))
    found = members(changed)
    if found is not None:
        try:
            with zipfile.ZipFile(io.BytesIO(changed)) as archive:
                assert archive.namelist() == list(found)
        except NotImplementedError:  # a version that it does not know; the number says nothing else
            pass


@given(
    st.binary(max_size=400), st.sampled_from([b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh9"])
)
def test_any_bytes_behind_a_magic_raise_nothing(data: bytes, magic: bytes) -> None:
    parse("x", Memory(magic + data))
