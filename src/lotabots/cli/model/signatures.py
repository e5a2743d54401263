"""The bundles of a model as they are, and what they say; whether to believe it, a policy says."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lotabots.cli.model.sign import beside, inside
from lotabots.cli.output import printable
from lotabots.cli.values import read_file
from lotabots.kernel import invalid
from lotabots.models import (
    Algorithm,
    FileEntry,
    Leniency,
    Method,
    Trust,
    open_bundle,
    open_strong,
)
from lotabots.runtime.clock import utc_now

MOST = 5
"""Names in one message."""


class Bundles(NamedTuple):
    """Where the two bundles of a model are, if it has them."""

    first: Path | None
    strong: Path | None

    @classmethod
    def of(cls, path: Path, first: Path | None, strong: Path | None) -> "Bundles":
        """Those that are named; else those that `sign` has written into the folder."""
        usual = path / "model.sig" if path.is_dir() else path.with_name(f"{path.name}.sig")
        if first is None and usual.is_file():
            first = usual
        if strong is None and first is not None and beside(first).is_file():
            strong = beside(first)
        return cls(first, strong)

    def inside(self, path: Path) -> frozenset[str]:
        """Which of them lie in the model's own folder: a signature does not sign itself."""
        return inside(path, [one for one in self if one is not None])


class Signatures(NamedTuple):
    """The texts of both bundles, and what they are over."""

    bundle: str | None = None
    strong_bundle: str | None = None
    paths: frozenset[str] | None = None
    """The files that were signed; None where nothing says so."""
    files: tuple[FileEntry, ...] = ()
    """The same with SHA-256 digests, where the strong statement has them."""
    empty: bool = True
    """An empty file would be among `paths`; a manifest of shards cannot name one."""
    name: str = ""
    version: str = ""

    def require(self, files: Sequence[FileEntry], name: str, version: str) -> None:
        """Returns if this is what was signed. Raises `MODEL_SIGNED_OTHERWISE`.

        A version that is registered keeps its content for ever, so what no verdict could accept is
        refused before.
        """
        for what, signed, given in (
            ("name", self.name if "/" in self.name else "", name),
            ("version", self.version, version),
        ):
            if signed and signed != given:
                words = f"The signature says {what} {printable(signed)}, you say {given}."
                raise invalid("MODEL_SIGNED_OTHERWISE", words)
        if self.paths is None:
            return
        there = {one.path for one in files if self.empty or one.size or one.path in self.paths}
        signed_files = {one.path: one.digest for one in self.files}
        changed = [
            one.path for one in files if signed_files.get(one.path, one.digest) != one.digest
        ]
        told = [
            f"{words}: {_names(names)}"
            for words, names in (
                ("not signed", sorted(there - self.paths)),
                ("signed and not there", sorted(self.paths - there)),
                ("changed since", changed),
            )
            if names
        ]
        if told:
            raise invalid("MODEL_SIGNED_OTHERWISE", f"{'; '.join(told)}.")


def read_signatures(bundles: Bundles) -> Signatures:
    """What lies in the files. Raises OSError, `MODEL_SIGNED_OTHERWISE` for no bundle."""
    found = Signatures()
    now = utc_now()
    if bundles.first is not None:
        data = read_file(bundles.first)
        manifest = open_bundle(data, Trust(), Leniency(legacy=True), now).manifest
        if manifest is None:
            raise _no_bundle(bundles.first)
        paths = frozenset(one.path for one in manifest.resources)
        found = found._replace(
            bundle=data.decode(),
            paths=None if paths == {"."} else paths,
            empty=manifest.method is not Method.SHARDS,
        )
    if bundles.strong is not None:
        data = read_file(bundles.strong)
        strong = open_strong(data, Trust(), Leniency(legacy=True), now).strong
        if strong is None:
            raise _no_bundle(bundles.strong)
        found = found._replace(
            strong_bundle=data.decode(),
            paths=frozenset(one.path for one in strong.files),
            files=strong.files if strong.algorithm is Algorithm.SHA256 else (),
            empty=True,
            name=strong.name,
            version=strong.version,
        )
    return found


def _no_bundle(path: Path) -> Exception:
    detail = f"{path} is no signature of a model that can be read."
    return invalid("MODEL_SIGNED_OTHERWISE", detail)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(map(printable, names[:MOST])) + more
