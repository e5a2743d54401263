"""The files that are there held against those that were signed, each difference by file."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
from blake3 import blake3

from lotabots.kernel import LotaError, equal
from lotabots.models.findings import Finding, Severity, finding
from lotabots.models.manifest import Manifest, Method, Resource
from lotabots.models.paths import GIT_NAMES, collisions, covered, read_by_loaders
from lotabots.models.types import Algorithm, FileEntry, FileKind, Hashed, Listed, Tree

_PIECE = 1024 * 1024


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """What may be there besides the signed files."""

    ignore: tuple[str, ...] = ()
    """Named by whoever verifies: these paths and what is below them."""
    excluded: frozenset[str] = frozenset()
    """Exactly the files of the signatures themselves."""
    referenced: frozenset[str] = frozenset()
    """Names that a configuration of the model refers to: loaders read them."""
    symlinks: bool = False
    """Links to regular files of the model itself may stand for them, if the signature says so."""


class Compared(msgspec.Struct, frozen=True):
    """What the comparison gave."""

    findings: tuple[Finding, ...]
    files: tuple[FileEntry, ...]
    """The regular files there that are part of the model, in code-point order, as measured."""
    ignored: tuple[str, ...]
    """Files there that are no part of the model."""


def compare_files(manifest: Manifest, tree: Tree, hashed: Hashed, allowed: Allowed) -> Compared:
    """Every difference between what was signed and what is there.

    In a manifest of shards an empty file has no entry, so one that is there was not signed; the
    strong statement may list it.
    """
    return _Comparison(manifest, tree, hashed, allowed).run()


class _Comparison:
    """One comparison, with its findings so far."""

    def __init__(self, manifest: Manifest, tree: Tree, hashed: Hashed, allowed: Allowed) -> None:
        self.manifest, self.tree, self.hashed, self.allowed = manifest, tree, hashed, allowed
        self.listed = {entry.path: entry for entry in tree.listed}
        self.measured = {entry.path: entry for entry in hashed.files}
        self.findings: list[Finding] = [*tree.findings, *hashed.findings]
        self.told = {one.path for one in tree.findings if refused((one,))}
        self.expected = self._expected()

    def _expected(self) -> dict[str, list[Resource]]:
        """The signed resources by path; the one without a name goes to the only file there is."""
        expected: dict[str, list[Resource]] = {}
        for resource in self.manifest.resources:
            expected.setdefault(resource.path, []).append(resource)
        if list(expected) != ["."]:
            return expected
        files = [path for path in self.listed if path not in self.allowed.excluded]
        files = [path for path in files if not self._ignored(path)] or files
        if len(files) != 1:
            return expected
        name = self.manifest.name
        self.findings.append(finding("FILE-UNNAMED", files[0], expected=name, measured=files[0]))
        return {files[0]: expected["."]}

    def run(self) -> Compared:
        extra = []
        ignored: dict[str, list[str]] = {}
        for entry in self.listed.values():
            if entry.path in self.expected:
                self._compare(entry)
            elif entry.path in self.allowed.excluded and entry.kind is FileKind.REGULAR:
                pass
            elif entry.kind is not FileKind.REGULAR and not covered(entry.path, GIT_NAMES):
                self._refuse(entry)
            elif by := self._ignored(entry.path):
                ignored.setdefault(by, []).append(entry.path)
            else:
                extra.append(entry.path)
        missing = [path for path in self.expected if path not in self.listed]
        self._tell_moved(missing, extra)
        self._tell_ignored(ignored)
        self._tell_collisions()
        part = {*self.expected, *extra}
        files = tuple(entry for entry in self.hashed.files if entry.path in part)
        others = tuple(sorted(path for paths in ignored.values() for path in paths))
        return Compared(tuple(self.findings), files, others)

    def _ignored(self, path: str) -> str:
        """The entry that leaves this path out of the model, or nothing."""
        for name in (*GIT_NAMES, *self.manifest.ignore_paths, *self.allowed.ignore):
            if covered(path, (name,)):
                return name
        return ""

    def _add(self, *found: Finding) -> None:
        self.findings.extend(found)

    def _refuse(self, entry: Listed) -> None:
        """That this is no regular file, unless whoever listed it has said so."""
        if entry.path not in self.told:
            self._add(_not_regular(entry))

    def _compare(self, entry: Listed) -> None:
        path = entry.path
        if entry.kind is FileKind.SYMLINK:
            target = self._linked(entry)
            if target is None:
                return
            entry = target
        elif entry.kind is not FileKind.REGULAR:
            self._refuse(entry)
            return
        resources = self.expected[path]
        if self.manifest.method is Method.SHARDS:
            self._add(*self._changed_shards(path, entry, resources))
            return
        measured = self.measured.get(entry.path)
        if measured is None:
            self._add(*self._unread(entry.path))
        elif not equal(measured.digest, resources[0].digest):
            words = (resources[0].digest.hex(), measured.digest.hex())
            self._add(finding("FILE-MODIFIED", path, expected=words[0], measured=words[1]))

    def _linked(self, entry: Listed) -> Listed | None:
        """The regular file of this model that a signed link stands for, if that is allowed."""
        target = _resolved(entry)
        file = self.listed.get(target)
        inside = file is not None and file.kind is FileKind.REGULAR and target in self.expected
        if self.allowed.symlinks and self.manifest.allow_symlinks and file is not None and inside:
            return file
        self._refuse(entry)
        return None

    def _changed_shards(
        self, path: str, entry: Listed, resources: Sequence[Resource]
    ) -> tuple[Finding, ...]:
        ends = max(resource.end or 0 for resource in resources)
        if ends != entry.size:
            words = (f"{ends} bytes", f"{entry.size} bytes")
            return (finding("FILE-MODIFIED", path, expected=words[0], measured=words[1]),)
        found = []
        for resource in sorted(resources, key=lambda one: one.begin):
            try:
                digest = self._digest(entry.path, resource)
            except LotaError:
                return self._unread(entry.path)
            if not equal(digest, resource.digest):
                place = f"bytes {resource.begin} to {resource.end}: "
                words = (place + resource.digest.hex()[:32], place + digest.hex()[:32])
                found.append(
                    finding(
                        "FILE-MODIFIED",
                        path,
                        offset=resource.begin,
                        expected=words[0],
                        measured=words[1],
                    )
                )
        return tuple(found)

    def _digest(self, path: str, resource: Resource) -> bytes:
        content = self.tree.content(path)
        hasher = _HASHERS[self.manifest.algorithm]()
        end = resource.end or 0
        for offset in range(resource.begin, end, _PIECE):
            hasher.update(content.read(offset, min(_PIECE, end - offset)))
        return bytes(hasher.digest())

    def _unread(self, path: str) -> tuple[Finding, ...]:
        """That a signed file was not read, unless whoever read it has said why."""
        told = any(one.path == path for one in self.hashed.findings)
        return () if told else (finding("FILE-UNREAD", path),)

    def _tell_moved(self, missing: Sequence[str], extra: Sequence[str]) -> None:
        """Missing and extra files; a pair of one digest is one file under another name."""
        unsigned = dict.fromkeys(extra)
        by_digest: dict[bytes, list[str]] = {}
        for path in reversed(extra):
            if path in self.measured:
                by_digest.setdefault(self.measured[path].digest, []).append(path)
        for path in missing:
            resource = self.expected[path][0]
            moved = by_digest.get(resource.digest) if resource.end is None else None
            if moved:
                del unsigned[moved[-1]]
                self._add(finding("FILE-RENAMED", path, expected=path, measured=moved.pop()))
            else:
                self._add(finding("FILE-MISSING", path, expected=resource.digest.hex()))
        for path in unsigned:
            self._add(finding("FILE-EXTRA", path, expected="only signed files"))

    def _tell_ignored(self, ignored: Mapping[str, Sequence[str]]) -> None:
        """One warning for each entry that leaves files out; each file that a loader reads apart."""
        for name, paths in ignored.items():
            read = [one for one in paths if read_by_loaders(one) or one in self.allowed.referenced]
            for path in read:
                why = "a configuration refers to it" if path in self.allowed.referenced else ""
                measured = why or "loaders read files of this name"
                self._add(finding("FILE-IGNORED-READ", path, measured=measured))
            if len(read) < len(paths):
                code = "FILE-GIT" if name in GIT_NAMES else "FILE-IGNORED"
                self._add(finding(code, name, measured=f"{len(paths) - len(read)} files"))

    def _tell_collisions(self) -> None:
        """Names there that another system takes for one; those of the manifest are told by it."""
        signed = set(self.expected)
        told = collisions(path for path in self.listed if not covered(path, GIT_NAMES))
        self._add(
            *(one for one in told if one.path not in signed or one.measured not in {"", *signed})
        )


class _Hasher(Protocol):
    def update(self, data: bytes, /) -> object: ...
    def digest(self) -> bytes: ...


_HASHERS: dict[Algorithm, Callable[[], _Hasher]] = {
    Algorithm.SHA256: hashlib.sha256,
    Algorithm.BLAKE2B: hashlib.blake2b,
    Algorithm.BLAKE3: blake3,
}


def left_out(manifest: Manifest, allowed: Allowed) -> Callable[[str], bool]:
    """Whether a path is left out whatever its content is, so that nobody need hash it."""
    signed = {resource.path for resource in manifest.resources}
    ignored = (*GIT_NAMES, *manifest.ignore_paths, *allowed.ignore)
    return lambda path: path not in signed and (path in allowed.excluded or covered(path, ignored))


def _resolved(entry: Listed) -> str:
    """The name within the model that a link points at; empty if it leads out of it."""
    if not entry.target or entry.target.startswith("/"):
        return ""
    parts = entry.path.split("/")[:-1]
    for part in entry.target.split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _not_regular(entry: Listed) -> Finding:
    if entry.kind is FileKind.SYMLINK:
        return finding("FILE-SYMLINK", entry.path, measured=f"to {entry.target}")
    return finding("FILE-TYPE", entry.path, expected="a regular file", measured=entry.kind)


def refused(findings: Sequence[Finding]) -> bool:
    """Whether any of these is more than a warning."""
    return any(one.severity is not Severity.WARNING for one in findings)
