"""Hostile models by stable id, made when they are needed; inert, and each with its refusal.

One module for each part: `manifests`, `files`, `binary`, `code`, `repository`. Each has
`CASES: tuple[Hostile, ...]` and `CONTROLS: tuple[Control, ...]`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Control:
    """A good model: it must be accepted."""

    name: str
    """A few words joined by hyphens; one of a kind in its module."""
    files: Callable[[], Files] | None = None
    """Makes the content of each file by its path below the model's folder."""
    make: Callable[[Path], None] | None = None
    """Makes what bytes alone cannot say (a pipe, a link, a sparse file) in an empty folder."""

    def write(self, folder: Path) -> None:
        """Puts the model into this folder, which is made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in (self.files() if self.files else {}).items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        if self.make:
            self.make(folder)


@dataclass(frozen=True, kw_only=True)
class Hostile(Control):
    """A bad model: it must be refused with this code among its findings."""

    id: str
    """`H33`; several cases may share one id, their names differ."""
    expect: str
    """The code of a finding, or of the `LotaError` that is raised."""

    def __str__(self) -> str:
        return f"{self.id}-{self.name}"
