"""What stops the sequencer: a database that is not the log's, and entries that somebody edited."""

from uuid import uuid4

import asyncpg
import pytest
from audit.log import SIGNERS, Killed, add, check, published, there

from lotabots.audit import Sequencer
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files
from lotabots.tlog import EMPTY_ROOT, Algorithm, Checkpoint, NoteSigner, sign_checkpoint

pytestmark = pytest.mark.anyio

Owner = asyncpg.Connection


async def waiting(owner: Owner) -> int:
    return int(await owner.fetchval("select count(*) from audit.pending"))


async def test_a_database_behind_the_published_log_orders_and_signs_nothing(
    app: Database, ordering: Database, files: Files, owner: Owner
) -> None:
    await add(app, 3)
    running = Sequencer(ordering, files, SIGNERS)
    await running.run()
    await owner.execute("delete from audit.checkpoints")  # as a restored backup has it
    await add(app, 3)
    for one in (Sequencer(ordering, files, SIGNERS), running):
        for work in (one.order, one.publish, one.run):
            with pytest.raises(LotaError, match="AUDIT_FROZEN") as caught:
                await work()
            assert caught.value.details["published"] == 3
    assert await waiting(owner) == 3
    assert await owner.fetchval("select count(*) from audit.checkpoints") == 0
    check(files, 3)


async def test_a_database_that_signed_another_tree_of_the_published_size_signs_nothing(
    app: Database, ordering: Database, files: Files, owner: Owner
) -> None:
    await add(app, 3)
    await Sequencer(ordering, files, SIGNERS).run()
    await owner.execute("update audit.checkpoints set root = sha256('another tree')")
    await add(app, 3)
    one = Sequencer(ordering, files, SIGNERS)
    for work in (one.order, one.publish):
        with pytest.raises(LotaError, match="AUDIT_FROZEN"):
            await work()
    assert await waiting(owner) == 3


OTHERS = [NoteSigner(Algorithm.ED25519, "log.example", b"x" * 32)]
ELSEWHERE = [NoteSigner(one.verifier.algorithm, "other.example", b"e" * 32) for one in SIGNERS]


@pytest.mark.parametrize("signers", [OTHERS, ELSEWHERE, SIGNERS, []])
async def test_a_published_checkpoint_that_this_log_did_not_sign_freezes_it(
    app: Database,
    ordering: Database,
    files: Files,
    owner: Owner,
    signers: list[NoteSigner],
) -> None:
    await add(app, 3)
    note = b"no checkpoint"
    if signers:
        forged = Checkpoint(signers[0].verifier.name, 2, EMPTY_ROOT)
        note = sign_checkpoint(forged, signers).encode()
    files.put([("checkpoint", note)])
    one = Sequencer(ordering, files, SIGNERS)
    for work in (one.order, one.publish):
        with pytest.raises(LotaError, match="AUDIT_FROZEN"):
            await work()
    assert (await waiting(owner), files.read("checkpoint")) == (3, note)
    assert await owner.fetchval("select count(*) from audit.checkpoints") == 0
    assert not there(files, "tile/entries/000.p/3")


FORGED = "convert_to(replace(convert_from(body, 'UTF8'), 'node:n2', 'node:x2'), 'UTF8')"
EDIT_ENTRY = (
    f"update audit.entries set body = {FORGED}, leaf = sha256('\\x00'::bytea || {FORGED})"
    " where subject_ref = 'node:n2'"
)
EDIT_LEAF = "update audit.leaves l set leaf = e.leaf from audit.entries e where e.id = l.entry_id"
SWAP_PLACES = "update audit.leaves set idx = case idx when 5 then 6 else 5 end where idx in (5, 6)"


@pytest.mark.parametrize(
    "edit",
    [
        EDIT_ENTRY,
        f"{EDIT_ENTRY}; {EDIT_LEAF}",
        "delete from audit.entries where subject_ref = 'node:n2'",
        "alter table audit.leaves drop constraint leaves_pkey;" + SWAP_PLACES,
        "delete from audit.leaves where idx = (select max(idx) from audit.leaves)",
    ],
)
@pytest.mark.parametrize("signed", [False, True])
async def test_an_entry_that_was_edited_between_its_place_and_its_upload_is_not_published(
    app: Database,
    ordering: Database,
    files: Files,
    owner: Owner,
    edit: str,
    signed: bool,
) -> None:
    def die(at: str) -> None:
        if signed and at == "signed":
            raise Killed

    await add(app, 4)
    one = Sequencer(ordering, files, SIGNERS)
    await one.run()
    await owner.execute("update audit.entries set subject_ref = 'done:' || subject_ref")
    await add(app, 6)
    await one.order()
    if signed:
        with pytest.raises(Killed):
            await Sequencer(ordering, files, SIGNERS, steps=die).publish()
    await owner.execute(edit)
    for publisher in (one, Sequencer(ordering, files, SIGNERS)):
        with pytest.raises(LotaError, match="AUDIT_ALTERED") as caught:
            await publisher.publish()
        assert caught.value.kind is Kind.CONFLICT
    check(files, 4)
    assert not there(files, "tile/entries/000.p/10")
    assert not there(files, "tile/0/000.p/10")


async def test_the_log_goes_on_once_what_was_edited_is_restored(
    app: Database, ordering: Database, files: Files, owner: Owner
) -> None:
    await add(app, 6)
    one = Sequencer(ordering, files, SIGNERS)
    await one.order()
    await owner.execute("create table kept as select id, body, leaf from audit.entries")
    await owner.execute(EDIT_ENTRY)
    with pytest.raises(LotaError, match="AUDIT_ALTERED"):
        await one.publish()
    await owner.execute(
        "update audit.entries e set body = k.body, leaf = k.leaf from kept k where k.id = e.id"
    )
    assert await one.publish() == 6
    check(files, 6)


async def test_tiles_that_are_not_those_that_were_signed_are_not_built_upon(
    app: Database, ordering: Database, files: Files
) -> None:
    await add(app, 5)
    await Sequencer(ordering, files, SIGNERS).run()
    whole = files.read("tile/0/000.p/5")
    files.put([("tile/0/000.p/5", b"\1" * 32 + whole[32:])])
    await add(app, 1)
    with pytest.raises(LotaError, match="AUDIT_ALTERED"):
        await Sequencer(ordering, files, SIGNERS).run()
    assert published(files).size == 5
    files.put([("tile/0/000.p/5", whole)])
    await Sequencer(ordering, files, SIGNERS).run()
    check(files, 6)


@pytest.mark.parametrize(
    "statement",
    [
        "delete from audit.pending",
        "insert into audit.pending values (1, gen_random_uuid(), sha256(''))",
        "insert into audit.leaves values (0, gen_random_uuid(), sha256(''))",
        "update audit.state set tree = ''",
        "insert into audit.checkpoints values (1, sha256(''), '')",
    ],
)
async def test_a_service_can_neither_order_nor_sign(app: Database, statement: str) -> None:
    with pytest.raises(LotaError, match="DATABASE_FAILED"):
        async with app.transaction(uuid4()) as tx:
            await tx.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select * from audit.persons",
        "select * from audit.mentions",
        "delete from audit.entries",
        "insert into audit.pending values (1, gen_random_uuid(), sha256(''))",
        "update audit.checkpoints set note = ''",
        "update audit.leaves set idx = idx + 1",
    ],
)
async def test_the_role_that_orders_may_do_nothing_else(ordering: Database, statement: str) -> None:
    with pytest.raises(LotaError, match="DATABASE_FAILED"):
        async with ordering.transaction(None) as tx:
            await tx.execute(statement)
