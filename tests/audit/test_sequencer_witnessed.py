"""A log with witnesses: nothing is published that a quorum has not seen, and no fork is signed."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from audit.log import SIGNERS, Killed, add, check, published, there
from audit.network import Network, address
from plugins.process import MASTER_KEY

from lotabots.audit import STEPS, SYSTEM, Entry, Journal, Receipts, Sequencer
from lotabots.audit.witnesses import Answer, Witnesses
from lotabots.kernel import LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files, Folder, open_files
from lotabots.runtime.keyring import Keyring
from lotabots.tlog import (
    Checkpoint,
    leaf_hash,
    root_of,
    sign_checkpoint,
    verify_receipt,
    write_submission,
)

pytestmark = pytest.mark.anyio

Owner = asyncpg.Connection


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    made = Network(tmp_path, [signer.verifier for signer in SIGNERS])
    yield made
    made.close()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Folder(tmp_path / "log")


def starting(
    ordering: Database,
    files: Files,
    network: Network,
    steps: Callable[[str], None] = lambda _: None,
) -> Sequencer:
    """A sequencer that has just started, whose policy asks for two of three witnesses."""
    witnesses = Witnesses(network.policy(2), network.post)
    return Sequencer(ordering, files, SIGNERS, witnesses, steps)


def show(network: Network, number: int, size: int) -> None:
    """Shows a witness another log of that size, signed with the keys of ours."""
    leaves = [leaf_hash(b"another history %d" % index) for index in range(size)]
    note = sign_checkpoint(Checkpoint(SIGNERS[0].verifier.name, size, root_of(leaves)), SIGNERS)
    assert network.post(address(number), write_submission(0, (), note)).status == 200


async def state(owner: Owner) -> list[int]:
    """How much waits, has its place, and was signed."""
    tables = ("pending", "leaves", "checkpoints")
    return [await owner.fetchval(f"select count(*) from audit.{table}") for table in tables]


async def test_every_checkpoint_is_cosigned_before_it_is_published(
    app: Database, ordering: Database, files: Files, network: Network
) -> None:
    one = starting(ordering, files, network)
    size = 0
    for more in (3, 6, 300, 0, 1):
        await add(app, more)
        size += more
        assert await one.run() == size
        check(files, size)
        assert network.policy(3).check(files.read("checkpoint")).size == size
        assert network.seen() == [size] * 3


async def test_a_receipt_carries_the_cosignatures_with_it(
    app: Database, ordering: Database, files: Files, network: Network
) -> None:
    tenant = uuid4()
    async with app.transaction(tenant) as tx:
        journal = Journal(Keyring(app, MASTER_KEY))
        entry = Entry(actor_ref=SYSTEM, verb="a.b", subject_ref="node:n1", outcome="done")
        appended = await journal.append(tx, entry)
    await starting(ordering, files, network).run()
    receipts = Receipts(files, SIGNERS)
    async with app.transaction(tenant) as tx:
        located = await receipts.locate(tx, appended.id)
    placed = await receipts.make(located)
    assert verify_receipt(placed.receipt, appended.body, network.policy(3)).index == 0


async def test_without_a_quorum_nothing_is_published_until_it_is_back(
    app: Database, ordering: Database, files: Files, network: Network, owner: Owner
) -> None:
    one = starting(ordering, files, network)
    await add(app, 3)
    await one.run()
    network.down = {address(0), address(1)}
    await add(app, 4)
    for _ in range(2):
        with pytest.raises(LotaError, match="WITNESS_QUORUM"):
            await one.run()
    assert published(files).size == 3
    assert await state(owner) == [0, 7, 2]  # entries get their places all the same
    network.down = {address(0)}
    assert await one.run() == 7
    check(files, 7)
    assert network.policy(2).check(files.read("checkpoint")).size == 7
    assert await state(owner) == [0, 7, 2]


async def test_the_first_checkpoint_waits_for_a_quorum_too(
    app: Database, ordering: Database, files: Files, network: Network
) -> None:
    network.down = {address(n) for n in range(3)}
    await add(app, 3)
    with pytest.raises(LotaError, match="WITNESS_QUORUM"):
        await starting(ordering, files, network).run()
    assert not there(files, "checkpoint")
    network.down = set()
    assert await starting(ordering, files, network).run() == 3
    check(files, 3)


async def test_whoever_starts_without_a_quorum_signs_nothing_new(
    app: Database, ordering: Database, files: Files, network: Network, owner: Owner
) -> None:
    await add(app, 3)
    await starting(ordering, files, network).run()
    network.down = {address(0), address(1)}
    await add(app, 2)
    one = starting(ordering, files, network)
    for work in (one.order, one.publish):
        with pytest.raises(LotaError, match="WITNESS_QUORUM"):
            await work()
    assert await state(owner) == [2, 3, 1]
    network.down = set()
    assert await one.run() == 5


@pytest.mark.parametrize("size", [3, 4, 9])
async def test_whoever_starts_where_a_witness_knows_another_or_a_larger_tree_signs_nothing(
    app: Database, ordering: Database, files: Files, network: Network, owner: Owner, size: int
) -> None:
    await add(app, 3)
    await Sequencer(ordering, files, SIGNERS).run()
    show(network, 1, size)  # as after a restore of database and files from one old backup
    await add(app, 2)
    one = starting(ordering, files, network)
    for work in (one.order, one.publish, one.run):
        with pytest.raises(LotaError, match="WITNESS_AHEAD") as caught:
            await work()
        assert caught.value.details["witness"] == "w1"
    assert await state(owner) == [2, 3, 1]
    check(files, 3)


async def test_a_new_database_under_old_keys_publishes_nothing(
    app: Database, ordering: Database, files: Files, network: Network
) -> None:
    for number in range(3):
        show(network, number, 9)
    await add(app, 3)
    with pytest.raises(LotaError, match="WITNESS_AHEAD"):
        await starting(ordering, files, network).run()
    await add(app, 20)  # larger than what they know, and another tree all the same
    with pytest.raises(LotaError, match="WITNESS_"):
        await starting(ordering, files, network).run()
    assert not there(files, "checkpoint")
    assert network.seen() == [9, 9, 9]


@pytest.mark.parametrize("step", STEPS)
async def test_a_run_that_ends_at_any_step_is_finished_by_the_next_without_an_alarm(
    app: Database, ordering: Database, files: Files, network: Network, step: str
) -> None:
    def die(at: str) -> None:
        if at == step:
            raise Killed

    await add(app, 3)
    await starting(ordering, files, network).run()
    await add(app, 5)
    with pytest.raises(Killed):
        await starting(ordering, files, network, die).run()
    await add(app, 2)
    assert await starting(ordering, files, network).run() == 10
    check(files, 10)
    assert network.policy(3).check(files.read("checkpoint")).size == 10


async def test_a_publisher_whom_another_has_overtaken_raises_no_alarm(
    app: Database, ordering: Database, files: Files, network: Network
) -> None:
    fast, loop = starting(ordering, files, network), asyncio.get_running_loop()
    overtake: list[Callable[[], object]] = []

    def post(url: str, body: bytes) -> Answer:
        if overtake:
            overtake.pop()()
        return network.post(url, body)

    slow = Sequencer(ordering, files, SIGNERS, Witnesses(network.policy(2), post))
    await add(app, 3)
    assert await slow.run() == 3

    async def publish_more() -> None:
        await add(app, 4)
        assert await fast.run() == 12

    overtake.append(lambda: asyncio.run_coroutine_threadsafe(publish_more(), loop).result(20))
    await add(app, 5)
    try:
        assert await slow.run() == 12
    except LotaError as error:
        assert error.code == "WITNESS_QUORUM"  # noqa: PT017 - not ahead: they are ours
    check(files, 12)
    await add(app, 1)
    assert await slow.run() == 13
    check(files, 13)


async def test_witnesses_that_are_added_later_are_told_all_of_it(
    app: Database, ordering: Database, network: Network
) -> None:
    files = open_files("memory:///")
    await add(app, 700)
    await Sequencer(ordering, files, SIGNERS).run()
    one = starting(ordering, files, network)
    assert await one.run() == 700
    await add(app, 1)
    assert await one.run() == 701
    assert network.policy(3).check(files.read("checkpoint")).size == 701
