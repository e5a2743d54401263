"""What is wrong with a copy of a log, file by file and entry by entry."""

import msgspec

MAX_FINDINGS = 1000
"""That are told one by one; the rest is counted. A copy of another log is wrong everywhere."""


class CopyFinding(msgspec.Struct, frozen=True):
    """One thing that does not hold: in which file, and where an entry can be told, which."""

    code: str
    path: str
    detail: str
    entry: int | None = None


class CopyReport(msgspec.Struct, frozen=True):
    """What a whole copy of a log holds, and everything in it that does not."""

    origin: str
    """Empty, with size 0, where the copy has no checkpoint that can be believed."""
    size: int
    root: bytes
    checkpoints: tuple[int, ...]
    """The sizes of all checkpoints in the copy that hold."""
    findings: tuple[CopyFinding, ...]
    untold: int
    """How many findings there are beyond those listed."""
    unsigned: tuple[str, ...]
    """Files beyond the signed size: a log that is being written has some, and nothing in them is
    proven."""


class Findings:
    """Gathers the findings of one audit."""

    def __init__(self) -> None:
        self.listed: list[CopyFinding] = []
        self.untold = 0

    def finding(self, code: str, path: str, detail: str, entry: int | None = None) -> None:
        """Adds one, in the list while there is room."""
        if len(self.listed) < MAX_FINDINGS:
            self.listed.append(CopyFinding(code, path, detail, entry))
        else:
            self.untold += 1
