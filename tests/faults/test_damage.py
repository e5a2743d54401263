"""A log whose database went back in time, and one whose files were torn or changed on the disk."""

import asyncpg
import pytest
from faults.load import append_some
from faults.log import Log
from faults.sequencer import sequencer
from interop.published import SIGNERS

from lotabots.runtime.postgres import EmbeddedPostgres
from lotabots.tlog import verify_copy

pytestmark = pytest.mark.anyio

KEYS = [signer.verifier for signer in SIGNERS]


async def publish(log: Log, count: int) -> None:
    """Appends so many entries, and waits until they are published."""
    await append_some(log.database, log.history, count)
    async with sequencer(log.urls, log.folder):
        await log.caught_up()


async def copy_database(server: EmbeddedPostgres, source: str, target: str) -> None:
    """Makes `target` what `source` is, as a restore from a backup does."""
    owner = await asyncpg.connect(server.owner_url.replace("/lotabots?", "/postgres?"))
    try:
        await owner.execute(f"drop database if exists {target} with (force)")
        await owner.execute(f"create database {target} template {source}")
        await owner.execute(f"grant connect on database {target} to lotabots_app")
        await owner.execute(f"grant connect on database {target} to lotabots_sequencer")
    finally:
        await owner.close()


async def test_a_database_restored_from_an_old_backup_freezes_the_log(
    server: EmbeddedPostgres, log: Log
) -> None:
    name = log.urls.app.rpartition("/")[2].partition("?")[0]
    await publish(log, 300)
    await log.database.close()
    await copy_database(server, name, f"{name}_backup")
    log = await log.opened_again()
    await publish(log, 300)
    published = log.see()
    await log.database.close()
    await copy_database(server, f"{name}_backup", name)
    log = await log.opened_again()
    await append_some(log.database, log.history, 400)  # recorded all the same, and waiting
    async with sequencer(log.urls, log.folder) as frozen:
        await frozen.until_said("AUDIT_FROZEN")
    assert log.see() == published
    await log.database.close()


async def test_an_upload_that_was_torn_is_written_again_whole(log: Log) -> None:
    await publish(log, 300)
    await append_some(log.database, log.history, 300)
    async with sequencer(log.urls, log.folder, at="uploaded") as killed:
        await killed.until_held()
        await killed.kill()
    for path in ("tile/entries/001", "tile/0/001", "tile/entries/002.p/88"):
        torn = log.folder / path
        torn.write_bytes(torn.read_bytes()[:100])  # as a store does that has no rename
    async with sequencer(log.urls, log.folder):
        await log.caught_up()
    log.history.check(log.folder)


async def test_a_bit_flipped_in_a_published_bundle_is_named_with_its_entry(log: Log) -> None:
    await publish(log, 300)
    place = log.folder / "tile" / "entries" / "000"
    data = bytearray(place.read_bytes())
    data[40] ^= 1
    place.write_bytes(data)
    report = verify_copy(lambda path: (log.folder / path).read_bytes(), None, KEYS)
    assert {(found.path, found.entry) for found in report.findings} >= {("tile/entries/000", 0)}
