"""The audit of a whole copy of a log: every entry, every tile, every checkpoint, offline.

1. its checkpoint is signed and cosigned as asked
2. every entry hashes to the leaf that the signed root has at its place
3. every tile, the partial ones of earlier sizes too, holds hashes of that tree
4. every other checkpoint in it, and the one that the auditor kept, is of a beginning of that tree
"""

import re
from collections.abc import Iterable, Sequence

from lotabots.kernel import LotaError, equal
from lotabots.tlog.findings import CopyReport, Findings
from lotabots.tlog.heads import Checkpoint
from lotabots.tlog.policies import Policy, believed
from lotabots.tlog.signers import NoteVerifier
from lotabots.tlog.stored import StoredTree, content
from lotabots.tlog.tiles import WIDTH, Read, Tile, parse_path, read_bundle
from lotabots.tlog.tree import EMPTY_ROOT, CompactRange, leaf_hash, root_of

CHECKPOINT = "checkpoint"
KEYS = "log.vkey"
"""Where a copy brings the keys of its log along, one in a line. They are not believed for that."""
KEPT = "(the checkpoint that was kept)"
"""What the findings call the checkpoint that did not come with the copy."""

Trust = Policy | Sequence[NoteVerifier]

_OLDER = re.compile(r"checkpoints?[./](0|[1-9][0-9]{0,18})", re.ASCII)


def verify_copy(
    read: Read, listing: Iterable[str] | None, trust: Trust, *, since: str | bytes | None = None
) -> CopyReport:
    """What the copy holds, and every finding. No finding: all of it is as the log signed it.

    `read` gives the content at a path and raises for what is not there; `listing` names all files,
    None where that cannot be asked (then only what the newest checkpoint needs is read). `since` is
    a checkpoint that the auditor kept from before. One tile of each level is held at a time.
    Raises only what `read` raises with the kind `unavailable`.
    """
    findings = Findings()
    head = _opened(content(read, CHECKPOINT), CHECKPOINT, trust, findings)
    if head is None:
        return CopyReport("", 0, EMPTY_ROOT, (), findings.listed(), findings.untold, ())
    audit = _Audit(read, head, findings)
    keys = trust.log_keys() if isinstance(trust, Policy) else trust
    if since is not None:
        kept = _opened(since.encode() if isinstance(since, str) else since, KEPT, keys, findings)
        audit.expect(KEPT, kept)
    for path in listing or ():
        if _OLDER.fullmatch(path):
            audit.expect(path, _opened(content(read, path), path, keys, findings))
        elif path == KEYS:
            _check_keys(content(read, path) or b"", head.origin, findings)
        elif path.startswith("tile/"):
            audit.note(path)
    audit.run()
    return CopyReport(
        head.origin,
        head.size,
        head.root,
        tuple(audit.held),
        findings.listed(),
        findings.untold,
        tuple(audit.unsigned),
    )


def _opened(note: bytes | None, path: str, trust: Trust, findings: Findings) -> Checkpoint | None:
    if note is None:
        findings.finding("TLOG_FILE_MISSING", path, "The file is not there.")
        return None
    try:
        return believed(note, trust)
    except LotaError as error:
        findings.finding(error.code, path, error.detail)
        return None


def _check_keys(data: bytes, origin: str, findings: Findings) -> None:
    """Names the file of keys where it does not hold keys of this log, each whole."""
    try:
        lines = data.decode("ascii").split("\n")
        whole = len(lines) > 1 and not lines.pop()
        whole = whole and all(NoteVerifier.parse(line).name == origin for line in lines)
    except (LotaError, UnicodeDecodeError):
        whole = False
    if not whole:
        findings.finding("TLOG_KEY", KEYS, "It does not hold whole keys of this log.")


class _Audit:
    """One pass over the entries, in order, with everything that is to be held against them."""

    def __init__(self, read: Read, head: Checkpoint, findings: Findings) -> None:
        self._read = read
        self._head = head
        self._findings = findings
        self._stored = StoredTree(read, head, findings)
        self._expected: dict[int, list[tuple[str, bytes]]] = {}
        self._earlier: dict[tuple[int | None, int], list[int]] = {}
        self.unsigned: list[str] = []
        self.held: list[int] = []
        self.expect(CHECKPOINT, head)

    def expect(self, path: str, checkpoint: Checkpoint | None) -> None:
        """Takes note of a checkpoint, to be held against the tree of its size."""
        if checkpoint is None:
            return
        if checkpoint.origin != self._head.origin:
            self._findings.finding("TLOG_ORIGIN", path, f"It is one of {checkpoint.origin}.")
        elif checkpoint.size > self._head.size:
            detail = f"It has {checkpoint.size} entries, and the copy {self._head.size}."
            self._findings.finding("TLOG_BEHIND", path, detail)
        else:
            self._expected.setdefault(checkpoint.size, []).append((path, checkpoint.root))

    def note(self, path: str) -> None:
        """Takes note of a file that may be an earlier, partial form of a tile or bundle."""
        try:
            level, number, width = parse_path(path)
        except LotaError as error:
            self._findings.finding(error.code, path, error.detail)
            return
        signed = self._stored.width(level or 0, number)
        if width > signed:
            self.unsigned.append(path)
        elif width < signed:
            self._earlier.setdefault((level, number), []).append(width)

    def run(self) -> None:
        """Holds everything that is in the copy against the tree, entry by entry."""
        tree = CompactRange.EMPTY  # over the bundles so far, in units of whole bundles
        self._compare(0, EMPTY_ROOT)
        sizes = sorted(self._expected)
        for number in range((self._head.size + WIDTH - 1) // WIDTH):
            if self._findings.untold:
                return
            leaves = self._leaves(number)
            first, end = number * WIDTH, number * WIDTH + len(leaves)
            while sizes and sizes[0] <= end:
                size = sizes.pop(0)
                if size > first:
                    self._compare(size, _joined(tree, leaves[: size - first]).root())
            if len(leaves) == WIDTH:
                known = self._stored.full(0, number)
                tree = tree.extend((root_of(leaves) if known is None else known.root,))
        for level, number in sorted((level, number) for level, number in self._earlier if level):
            self._compare_earlier(level, number, self._stored.hashes(level, number))

    def _leaves(self, number: int) -> Sequence[bytes]:
        """The leaf hashes of a bundle as they were signed, once its entries are held to them."""
        tile = Tile(None, number, self._stored.width(0, number))
        entries = self._stored.entries(tile)
        signed = self._stored.hashes(0, number)
        found = None if entries is None else tuple([leaf_hash(entry) for entry in entries])
        if found and signed and found != signed:
            self._name_altered(tile, found, signed)
        for level in (None, 0):
            if (level, number) in self._earlier:
                self._compare_earlier(level, number, signed)
        # Where nothing tells what stood here, no root will come out either.
        return signed or found or (EMPTY_ROOT,) * tile.width

    def _name_altered(self, tile: Tile, found: Sequence[bytes], signed: Sequence[bytes]) -> None:
        for place, (one, other) in enumerate(zip(found, signed, strict=False)):
            if one != other:
                entry = tile.number * WIDTH + place
                detail = f"Entry {entry} is not the one that was logged."
                self._findings.finding("TLOG_ENTRY_ALTERED", tile.path, detail, entry)

    def _compare(self, size: int, root: bytes) -> None:
        for path, signed in self._expected.get(size, ()):
            if equal(root, signed):
                self.held.append(size)
            elif path == CHECKPOINT:
                detail = "The entries of the copy do not lead to the root that was signed."
                self._findings.finding("TLOG_ROOT_MISMATCH", path, detail)
            else:
                detail = f"The first {size} entries of the copy are not those it was signed over."
                self._findings.finding("TLOG_NOT_EXTENDED", path, detail)

    def _compare_earlier(
        self, level: int | None, number: int, signed: Sequence[bytes] | None
    ) -> None:
        """Holds the partial forms of a file against the beginning of its newest one."""
        for width in self._earlier[level, number]:
            tile = Tile(level, number, width)
            data = self._stored.file(tile)
            if data is None or signed is None:
                continue
            if level is not None:
                if data != b"".join(signed[:width]):
                    detail = "Its hashes are not those of the tree."
                    self._findings.finding("TLOG_TILE_ALTERED", tile.path, detail)
                continue
            try:
                leaves = [leaf_hash(entry) for entry in read_bundle(data)]
            except LotaError:
                leaves = []
            if len(leaves) != width:
                detail = f"It cannot be cut into {width} entries."
                self._findings.finding("TLOG_BUNDLE", tile.path, detail)
            self._name_altered(tile, leaves, signed)


def _joined(bundles: CompactRange, leaves: Sequence[bytes]) -> CompactRange:
    """The tree over whole bundles, and then these leaves, of which there are at most a bundle."""
    if len(leaves) == WIDTH:
        bundles, leaves = bundles.extend((root_of(leaves),)), ()
    rest = CompactRange.EMPTY.extend(leaves)
    return CompactRange(bundles.size * WIDTH + rest.size, bundles.hashes + rest.hashes)
