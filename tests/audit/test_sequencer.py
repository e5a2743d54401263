"""The sequencer on a real database: each entry placed once, published whole, never forked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls

from lotabots.audit import STEPS, SYSTEM, Entry, Sequencer, append
from lotabots.kernel import LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files
from lotabots.tlog import (
    Algorithm,
    Checkpoint,
    NoteSigner,
    entries_path,
    leaf_hash,
    open_checkpoint,
    read_bundle,
    root_of,
)

pytestmark = pytest.mark.anyio

SIGNERS = [
    NoteSigner(Algorithm.ED25519, "log.example", b"e" * 32),
    NoteSigner(Algorithm.ML_DSA_44, "log.example", b"m" * 32),
]


class Killed(Exception):
    """Stands for the end of the process at a step."""


@pytest.fixture
async def app(fresh_database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    opened = await Database.open(fresh_database_urls.app)
    yield opened
    await opened.close()


@pytest.fixture
async def ordering(fresh_database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    url = fresh_database_urls.app.replace("lotabots_app@", "lotabots_sequencer@")
    opened = await Database.open(url)
    yield opened
    await opened.close()


async def add(app: Database, count: int) -> None:
    async with app.transaction(uuid4()) as tx:
        for number in range(count):
            subject = f"node:n{number}"
            await append(
                tx, Entry(actor_ref=SYSTEM, verb="a.b", subject_ref=subject, outcome="done")
            )


def check(folder: Path, size: int) -> Checkpoint:
    """What is published: that many entries, under a checkpoint of both keys."""
    files = Files(folder)
    head = open_checkpoint(files.read("checkpoint"), [one.verifier for one in SIGNERS])
    entries: list[bytes] = []
    while len(entries) < head.size:
        path = entries_path(len(entries) // 256, min(256, head.size - len(entries)))
        entries += read_bundle(files.read(path))
    assert head.size == len(set(entries)) == size
    assert root_of([leaf_hash(entry) for entry in entries]) == head.root
    return head


async def test_what_waits_is_published_in_bundles_under_a_signed_checkpoint(
    app: Database, ordering: Database, tmp_path: Path
) -> None:
    sequencer = Sequencer(ordering, Files(tmp_path), SIGNERS)
    assert await sequencer.run() == 0
    for size, more in ((3, 3), (256, 253), (700, 444)):
        await add(app, more)
        assert await sequencer.run() == size
        check(tmp_path, size)
    assert await sequencer.run() == 700


@pytest.mark.parametrize("step", STEPS)
async def test_a_run_that_ends_at_any_step_is_finished_by_the_next(
    app: Database, ordering: Database, tmp_path: Path, step: str
) -> None:
    def die(at: str) -> None:
        if at == step:
            raise Killed

    await add(app, 5)
    await Sequencer(ordering, Files(tmp_path), SIGNERS).run()
    await add(app, 300)
    with pytest.raises(Killed):
        await Sequencer(ordering, Files(tmp_path), SIGNERS, die).run()
    await add(app, 2)
    await Sequencer(ordering, Files(tmp_path), SIGNERS).run()
    check(tmp_path, 307)


async def test_two_sequencers_at_once_are_as_good_as_one(
    app: Database, ordering: Database, tmp_path: Path
) -> None:
    await add(app, 300)
    two = [Sequencer(ordering, Files(tmp_path), SIGNERS) for _ in range(2)]
    await asyncio.gather(*(one.run() for one in two))
    check(tmp_path, 300)


async def test_a_database_behind_the_published_log_signs_nothing(
    app: Database, ordering: Database, tmp_path: Path, fresh_database_urls: DatabaseUrls
) -> None:
    await add(app, 3)
    await Sequencer(ordering, Files(tmp_path), SIGNERS).run()
    owner = await asyncpg.connect(fresh_database_urls.owner)
    try:  # as a restored backup has it
        await owner.execute(
            "alter table audit.checkpoints disable trigger user; delete from audit.checkpoints"
        )
    finally:
        await owner.close()
    await add(app, 3)
    with pytest.raises(LotaError) as caught:
        await Sequencer(ordering, Files(tmp_path), SIGNERS).run()
    assert caught.value.code == "AUDIT_FROZEN"
    check(tmp_path, 3)


@pytest.mark.parametrize(
    "statement",
    [
        "delete from audit.pending",
        "insert into audit.pending values (1, gen_random_uuid())",
        "insert into audit.leaves values (0, gen_random_uuid())",
        "update audit.state set tree = ''",
        "insert into audit.checkpoints values (1, sha256(''), '')",
    ],
)
async def test_a_service_can_neither_order_nor_sign(app: Database, statement: str) -> None:
    with pytest.raises(LotaError):
        async with app.transaction(uuid4()) as tx:
            await tx.execute(statement)


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LotaError) as caught:
        Files(tmp_path).read("tile/0/000")
    assert caught.value.code == "FILE_MISSING"


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "tile").write_text("in the way")
    with pytest.raises(LotaError) as caught:
        Files(tmp_path).put("tile/0/000", b"")
    assert caught.value.code == "FILES_UNAVAILABLE"
