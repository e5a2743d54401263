"""Hostile folders: links, pipes, names, holes; and what happens to files while they are read."""

import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.hostile import Control, Hostile

WEIGHTS = bytes(range(256)) * 64


def good(folder: Path) -> Path:
    """A model of three files in this folder."""
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    (folder / "weights.bin").write_bytes(WEIGHTS)
    (folder / "sub" / "more.bin").write_bytes(WEIGHTS[::-1])
    (folder / "empty").touch()
    for name in ("weights.bin", "sub/more.bin", "empty", "sub", "."):
        os.utime(folder / name, ns=(0, 0))  # so that a change is one of the time, in any tick
    return folder


def beside(folder: Path, name: str) -> Path:
    """A place outside of the model."""
    return folder.parent / f"{folder.name}-{name}"


def link_to_outside(folder: Path) -> None:
    secret = beside(good(folder), "secret")
    secret.write_bytes(b"not of the model")
    (folder / "linked.bin").symlink_to(secret)


def link_up(folder: Path) -> None:
    (good(folder) / "sub" / "up.bin").symlink_to("../../passwd")


def link_to_folder(folder: Path) -> None:
    other = good(beside(good(folder), "other"))
    (folder / "layers").symlink_to(other, target_is_directory=True)


def pipe(folder: Path) -> None:
    os.mkfifo(good(folder) / "sub" / "pipe.bin")


def unix_socket(folder: Path) -> None:
    # Bound by a short relative name: the path of a socket has room for 107 bytes.
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(good(folder))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket.bin")
    finally:
        os.fchdir(before)
        os.close(before)


def device(folder: Path) -> None:
    """The null device; needs the right to make one."""
    os.mknod(good(folder) / "null.bin", stat.S_IFCHR | 0o600, os.makedev(1, 3))


def linked_to_writable(folder: Path) -> None:
    outside = beside(good(folder), "shared.bin")
    outside.write_bytes(WEIGHTS)
    outside.chmod(0o666)
    (folder / "shared.bin").hardlink_to(outside)


def holes(folder: Path) -> None:
    with (good(folder) / "huge.bin").open("wb") as file:
        file.truncate(1 << 42)  # 4 TiB that take no room, and hours to hash


def bad_name(folder: Path) -> None:
    place = os.fsencode(good(folder)) + b"/caf\xe9.bin"
    os.close(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600))


def bad_folder_name(folder: Path) -> None:
    os.mkdir(os.fsencode(good(folder)) + b"/caf\xe9")  # noqa: PTH102 - a name that pathlib mangles


def deep(folder: Path) -> None:
    place = good(folder)
    for _ in range(60):
        place = place / "d"
    place.mkdir(parents=True)
    (place / "deep.bin").write_bytes(WEIGHTS)


CASES: tuple[Hostile, ...] = (
    Hostile(id="H26", name="link-outside", make=link_to_outside, expect="FILE-SYMLINK-OUTSIDE"),
    Hostile(id="H26", name="link-up", make=link_up, expect="FILE-SYMLINK-OUTSIDE"),
    Hostile(id="H27", name="linked-folder", make=link_to_folder, expect="FILE-SYMLINK-OUTSIDE"),
    Hostile(id="H28", name="pipe", make=pipe, expect="FILE-SPECIAL"),
    Hostile(id="H28", name="socket", make=unix_socket, expect="FILE-SPECIAL"),
    *(
        (Hostile(id="H28", name="device", make=device, expect="FILE-SPECIAL"),)
        if os.geteuid() == 0
        else ()
    ),
    Hostile(id="H31", name="hard-link", make=linked_to_writable, expect="FILE-LINKED-WRITABLE"),
    Hostile(id="H31", name="holes", make=holes, expect="FILE-SPARSE"),
    Hostile(id="H32", name="name-encoding", make=bad_name, expect="FILE-NAME-ENCODING"),
    Hostile(id="H32", name="folder-encoding", make=bad_folder_name, expect="FILE-NAME-ENCODING"),
    Hostile(id="H28", name="deep", make=deep, expect="FOLDER-DEPTH"),
)
"""H25 is a matter of what refers to the file: the signatures' cases have it."""


@dataclass(frozen=True, kw_only=True)
class Swapped(Hostile):
    """A good model that changes while it is read: after it was listed, before the last byte."""

    swap: Callable[[Path], None]


def rewritten(folder: Path) -> None:
    with (folder / "weights.bin").open("r+b") as file:
        file.write(b"\xff")


def rewritten_with_its_time(folder: Path) -> None:
    """As somebody who covers the tracks; the time of change itself cannot be set."""
    file = folder / "weights.bin"
    before = file.stat()
    while file.stat().st_ctime_ns == before.st_ctime_ns:  # a few milliseconds: its clock ticks
        rewritten(folder)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(folder: Path) -> None:
    new = folder.parent / "new.bin"
    new.write_bytes(WEIGHTS)
    new.replace(folder / "weights.bin")


def cut_off(folder: Path) -> None:
    os.truncate(folder / "weights.bin", 100)


def grown(folder: Path) -> None:
    with (folder / "weights.bin").open("ab") as file:
        file.write(b"more")


def removed(folder: Path) -> None:
    (folder / "weights.bin").unlink()


def turned_into(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def swap(folder: Path) -> None:
        file = folder / "weights.bin"
        file.unlink()
        make(file)

    return swap


def to_link(file: Path) -> None:
    outside = file.parent.parent / "outside.bin"
    outside.write_bytes(WEIGHTS)
    file.symlink_to(outside)


def folder_to_link(folder: Path) -> None:
    other = good(beside(folder, "other"))
    (folder / "sub").rename(beside(folder, "old"))
    (folder / "sub").symlink_to(other / "sub", target_is_directory=True)


def folder_to_folder(folder: Path) -> None:
    other = good(beside(folder, "other"))
    (folder / "sub").rename(beside(folder, "old"))
    (other / "sub").rename(folder / "sub")


def added(folder: Path) -> None:
    (folder / "sub" / "late.py").write_bytes(b"print('late')")


_CHANGED = "FILE-CHANGED-DURING-READ"
SWAPS: tuple[Swapped, ...] = tuple(
    Swapped(id=id_, name=name, make=lambda folder: void(good(folder)), expect=code, swap=swap)
    for id_, name, swap, code in (
        ("H29", "rewritten", rewritten, _CHANGED),
        ("H29", "rewritten-with-its-time", rewritten_with_its_time, _CHANGED),
        ("H29", "replaced-by-the-same-bytes", replaced, _CHANGED),
        ("H29", "cut-off", cut_off, _CHANGED),
        ("H29", "grown", grown, _CHANGED),
        ("H29", "removed", removed, _CHANGED),
        ("H29", "to-a-link", turned_into(to_link), _CHANGED),
        ("H29", "to-a-pipe", turned_into(os.mkfifo), _CHANGED),
        ("H29", "to-a-folder", turned_into(Path.mkdir), _CHANGED),
        ("H27", "folder-to-a-link", folder_to_link, _CHANGED),
        ("H27", "folder-to-a-folder", folder_to_folder, _CHANGED),
        ("H27", "name-added", added, "FOLDER-CHANGED-DURING-READ"),
    )
)


def void(_: object) -> None:
    """Nothing, of something."""


def linked_inside(folder: Path) -> None:
    """Two names of one file, both in the model: who can change it can change the model anyway."""
    (good(folder) / "again.bin").hardlink_to(folder / "weights.bin")


def some_holes(folder: Path) -> None:
    """Zeros that a copying tool has turned into a hole."""
    with (good(folder) / "zeros.bin").open("wb") as file:
        file.seek(4 << 20)
        file.write(WEIGHTS)


def unicode_names(folder: Path) -> None:
    (good(folder) / "模型 é.bin").write_bytes(WEIGHTS)


CONTROLS: tuple[Control, ...] = (
    Control(name="plain-folder", make=lambda folder: void(good(folder))),
    Control(name="linked-inside", make=linked_inside),
    Control(name="some-holes", make=some_holes),
    Control(name="unicode-names", make=unicode_names),
)
