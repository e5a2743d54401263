"""Where a log is read from: a folder that holds a copy, or the address it is served at."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from lotabots.cli.client import Client
from lotabots.kernel import Kind, LotaError
from lotabots.tlog import Tile, narrowed, parse_path

CHECKPOINT = "checkpoint"
KEYS = "keys"
"""Where a server gives the log's keys."""
KEYS_FILE = "log.vkey"
"""The keys that a copy brings along."""
LOG_PATH = "/v1/audit"
"""Where LotaBots serves its log, when an address names no path of its own."""
MAX_PATH = 128


class Folder:
    """A copy on disk. Reading it needs no network."""

    keys_path = KEYS_FILE

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not folder.is_dir():
            raise LotaError(Kind.NOT_FOUND, "AUDIT_FILE_MISSING", f"{folder} is no folder.")

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises `AUDIT_FILE_MISSING`."""
        try:
            return (self._folder / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise missing(path) from error

    def paths(self) -> Iterator[str]:
        """Every file below the folder, less what a server that was killed left half-written."""
        for base, _, names in os.walk(self._folder):
            for name in names:
                if not name.startswith("."):
                    yield (Path(base) / name).relative_to(self._folder).as_posix()


class Served:
    """A log at an address, over HTTP. What comes is as untrusted as a file."""

    keys_path = KEYS

    def __init__(self, url: str) -> None:
        named = url if urlsplit(url).path.strip("/") else url.rstrip("/") + LOG_PATH
        self.client = Client(named)

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises `AUDIT_FILE_MISSING`, `SERVER_UNREACHABLE`.

        A log may have dropped the partial form of a tile that became full: it is cut from that one.
        """
        try:
            return self._get(path)
        except LotaError as error:
            if error.code != "AUDIT_FILE_MISSING" or ".p/" not in path:
                raise
            tile = parse_path(path)
            return narrowed(tile, self._get(Tile(tile.level, tile.number).path))

    def _get(self, path: str) -> bytes:
        try:
            return self.client.get_patiently(f"/{path}")
        except LotaError as error:
            if error.kind is Kind.NOT_FOUND:
                raise missing(path) from error
            raise

    def paths(self) -> None:
        """Nobody lists what a server has."""


def open_copy(where: str) -> Folder | Served:
    """The copy at this address or in this folder."""
    return Served(where) if where.startswith(("http://", "https://")) else Folder(Path(where))


def missing(path: str) -> LotaError:
    """The error for a file that is not there."""
    return LotaError(Kind.NOT_FOUND, "AUDIT_FILE_MISSING", f"{path[:MAX_PATH]} is not there.")
