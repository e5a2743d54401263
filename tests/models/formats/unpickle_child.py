"""Runs as a process of its own: what CPython's two unpicklers would import from each stream.

Reads streams from standard input, each behind its length (u32, little-endian), and writes one line
of JSON for each: a list of [module, name]. `find_class` notes the name and gives an inert class, so
nothing is ever imported or called; each unpickler goes on as far as it can.
"""

import io
import json
import pickle
import resource
import struct
import sys
from typing import Any


class Inert:
    """Takes whatever is done to it, and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.seen = None

    def __call__(self, *_: Any, **__: Any) -> "Inert":
        return Inert()

    def __setstate__(self, _: Any) -> None:
        return None

    def __setitem__(self, _: Any, __: Any) -> None:
        return None

    def append(self, _: Any) -> None:
        return None

    extend = add = update = append


def imported(stream: bytes, kind: Any, encoding: str) -> set[tuple[str, str]]:
    names: set[tuple[str, str]] = set()

    class Noting(kind):  # type: ignore[misc]  # one of the two unpicklers
        def find_class(self, module: str, name: str) -> Any:
            names.add((module, name))
            if (module, name) == ("_codecs", "encode"):
                return lambda text, *_: text.encode("latin1")
            return type(name if name.isidentifier() else "Inert", (Inert,), {})

        def persistent_load(self, _: Any) -> Any:
            return Inert()

    try:
        Noting(io.BytesIO(stream), encoding=encoding).load()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001  # whatever a stream makes it raise ends it
        pass
    return names


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    while head := sys.stdin.buffer.read(4):
        stream = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
        names: set[tuple[str, str]] = set()
        for kind in (pickle.Unpickler, pickle._Unpickler):  # type: ignore[attr-defined]  # the one in Python
            for encoding in ("ASCII", "latin1", "bytes"):
                names |= imported(stream, kind, encoding)
        sys.stdout.write(json.dumps(sorted(names)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
