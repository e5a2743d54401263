"""What is wrong with a copy of a log, file by file and entry by entry."""

import msgspec

MAX_FINDINGS = 1000
"""After so many the audit ends: the copy is of another log, or of a size that no log has."""


class CopyFinding(msgspec.Struct, frozen=True):
    """One thing that does not hold: in which file, and where an entry can be told, which."""

    code: str
    path: str
    detail: str
    entry: int | None = None


class CopyReport(msgspec.Struct, frozen=True):
    """What a whole copy of a log holds, and everything in it that does not."""

    origin: str
    size: int
    root: bytes
    """As its checkpoint says; "", 0 and the empty tree where there is none to be believed."""
    checkpoints: tuple[int, ...]
    """The sizes of all checkpoints in the copy that hold."""
    findings: tuple[CopyFinding, ...]
    untold: int
    """Findings beyond those listed, at which the audit ended; 0 says that it is complete."""
    unsigned: tuple[str, ...]
    """Files beyond the signed size: a log that is being written has some, and nothing in them is
    proven."""


class Findings:
    """Gathers the findings of one audit, each once."""

    def __init__(self) -> None:
        self._found: dict[CopyFinding, None] = {}  # a set that keeps the order
        self.untold = 0

    def finding(self, code: str, path: str, detail: str, entry: int | None = None) -> None:
        """Adds one, while there is room."""
        if len(self._found) < MAX_FINDINGS:
            self._found[CopyFinding(code, path, detail, entry)] = None
        else:
            self.untold += 1

    def listed(self) -> tuple[CopyFinding, ...]:
        """All of them, in the order they were found."""
        return tuple(self._found)
