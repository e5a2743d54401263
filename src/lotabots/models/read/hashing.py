"""A tree by its content: every file digested once, in threads, its tensors in the same pass.

Bytes are read into buffers, not mapped: whoever truncates a mapped file ends our process (decision
21). Hashers and reads leave the interpreter's lock, so threads run side by side.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread
from typing import NamedTuple

from blake3 import blake3

from lotabots.kernel import LotaError
from lotabots.models.cache import Cache, Remembered
from lotabots.models.findings import Finding, finding
from lotabots.models.read.folder import Folder
from lotabots.models.read.opened import File
from lotabots.models.read.passes import Hasher, Source, one_pass, source_of
from lotabots.models.read.ranges import Ranges
from lotabots.models.read.verity import measure_verity
from lotabots.models.types import Algorithm, FileEntry, FileKind, Hashed, Listed, TensorEntry, Tree

CODES = {
    "MODEL_READ_CHANGED": "FILE-CHANGED-DURING-READ",
    "MODEL_READ_RANGE": "FILE-CHANGED-DURING-READ",
    "MODEL_FILE_UNKNOWN": "FILE-CHANGED-DURING-READ",
    "MODEL_READ_SPARSE": "FILE-SPARSE",
}
"""The finding for each error of reading; any other is `FILE-UNREADABLE`."""


class Options(NamedTuple):
    """How a tree is hashed."""

    algorithm: Algorithm
    share: int
    """Bytes above which a file is worth more than one thread: it would hold up all others."""
    threads: int
    cache: Cache | None
    tell: Callable[[int], None]
    stop: Event


class Outcome(NamedTuple):
    """What became of one file."""

    file: FileEntry | None = None
    tensors: tuple[TensorEntry, ...] = ()
    findings: tuple[Finding, ...] = ()


def hash_tree(
    tree: Tree,
    *,
    algorithm: Algorithm = Algorithm.SHA256,
    tensors: Sequence[TensorEntry] | None = None,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
    cache: Cache | None = None,
    skip: Callable[[str], bool] | None = None,
) -> Hashed:
    """Every regular file of the tree by its digest, but for those whose paths `skip` names.

    `tensors` are those of the headers and come back with digests. `progress` is told how many more
    bytes are done, by one thread at a time; `threads` is by default the cores that this process
    may use. A file that could not be read, or changed meanwhile, is a finding and has no digest.
    """
    files = [one for one in tree.listed if one.kind is FileKind.REGULAR]
    files = [one for one in files if skip is None or not skip(one.path)]
    wanted: dict[str, list[TensorEntry]] = {}
    for entry in tensors or ():
        wanted.setdefault(entry.path, []).append(entry)
    count = threads or _cores()
    options = Options(
        algorithm=algorithm,
        share=sum(one.size for one in files) // count,
        threads=count,
        cache=cache,
        tell=_teller(progress),
        stop=Event(),
    )
    outcomes = _all(tree, files, wanted, options)
    late = tree.settle() if isinstance(tree, Folder) else ()
    return Hashed(
        algorithm=algorithm,
        files=tuple(one.file for one in outcomes if one.file),
        tensors=tuple(
            sorted((entry for one in outcomes for entry in one.tensors), key=_name_and_place)
        ),
        findings=(*(found for one in outcomes for found in one.findings), *late),
    )


def _all(
    tree: Tree,
    files: Sequence[Listed],
    wanted: dict[str, list[TensorEntry]],
    options: Options,
) -> list[Outcome]:
    """What became of each file, in the order given; the largest are begun first."""
    by_size = sorted(range(len(files)), key=lambda at: -files[at].size)
    outcomes = [Outcome()] * len(files)

    def work(at: int) -> None:
        path = files[at].path
        outcomes[at] = _one(tree, path, Ranges(wanted.get(path, ())), options)

    _side_by_side(work, by_size, min(options.threads, len(files)), options.stop)
    return outcomes


def _side_by_side(
    work: Callable[[int], None], places: Sequence[int], threads: int, stop: Event
) -> None:
    """Does all the work, in order, in so many threads; raises the first error of any of them.

    By hand: `concurrent.futures` and the logging it loads cost more than a small model does.
    """
    left, failed = iter(places), list[BaseException]()

    def worker() -> None:
        try:
            for place in left:  # next() of an iterator of a list is one step under the lock
                if stop.is_set():
                    return
                work(place)
        except BaseException as error:  # noqa: BLE001 - it is raised by whoever waits
            failed.append(error)
            stop.set()

    others = [Thread(target=worker, name="hash", daemon=True) for _ in range(threads - 1)]
    for thread in others:
        thread.start()
    try:
        worker()
        for thread in others:
            thread.join()
    except BaseException:  # Ctrl-C while we wait: what is under way ends at its next buffer
        stop.set()
        raise
    if failed:
        raise failed[0]


def _one(tree: Tree, path: str, ranges: Ranges, options: Options) -> Outcome:
    try:
        content = tree.content(path)
        flaw = ranges.flaw(content.size)
        if flaw is not None:
            ranges = Ranges(())
        findings = (flaw,) if flaw else ()
        if isinstance(content, File):
            with content:
                return _of_file(content, path, ranges, options, findings)
        found = _digest(source_of(content), ranges, options)
        return _outcome(path, content.size, found, ranges, findings)
    except LotaError as error:
        code = CODES.get(error.code, "FILE-UNREADABLE")
        return Outcome(findings=(finding(code, path, measured=error.detail),))


def _of_file(
    file: File, path: str, ranges: Ranges, options: Options, findings: tuple[Finding, ...]
) -> Outcome:
    """The digests of an open file: remembered, or taken now and remembered."""
    cache = options.cache
    if cache is None:
        found = _digest(file, ranges, options)
        return _outcome(path, file.size, found, ranges, findings)
    key = cache.key(file.identity, options.algorithm, ranges.key())
    verity = measure_verity(file.fileno())
    remembered = cache.get(key, verity)
    if remembered is not None:
        options.tell(file.size)
        return _outcome(path, file.size, remembered, ranges, findings, cached=True)
    found = _digest(file, ranges, options)
    cache.put(key, found, verity)
    return _outcome(path, file.size, found, ranges, findings)


def _digest(source: Source, ranges: Ranges, options: Options) -> Remembered:
    large = source.size > options.share and options.threads > 1
    hasher = new_hasher(options.algorithm, options.threads if large else 1)
    one_pass(
        source,
        hasher,
        ranges,
        ahead=large,
        wide=large and options.algorithm is Algorithm.BLAKE3,
        tell=options.tell,
        stop=options.stop,
    )
    return Remembered(hasher.digest(), ranges.digests())


def _outcome(
    path: str,
    size: int,
    found: Remembered,
    ranges: Ranges,
    findings: tuple[Finding, ...],
    *,
    cached: bool = False,
) -> Outcome:
    entry = FileEntry(path=path, size=size, digest=found.digest, cached=cached)
    return Outcome(entry, ranges.digested(found.tensors), findings)


def new_hasher(algorithm: Algorithm, threads: int = 1) -> Hasher:
    """A hasher of this algorithm; BLAKE3 alone can use more than one thread for one file.

    A kernel that runs several SHA-256 lanes side by side would take the place of this and of
    `one_pass`: it would be given as many sources as it has lanes.
    """
    match algorithm:
        case Algorithm.SHA256:
            return hashlib.sha256()
        case Algorithm.BLAKE2B:
            return hashlib.blake2b()
        case Algorithm.BLAKE3:
            return blake3(max_threads=threads)


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _teller(progress: Callable[[int], None] | None) -> Callable[[int], None]:
    if progress is None:
        return lambda _: None
    lock, tell = Lock(), progress

    def told(count: int) -> None:
        with lock:
            tell(count)

    return told


def _name_and_place(entry: TensorEntry) -> tuple[str, str, int]:
    return entry.name, entry.path, entry.begin
