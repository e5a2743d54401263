"""The kernel's own digest of a file is read where there is one; elsewhere there is none."""

import errno
import fcntl
import os
import struct
from pathlib import Path

import pytest

from lotabots.models.read import measure_verity

ENABLE = 0x4080_6685  # FS_IOC_ENABLE_VERITY: _IOW('f', 133, struct fsverity_enable_arg)


def test_a_file_that_is_not_sealed_has_none(tmp_path: Path) -> None:
    file = tmp_path / "w"
    file.write_bytes(b"weights")
    with file.open("rb") as opened:
        assert measure_verity(opened.fileno()) == b""


def test_what_is_no_file_has_none() -> None:
    reading, writing = os.pipe()
    try:
        assert measure_verity(reading) == b""
    finally:
        os.close(reading)
        os.close(writing)


def test_a_sealed_file_has_the_digest_of_its_tree(tmp_path: Path) -> None:
    file = tmp_path / "w"
    file.write_bytes(b"weights")
    # version 1, SHA-256, blocks of 4096 bytes, no salt, no signature
    argument = struct.pack("=IIIIQIIQ88x", 1, 1, 4096, 0, 0, 0, 0, 0)
    with file.open("rb") as opened:
        try:
            fcntl.ioctl(opened.fileno(), ENABLE, argument)
        except OSError as error:
            pytest.skip(
                f"SKIPPED: no fs-verity on this file system: {errno.errorcode[error.errno]}"
            )
        assert len(measure_verity(opened.fileno())) == 33
