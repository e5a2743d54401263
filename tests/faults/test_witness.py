"""A log with a witness: it remembers what a restored backup has forgotten, and no kill more."""

from pathlib import Path

import pytest
from faults.backup import backup
from faults.load import append_some, load
from faults.log import Log
from faults.sequencer import check, publish_all, sequencer
from faults.witness import Watching, witness

from lotabots.runtime.postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio


async def publish(log: Log, watching: Watching, count: int) -> None:
    """Appends so many entries, and publishes them with a cosignature."""
    await append_some(log, count)
    await publish_all(log, watching.policy)


async def test_a_log_restored_with_all_that_it_had_published_is_frozen_by_its_witness(
    server: EmbeddedPostgres, log: Log, tmp_path: Path
) -> None:
    with witness(tmp_path / "witness") as watching:
        await publish(log, watching, 300)
        async with backup(server, log) as old:
            await publish(old.log, watching, 300)
            old.log = log = await old.restore(published=True)
            published = (log.folder / "checkpoint").read_bytes()
            await append_some(log, 400)
            async with sequencer(log, witnesses=watching.policy, both_loops=True) as frozen:
                await frozen.until_said("WITNESS_AHEAD", times=2)  # each of the two loops
                await frozen.until_said("begun", times=20)
            assert (log.folder / "checkpoint").read_bytes() == published
            assert (len(await log.placed()), await log.signed()) == (300, 300)
            assert watching.size == 600


@pytest.mark.parametrize("step", ["signed", "uploaded", "cosigned"])
async def test_a_sequencer_killed_at_a_step_is_not_frozen_by_what_its_witness_has_seen(
    log: Log, tmp_path: Path, step: str
) -> None:
    with witness(tmp_path / "witness") as watching:
        await publish(log, watching, 300)
        await append_some(log, 300)
        async with sequencer(log, at=step, witnesses=watching.policy) as killed:
            await killed.until_held()
            await killed.kill()
        await append_some(log, 10)
        await check(log, watching.policy)


async def test_two_servers_with_one_witness_do_not_take_each_other_for_a_fork(
    log: Log, tmp_path: Path
) -> None:
    with witness(tmp_path / "witness") as watching:
        async with (
            load(log, seed=1),
            sequencer(log, witnesses=watching.policy, both_loops=True) as one,
            sequencer(log, witnesses=watching.policy, both_loops=True) as two,
        ):
            for _ in range(20):
                await log.grown(beyond=log.see().size)
        assert "published" in one.steps
        assert "published" in two.steps
        assert "WITNESS_AHEAD" not in one.steps + two.steps
        await check(log, watching.policy)
