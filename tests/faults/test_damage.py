"""A log whose database went back in time, and one whose files were torn or changed on the disk."""

import pytest
from faults.backup import backup
from faults.copies import verified
from faults.load import append_some
from faults.log import Log
from faults.sequencer import check, publish_all, sequencer

from lotabots.runtime.postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio


async def publish(log: Log, count: int) -> None:
    """Appends so many entries, and publishes them."""
    await append_some(log, count)
    await publish_all(log)


async def test_a_database_restored_from_an_old_backup_freezes_the_log(
    server: EmbeddedPostgres, log: Log
) -> None:
    await publish(log, 300)
    async with backup(server, log) as old:
        await publish(old.log, 300)
        published = log.see()
        old.log = log = await old.restore()
        await append_some(log, 400)  # recorded all the same, and waiting
        async with sequencer(log, both_loops=True) as frozen:
            await frozen.until_said("AUDIT_FROZEN", times=2)  # each of the two loops
            await frozen.until_said("begun", times=20)
        assert log.see() == published
        assert (len(await log.placed()), await log.signed()) == (300, 300)


async def test_an_upload_that_was_torn_is_written_again_whole(log: Log) -> None:
    await publish(log, 300)
    await append_some(log, 300)
    async with sequencer(log, at="uploaded") as killed:
        await killed.until_held()
        await killed.kill()
    for path in ("tile/entries/001", "tile/0/001", "tile/entries/002.p/88"):
        torn = log.folder / path
        torn.write_bytes(torn.read_bytes()[:100])  # as a store does that has no rename
    await check(log)


async def test_a_bit_flipped_in_a_published_bundle_is_named_with_its_entry(log: Log) -> None:
    await publish(log, 300)
    place = log.folder / "tile" / "entries" / "000"
    data = bytearray(place.read_bytes())
    data[40] ^= 1
    place.write_bytes(data)
    found = {(found.path, found.entry) for found in verified(log.folder).findings}
    assert found >= {("tile/entries/000", 0)}
