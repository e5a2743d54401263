"""A model as the commands read it from disk: names, headers, digests."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lotabots.cli.model.digest_cache import digest_cache
from lotabots.cli.model.progress import progress
from lotabots.cli.output import printable
from lotabots.kernel import LotaError
from lotabots.models import (
    Algorithm,
    FileKind,
    Finding,
    Hashed,
    Listed,
    Parsed,
    Severity,
    TensorEntry,
    finding,
)
from lotabots.models.formats import parse
from lotabots.models.read import Folder, hash_tree


class Headers(NamedTuple):
    """What a model says about itself, before any digest."""

    listed: tuple[Listed, ...]
    parsed: Mapping[str, Parsed]
    """The files of a known format."""
    findings: tuple[Finding, ...]
    """About names and headers."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.listed)


def read_headers(tree: Folder) -> Headers:
    """Every file's header, by the format that its content has."""
    parsed: dict[str, Parsed] = {}
    findings = list(tree.findings)
    for entry in tree.listed:
        if entry.kind is FileKind.REGULAR and entry.size:
            found = _parsed(tree, entry.path)
            if isinstance(found, Parsed):
                parsed[entry.path] = found
                findings += found.findings
            elif found is not None:
                findings.append(found)
    return Headers(tree.listed, parsed, tuple(findings))


def _parsed(tree: Folder, path: str) -> Parsed | Finding | None:
    try:
        return parse(path, tree.content(path))
    except LotaError as error:
        return finding("FILE-UNREADABLE", path, measured=error.code)


def hash_model(tree: Folder, headers: Headers, *, cached: bool, words: str) -> Hashed:
    """Every file's digest, and those of the tensors that the headers name."""
    tensors = [one for parsed in headers.parsed.values() for one in parsed.tensors]
    return hash_shown(tree, tensors=tensors, cached=cached, words=words)


def hash_shown(
    tree: Folder,
    *,
    algorithm: Algorithm = Algorithm.SHA256,
    tensors: Sequence[TensorEntry] | None = None,
    skip: Callable[[str], bool] | None = None,
    cached: bool,
    words: str = "Reading",
) -> Hashed:
    """As `hash_tree`, with a bar on the terminal, and the user's cache if that is wanted."""
    total = sum(one.size for one in tree.listed if skip is None or not skip(one.path))
    with digest_cache(cached) as cache, progress(words, total) as tell:
        return hash_tree(
            tree, algorithm=algorithm, tensors=tensors, skip=skip, progress=tell, cache=cache
        )


def unjudged(findings: tuple[Finding, ...]) -> bool:
    """Whether something in the model could not be read, or not be understood."""
    return any(one.severity is not Severity.WARNING for one in findings)


def told(path: Path, findings: tuple[Finding, ...]) -> list[str]:
    """A line for each finding, for a person."""
    return [
        f"{one.severity}: {printable(str(path / one.path))}: {one.title}"
        + (f" ({printable(one.measured)})" if one.measured else "")
        + f" [{one.code}]"
        for one in findings
    ]
