"""A log made by hand: entries of nobody, and what must hold of what is published."""

from contextlib import suppress
from uuid import uuid4

from plugins.process import MASTER_KEY

from lotabots.audit import SYSTEM, Entry, Journal
from lotabots.kernel import LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files
from lotabots.runtime.keyring import Keyring
from lotabots.tlog import (
    Algorithm,
    Checkpoint,
    NoteSigner,
    entries_path,
    leaf_hash,
    open_checkpoint,
    read_bundle,
    root_of,
    verify_copy,
)

SIGNERS = [
    NoteSigner(Algorithm.ED25519, "log.example", b"e" * 32),
    NoteSigner(Algorithm.ML_DSA_44, "log.example", b"m" * 32),
]


class Killed(Exception):
    """Stands for the end of the process at a step."""


async def add(app: Database, count: int) -> None:
    journal = Journal(Keyring(app, MASTER_KEY))
    entries = [
        Entry(actor_ref=SYSTEM, verb="a.b", subject_ref=f"node:n{number}", outcome="done")
        for number in range(count)
    ]
    async with app.transaction(uuid4()) as tx:
        await journal.append_many(tx, entries)


def published(files: Files) -> Checkpoint:
    """The checkpoint that is published, signed by both keys."""
    return open_checkpoint(files.read("checkpoint"), [one.verifier for one in SIGNERS])


def there(files: Files, path: str) -> bool:
    with suppress(LotaError):
        files.read(path)
        return True
    return False


def check(files: Files, size: int) -> Checkpoint:
    """What is published: that many entries, under a checkpoint of both keys."""
    head = published(files)
    entries: list[bytes] = []
    while len(entries) < head.size:
        path = entries_path(len(entries) // 256, min(256, head.size - len(entries)))
        entries += read_bundle(files.read(path))
    assert head.size == len(set(entries)) == size
    assert root_of([leaf_hash(entry) for entry in entries]) == head.root
    assert verify_copy(files.read, None, [one.verifier for one in SIGNERS]).findings == ()
    return head
