"""The sequencer on a real database: each entry placed once, published whole, once for ever."""

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from audit.log import SIGNERS, Killed, add, check, published, there

from lotabots.audit import STEPS, Sequencer, sequencer
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files, Folder, Named, open_files
from lotabots.tlog import read_bundle

pytestmark = pytest.mark.anyio


async def test_what_waits_is_published_in_bundles_under_a_signed_checkpoint(
    app: Database, ordering: Database, files: Files
) -> None:
    one = Sequencer(ordering, files, SIGNERS)
    assert await one.run() == 0
    assert not there(files, "checkpoint")
    for size, more in ((3, 3), (256, 253), (700, 444)):
        await add(app, more)
        assert await one.run() == size
        check(files, size)
    assert await one.run() == 700
    left = set(files.paths())
    assert {path for path in left if ".p/" in path and path.partition(".p/")[0] in left} == set()
    assert files.read("log.vkey").decode().splitlines() == [s.verifier.vkey() for s in SIGNERS]


async def test_a_log_is_uploaded_in_parts_and_ordered_in_batches(
    app: Database, ordering: Database, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "CHUNK", 256)
    monkeypatch.setattr(sequencer, "BATCH", 300)
    await add(app, 1000)
    one = Sequencer(ordering, files, SIGNERS)
    assert await one.run() == 300
    assert [await one.order() for _ in range(4)] == [300, 300, 100, 0]
    assert await one.publish() == 1000
    check(files, 1000)


@pytest.mark.parametrize("step", STEPS)
async def test_a_run_that_ends_at_any_step_is_finished_by_the_next(
    app: Database, ordering: Database, files: Files, step: str
) -> None:
    def die(at: str) -> None:
        if at == step:
            raise Killed

    await add(app, 5)
    await Sequencer(ordering, files, SIGNERS).run()
    await add(app, 300)
    with pytest.raises(Killed):
        await Sequencer(ordering, files, SIGNERS, steps=die).run()
    await add(app, 2)
    await Sequencer(ordering, files, SIGNERS).run()
    check(files, 307)


async def test_every_step_is_said_in_its_order(
    app: Database, ordering: Database, files: Files
) -> None:
    said: list[str] = []
    await add(app, 3)
    await Sequencer(ordering, files, SIGNERS, steps=said.append).run()
    assert tuple(said) == STEPS


async def test_a_size_has_one_note_for_ever(
    app: Database, ordering: Database, files: Files
) -> None:
    def die(at: str) -> None:
        if at == "signed":
            raise Killed

    await add(app, 5)
    with pytest.raises(Killed):
        await Sequencer(ordering, files, SIGNERS, steps=die).run()
    async with ordering.transaction(None) as tx:
        signed = await tx.fetch_value("select note from audit.checkpoints", into=str)
    assert await Sequencer(ordering, files, SIGNERS).run() == 5
    assert files.read("checkpoint").decode() == signed
    async with ordering.transaction(None) as tx:
        assert await tx.fetch_value("select count(*) from audit.checkpoints") == 1


class Torn(Folder):
    """A folder whose disk fails after some files of one upload."""

    left = 1_000_000

    def put(self, files: Iterable[Named]) -> None:
        for file in files:
            if self.left == 0:
                raise LotaError(Kind.UNAVAILABLE, "FILES_UNAVAILABLE", "The disk is full.")
            self.left -= 1
            super().put([file])


@pytest.mark.parametrize("first", range(5))
async def test_an_upload_that_ends_after_any_file_is_done_again(
    app: Database, ordering: Database, tmp_path: Path, first: int
) -> None:
    files = Torn(tmp_path)
    one = Sequencer(ordering, files, SIGNERS)
    await add(app, 250)
    await one.run()
    await add(app, 50)
    files.left = first
    with pytest.raises(LotaError, match="FILES_UNAVAILABLE"):
        await one.run()
    check(Folder(tmp_path), 250)
    files.left = 1_000_000
    assert await one.run() == 300
    check(Folder(tmp_path), 300)


async def test_two_sequencers_at_once_are_as_good_as_one(
    app: Database, ordering: Database, files: Files
) -> None:
    await add(app, 300)
    two = [Sequencer(ordering, files, SIGNERS) for _ in range(2)]
    await asyncio.gather(*(one.run() for one in two))
    check(files, 300)


class Raced(Folder):
    """A folder in which another publisher is faster, just before our checkpoint is put there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.first: Callable[[], object] = lambda: None

    def swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        self.first()
        return super().swap(path, old, new)


@pytest.mark.parametrize("before", [0, 3])
async def test_of_two_publishers_who_race_the_larger_checkpoint_stays(
    app: Database, ordering: Database, tmp_path: Path, before: int
) -> None:
    files, loop = Raced(tmp_path), asyncio.get_running_loop()
    slow, fast = Sequencer(ordering, files, SIGNERS), Sequencer(
        ordering, Folder(tmp_path), SIGNERS
    )  # fmt: skip
    await add(app, before)
    assert await slow.run() == before

    async def publish_more() -> None:
        await add(app, 4)
        assert await fast.run() == before + 9

    files.first = lambda: asyncio.run_coroutine_threadsafe(publish_more(), loop).result(20)
    await add(app, 5)
    assert await slow.run() == before + 9
    files.first = lambda: None
    check(files, before + 9)
    await add(app, 1)
    assert await slow.run() == before + 10
    check(files, before + 10)


async def test_entries_wait_for_their_places_while_too_many_are_unpublished(
    app: Database, ordering: Database, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "MOST_AHEAD", 10)
    monkeypatch.setattr(sequencer, "BATCH", 4)
    await add(app, 25)
    one = Sequencer(ordering, files, SIGNERS)
    assert [await one.order() for _ in range(4)] == [4, 4, 2, 0]
    assert await one.publish() == 10
    assert [await one.order() for _ in range(4)] == [4, 4, 2, 0]
    assert await one.publish() == 20
    while await one.order():
        pass
    assert await one.publish() == 25
    check(files, 25)


async def test_more_that_is_unpublished_than_there_may_be_is_no_error(
    app: Database, ordering: Database, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Sequencer(ordering, files, SIGNERS)
    await add(app, 10)
    await one.order()
    monkeypatch.setattr(sequencer, "MOST_AHEAD", 3)
    await add(app, 10)
    assert await one.order() == 0
    assert await one.publish() == 10
    assert [await one.order(), await one.publish()] == [3, 13]


async def test_who_waits_longest_gets_the_next_place(
    app: Database, ordering: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "BATCH", 3)
    one, files = Sequencer(ordering, open_files("memory:///"), SIGNERS), open_files("memory:///")
    await add(app, 5)
    await one.order()
    await add(app, 5)
    while await one.order():
        pass
    await Sequencer(ordering, files, SIGNERS).publish()
    entries = read_bundle(files.read("tile/entries/000.p/10"))
    subjects = [json.loads(entry)["subject"] for entry in entries]
    assert subjects == [f"node:n{number}" for number in range(5)] * 2


async def test_any_number_may_order_while_callers_append(
    app: Database, ordering: Database, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "BATCH", 7)
    several = [Sequencer(ordering, files, SIGNERS) for _ in range(4)]

    async def order(one: Sequencer) -> None:
        for _ in range(12):
            await one.order()

    async def append() -> None:
        for _ in range(25):
            await add(app, 3)

    await asyncio.gather(append(), append(), *map(order, several))
    while await several[0].order():
        pass
    assert await several[0].publish() == 150
    check(files, 150)


@pytest.mark.parametrize("fresh", [False, True], ids=["the same", "just started"])
@pytest.mark.parametrize("path", ["tile/0/001.p/14", "tile/1/000.p/1", "tile/entries/001.p/14"])
@pytest.mark.parametrize("torn", [False, True], ids=["a bit", "torn"])
async def test_a_damaged_file_is_found_and_never_built_upon(
    app: Database, ordering: Database, files: Files, path: str, torn: bool, fresh: bool
) -> None:
    one = Sequencer(ordering, files, SIGNERS)
    await add(app, 270)
    await one.run()
    whole = files.read(path)
    damaged = whole[:-1] if torn else whole[:20] + bytes([whole[20] ^ 1]) + whole[21:]
    files.put([(path, damaged)])
    await add(app, 300)
    next_one = Sequencer(ordering, files, SIGNERS) if fresh else one
    with pytest.raises(LotaError, match="AUDIT_ALTERED"):
        await next_one.run()
    assert published(files).size == 270
    files.put([(path, whole)])  # as `fsck --mend` does
    assert await next_one.run() == 570
    check(files, 570)
