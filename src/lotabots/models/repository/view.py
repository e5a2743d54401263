"""A model repository as its checks see it: every text, document and header at once."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from lotabots.kernel import Json
from lotabots.models.repository.options import Options
from lotabots.models.types import Parsed, TensorEntry


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a repository. A file that could not be read is in `paths` alone."""

    paths: tuple[str, ...]
    """Every name, in code-point order."""
    folders: Mapping[str, tuple[str, ...]]
    """The same by folder."""
    texts: Mapping[str, str]
    """The files that are plain text."""
    documents: Mapping[str, Json]
    """Those of them that are strict JSON."""
    digests: Mapping[str, str]
    """`sha256:...` of each file of text."""
    sizes: Mapping[str, int]
    parsed: Mapping[str, Parsed]
    """The headers of the other files."""
    options: Options

    def objects(self, *names: str) -> dict[str, dict[str, Json]]:
        """The JSON objects in files of these names, in any folder, by path."""
        return {
            path: value
            for path, value in self.documents.items()
            if name_of(path) in names and isinstance(value, dict)
        }

    def beside(self, path: str, name: str) -> str:
        """The path of a file of this name in the folder of `path`."""
        return folder_of(path) + name

    def object_at(self, path: str) -> dict[str, Json]:
        """The JSON object in this file; an empty one where it is none, or not there."""
        value = self.documents.get(path)
        return value if isinstance(value, dict) else {}

    def headers(self, folder: str) -> dict[str, Parsed]:
        """The headers of the files in this folder, those in folders below left out."""
        inside = self.folders.get(folder, ())
        return {path: self.parsed[path] for path in inside if path in self.parsed}

    def tensors(self, folder: str) -> tuple[TensorEntry, ...]:
        """Every tensor of the weight files in this folder."""
        return tuple(one for parsed in self.headers(folder).values() for one in parsed.tensors)


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def folder_of(path: str) -> str:
    """The folder of a path with its last `/`; empty for the top one."""
    return "".join(path.rpartition("/")[:2])


DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def objects_in(value: Json) -> list[dict[str, Json]]:
    """Every object inside of a JSON value."""
    found: list[dict[str, Json]] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found.append(one)
            waiting.extend(each for each in one.values() if isinstance(each, dict | list))
        elif isinstance(one, list):
            waiting.extend(each for each in one if isinstance(each, dict | list))
    return found


def by_folder(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The paths of each folder; looked for one by one, many folders would cost their square."""
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(folder_of(path), []).append(path)
    return {folder: tuple(inside) for folder, inside in found.items()}
