"""The SQL files, wherever this installation keeps them."""

import re
from dataclasses import dataclass
from pathlib import Path

import lotabots
from lotabots.kernel import Kind, LotaError

VERSION_SCHEMA, VERSION_TABLE = "runtime", "schema_version"

_NAME = re.compile(r"(?P<number>[0-9]{4})_[a-z_]+\.sql")


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One step of the schema. Its file name without `.sql` is the version that it leads to."""

    version: str
    path: Path

    def read(self) -> str:
        """The statements."""
        return self.path.read_text(encoding="utf-8")


def sql_files(folder: Path | None = None) -> tuple[SqlFile, ...]:
    """Every step in order. In a checkout they lie at its top, in a wheel inside the package."""
    folder = folder or _folder()
    found = sorted(path for path in folder.glob("*.sql") if _NAME.fullmatch(path.name))
    numbers = [path.name[:4] for path in found]
    if not found or len(set(numbers)) != len(numbers):
        detail = f"{folder} holds no steps, or two of one number."
        raise LotaError(Kind.INTERNAL, "SCHEMA_FILES_BROKEN", detail)
    return tuple(SqlFile(path.stem, path) for path in found)


def _folder() -> Path:
    package = Path(lotabots.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent.parent / "migrations"
