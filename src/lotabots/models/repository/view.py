"""A model repository as its checks see it: every text, document and header at once."""

import re
from collections.abc import Mapping

import msgspec

from lotabots.kernel import Json
from lotabots.models.repository.options import Options
from lotabots.models.types import Parsed, TensorEntry


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a repository. A file that could not be read is in `paths` alone."""

    paths: tuple[str, ...]
    """Every name, in code-point order."""
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

    def tensors(self, folder: str) -> tuple[TensorEntry, ...]:
        """Every tensor of the weight files in this folder, those in folders below left out."""
        return tuple(
            tensor
            for path, parsed in self.parsed.items()
            if folder_of(path) == folder
            for tensor in parsed.tensors
        )


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def folder_of(path: str) -> str:
    """The folder of a path with its last `/`; empty for the top one."""
    return "".join(path.rpartition("/")[:2])


DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def objects_in(value: Json, limit: int = 200_000) -> list[dict[str, Json]]:
    """Every object inside of a JSON value, the outer ones first, as far as the limit goes."""
    found: list[dict[str, Json]] = []
    waiting = [value]
    seen = 0
    while waiting and seen < limit:
        one = waiting.pop()
        seen += 1
        if isinstance(one, dict):
            found.append(one)
            waiting.extend(each for each in one.values() if isinstance(each, dict | list))
        elif isinstance(one, list):
            waiting.extend(each for each in one if isinstance(each, dict | list))
    return found
