"""What callers were told while faults were made, and what must hold of the log afterwards."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from faults.copy_reader import Head, Roots, entries, leaf


@dataclass
class History:
    """Every leaf that someone tried to append, those acknowledged, and every checkpoint seen."""

    attempted: set[bytes] = field(default_factory=set)
    """A commit that failed may have happened all the same: these may be in the log or not."""
    acknowledged: set[bytes] = field(default_factory=set)
    refused: int = 0
    """How often a caller was told no."""
    checkpoints: list[str] = field(default_factory=list)

    def see(self, folder: Path) -> Head | None:
        """Notes the checkpoint that is published at this moment, if there is one."""
        place = folder / "checkpoint"
        if not place.is_file():
            return None
        note = place.read_text()
        if not self.checkpoints or self.checkpoints[-1] != note:
            self.checkpoints.append(note)
        return Head.of(note)

    def check(self, folder: Path) -> Head:
        """The last head, if the log is what every caller and every reader was told.

        Nothing acknowledged is lost, nothing stands twice, nothing came from nowhere, and each
        checkpoint ever seen is a prefix of the last one.
        """
        last = self.see(folder)
        assert last is not None, "nothing was published"
        leaves = [leaf(entry) for entry in entries(folder, last.size)]
        twice = [hashed.hex() for hashed, count in Counter(leaves).items() if count > 1]
        assert not twice, f"{len(twice)} leaves stand more than once: {twice[:3]}"
        lost = self.acknowledged - set(leaves)
        assert not lost, f"{len(lost)} of {len(self.acknowledged)} acknowledged entries are lost"
        strange = set(leaves) - self.attempted
        assert not strange, f"{len(strange)} leaves that nobody appended"
        self._check_prefixes(leaves)
        return last

    def _check_prefixes(self, leaves: list[bytes]) -> None:
        heads = [Head.of(note) for note in self.checkpoints]
        assert len({head.origin for head in heads}) == 1
        sizes = [head.size for head in heads]
        assert sizes == sorted(sizes), f"the log shrank: {sizes}"
        roots = Roots(leaves)
        for head in heads:
            assert roots.at(head.size) == head.root, f"a fork at size {head.size}"
