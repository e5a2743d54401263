"""A published folder or an exported one, held against keys as an auditor does it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from faults.mutations import Mutation, made, mutations
from interop.published import SIGNERS

from lotabots.tlog import CopyReport, NoteVerifier, verify_copy

KEYS = tuple(signer.verifier for signer in SIGNERS)


def verified(folder: Path, keys: Sequence[NoteVerifier] = KEYS) -> CopyReport:
    """What `verify_copy` says of the whole folder."""
    return verify_copy(lambda path: (folder / path).read_bytes(), paths(folder), keys)


def paths(folder: Path) -> Iterator[str]:
    """Every file below the folder, but for drafts that a killed writer left behind."""
    for base, _, names in os.walk(folder):
        for name in names:
            if not name.startswith("."):
                yield (Path(base) / name).relative_to(folder).as_posix()


def missed(
    folder: Path, count: int, *, seed: int, keys: Sequence[NoteVerifier] = KEYS
) -> list[Mutation]:
    """Of so many changes of one byte those whose file no finding names."""
    return [
        mutation
        for mutation in mutations(folder, count, seed=seed)
        if mutation.path not in _named(folder, mutation, keys)
    ]


def _named(folder: Path, mutation: Mutation, keys: Sequence[NoteVerifier]) -> set[str]:
    with made(folder, mutation):
        return {finding.path for finding in verified(folder, keys).findings}
