"""The operator's check: a good log passes, and every kind of damage is named where it is."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls
from plugins.process import MASTER_KEY

from lotabots.audit import SYSTEM, Entry, Journal, LogReport, Sequencer, check_log, inspection
from lotabots.kernel import Kind, LotaError, format_time
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files, Folder, open_files
from lotabots.runtime.keyring import Keyring
from lotabots.tlog import Algorithm, CompactRange, NoteSigner

pytestmark = pytest.mark.anyio

SIGNERS = [
    NoteSigner(Algorithm.ED25519, "log.example", b"e" * 32),
    NoteSigner(Algorithm.ML_DSA_44, "log.example", b"m" * 32),
]
STEPS = (5, 540, 600)
SIZE = STEPS[-1]
OF_7 = "(select entry_id from audit.leaves where idx = 7)"


@dataclass
class Log:
    """A log of 600 published entries and one that waits."""

    urls: DatabaseUrls
    app: Database
    ordering: Database
    folder: Path
    files: Files

    async def fsck(self, **options: bool) -> LogReport:
        return await check_log(self.ordering, self.files, SIGNERS, **options)

    async def named(self) -> set[tuple[str, str]]:
        return {(found.code, found.where) for found in (await self.fsck()).findings}

    async def damage(self, *statements: str) -> None:
        """As whoever owns the database may, with every trigger and check out of the way."""
        await self.sql("set session_replication_role = replica", *statements)

    async def sql(self, *statements: str) -> Any:
        owner = await asyncpg.connect(self.urls.owner)
        try:
            for statement in statements[:-1]:
                await owner.execute(statement)
            return await owner.fetchval(statements[-1])
        finally:
            await owner.close()

    async def add(self, count: int) -> None:
        journal = Journal(Keyring(self.app, MASTER_KEY))
        actors = [SYSTEM, str(uuid4())]
        async with self.app.transaction(uuid4()) as tx:
            await journal.append_many(
                tx,
                [
                    Entry(
                        actor_ref=actors[number % 2],
                        verb="user.create" if number % 3 else "node.register",
                        subject_ref=f"user:{actors[1]}" if number % 3 else f"node:n{number}",
                        outcome="done",
                    )
                    for number in range(count)
                ],
            )

    async def publish(self) -> int:
        return await Sequencer(self.ordering, self.files, SIGNERS).run()

    async def waiting_id(self) -> UUID:
        return await self.sql("select entry_id from audit.pending")


@pytest.fixture
async def empty(fresh_database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Log]:
    folder = tmp_path / "log"
    app = await Database.open(fresh_database_urls.app)
    ordering = await Database.open(fresh_database_urls.sequencer)
    yield Log(fresh_database_urls, app, ordering, folder, Folder(folder))
    await ordering.close()
    await app.close()


@pytest.fixture
async def log(empty: Log) -> Log:
    before = 0
    for size in STEPS:
        await empty.add(size - before)
        assert await empty.publish() == size
        before = size
    await empty.add(1)
    return empty


@pytest.mark.parametrize("batch", [4096, 64, 1])
async def test_a_good_log_passes(log: Log, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(inspection, "BATCH", batch)
    report = await log.fsck(mending=True)
    assert (report.findings, report.untold, report.mended) == ((), 0, ())
    assert (report.entries, report.placed, report.waiting) == (SIZE + 1, SIZE, 1)
    assert (report.checkpoints, report.published, report.origin) == (3, SIZE, "log.example")


async def test_an_empty_log_and_one_that_was_never_published_pass(empty: Log) -> None:
    assert (await empty.fsck()).findings == ()
    await empty.add(3)
    report = await empty.fsck()
    assert (report.findings, report.waiting, report.published) == ((), 3, 0)


async def test_a_log_in_an_object_store_passes_and_is_mended(empty: Log) -> None:
    empty.files = files = open_files("memory:///")
    await empty.add(300)
    await empty.publish()
    assert (await empty.fsck()).findings == ()
    whole = files.read("tile/entries/000")
    files.put([("tile/entries/000", b"")])
    assert await empty.named() >= {("TLOG_BUNDLE", "tile/entries/000")}
    assert (await empty.fsck(mending=True)).mended == ("tile/entries/000",)
    assert files.read("tile/entries/000") == whole


async def test_a_server_may_go_on_meanwhile(log: Log) -> None:
    done = asyncio.Event()

    async def serve() -> None:
        while not done.is_set():
            await log.add(40)
            await log.publish()

    serving = asyncio.create_task(serve())
    try:
        for _ in range(5):
            report = await log.fsck(mending=True)
            assert (report.findings, report.mended) == ((), ())
            assert report.entries >= report.placed >= report.published >= SIZE
    finally:
        done.set()
        await serving


async def test_entries_of_version_1_pass(empty: Log) -> None:
    user, tenant, moment = str(uuid4()), uuid4(), utc_now()
    for actor, subject in (("system", "node:1"), (user, f"user:{user}")):
        said = {
            "version": 1, "id": str(uuid4()), "tenant": str(tenant), "at": format_time(moment),
            "actor": actor, "verb": "a.b", "subject": subject, "outcome": "done",
            "count": 1, "digests": {},
        }  # fmt: skip
        body = json.dumps(said, sort_keys=True, separators=(",", ":")).replace("'", "''")
        kind = actor if actor == "system" else "user"
        await empty.sql(
            "insert into audit.entries"
            " (id, tenant_id, at, actor_kind, verb, subject_ref, outcome, body, leaf) select"
            f" '{said['id']}', '{tenant}', '{moment.isoformat()}', '{kind}', 'a.b', '{subject}',"
            f" 'done', b, sha256('\\x00'::bytea || b) from convert_to('{body}', 'UTF8') b"
        )
    assert await empty.publish() == 2
    assert (await empty.fsck()).findings == ()


ANOTHER_BODY = "convert_to(replace(convert_from(body, 'UTF8'), '\"done\"', '\"dine\"'), 'UTF8')"
UNCHECKED = "alter table audit.entries drop constraint entries_check"
AFTER_7 = {
    ("AUDIT_CHECKPOINT_FALSE", "checkpoint 540"),
    ("AUDIT_CHECKPOINT_FALSE", "checkpoint 600"),
}
TREE = ("AUDIT_TREE_MISMATCH", "tree")

DAMAGE: dict[str, tuple[list[str], set[tuple[str, str]]]] = {
    "an altered entry": (
        [UNCHECKED, f"update audit.entries set body = {ANOTHER_BODY} where id = {OF_7}"],
        {("AUDIT_ALTERED", "entry 7")},
    ),
    "an altered entry with its leaf": (
        [
            f"update audit.entries set body = {ANOTHER_BODY}, outcome = 'dine',"
            f" leaf = sha256('\\x00'::bytea || {ANOTHER_BODY}) where id = {OF_7}"
        ],
        {("AUDIT_ALTERED", "entry 7")},
    ),
    "an altered entry with its leaf everywhere": (
        [
            f"update audit.entries set body = {ANOTHER_BODY}, outcome = 'dine',"
            f" leaf = sha256('\\x00'::bytea || {ANOTHER_BODY}) where id = {OF_7}",
            "update audit.leaves l set leaf = e.leaf from audit.entries e where id = l.entry_id",
        ],
        {TREE, *AFTER_7},
    ),
    "an entry that is gone": (
        [f"delete from audit.entries where id = {OF_7}"],
        {("AUDIT_ALTERED", "entry 7")},
    ),
    "another leaf": (
        ["update audit.leaves set leaf = sha256('') where idx = 7"],
        {("AUDIT_ALTERED", "entry 7"), TREE, *AFTER_7},
    ),
    "a leaf of another length": (
        [
            "alter table audit.leaves drop constraint leaves_leaf_check",
            "update audit.leaves set leaf = '' where idx = 7",
        ],
        {("AUDIT_ALTERED", "entry 7")},
    ),
    "two places exchanged": (
        [
            "create temp table t as select idx, entry_id from audit.leaves where idx in (7, 8)",
            "delete from audit.leaves where idx in (7, 8)",
            "insert into audit.leaves select idx, (select entry_id from t o where o.idx <> t.idx),"
            " (select leaf from audit.entries where id = t.entry_id) from t",
        ],
        {("AUDIT_ALTERED", "entry 7"), ("AUDIT_ALTERED", "entry 8")},
    ),
    "a stored state of another tree": (
        ["update audit.state set tree = set_byte(tree, 39, get_byte(tree, 39) # 1)"],
        {TREE},
    ),
    "a stored state of a smaller tree": (
        ["update audit.state set tree = '\\x0000000000000000'"],
        {TREE},
    ),
    "a stored state that is none": (["update audit.state set tree = '\\x00'"], {TREE}),
    "no stored state": (["delete from audit.state"], {TREE}),
    "a checkpoint with another root": (
        ["update audit.checkpoints set root = sha256('') where size = 540"],
        {("AUDIT_CHECKPOINT_FALSE", "checkpoint 540")},
    ),
    "a checkpoint with the note of another": (
        [
            "update audit.checkpoints set note ="
            " (select note from audit.checkpoints where size = 5) where size = 540"
        ],
        {("AUDIT_CHECKPOINT_FALSE", "checkpoint 540")},
    ),
    "a checkpoint with an altered note": (
        ["update audit.checkpoints set note = replace(note, '540', '541') where size = 540"],
        {("TLOG_SIGNATURE", "checkpoint 540")},
    ),
    "a checkpoint with a note that is none": (
        ["update audit.checkpoints set note = '' where size = 540"],
        {("TLOG_NOTE", "checkpoint 540")},
    ),
    "a checkpoint of more than there is": (
        ["insert into audit.checkpoints select 601, root, note from audit.checkpoints limit 1"],
        {("AUDIT_CHECKPOINT_FALSE", "checkpoint 601")},
    ),
    "no checkpoint for what is published": (
        ["delete from audit.checkpoints where size = 600"],
        {("AUDIT_FROZEN", "checkpoint")},
    ),
    **{
        f"an entry filed under another {column}": (
            [f"update audit.entries set {column} = {value} where id = {OF_7}"],
            {("AUDIT_MISFILED", "entry 7")},
        )
        for column, value in {
            "verb": "'a.b'",
            "outcome": "'refused'",
            "subject_ref": "'node:other'",
            "actor_kind": "'anonymous'",
            "tenant_id": "gen_random_uuid()",
            "at": "at + interval '1 microsecond'",
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
async def test_damage_to_the_database_is_named_and_nothing_else(log: Log, kind: str) -> None:
    statements, expected = DAMAGE[kind]
    before = {path: log.files.read(path) for path in log.files.paths()}
    await log.damage(*statements)
    assert await log.named() == expected
    (log.folder / "tile" / "0" / "000").unlink()
    report = await log.fsck(mending=True)
    assert report.mended == ()  # from a database that does not hold nothing is written
    assert {path: log.files.read(path) for path in log.files.paths()} == {
        path: data for path, data in before.items() if path != "tile/0/000"
    }


async def test_a_missing_place_and_the_entry_without_it_are_named(log: Log) -> None:
    lost = [await log.sql(f"select entry_id from audit.leaves where idx = {n}") for n in (7, 8)]
    await log.damage("delete from audit.leaves where idx in (7, 8)")
    assert await log.named() == {
        ("AUDIT_GAP", "entry 7"),
        *(("AUDIT_STRANDED", f"entry {entry}") for entry in lost),
    }


async def test_places_missing_at_the_end_are_named(log: Log) -> None:
    lost = await log.sql("select entry_id from audit.leaves where idx = 599")
    await log.damage("delete from audit.leaves where idx = 599")
    assert await log.named() == {
        TREE,
        ("AUDIT_CHECKPOINT_FALSE", "checkpoint 600"),
        ("AUDIT_STRANDED", f"entry {lost}"),
    }


async def test_an_entry_with_two_places_is_named(log: Log) -> None:
    await log.damage(
        "alter table audit.leaves drop constraint leaves_entry_id_key",
        "insert into audit.leaves select 600, entry_id, leaf from audit.leaves where idx = 7",
    )
    twice = await log.sql("select entry_id from audit.leaves where idx = 7")
    assert await log.named() == {TREE, ("AUDIT_GAP", f"entry {twice}")}


async def test_what_is_lost_from_the_queue_is_named(log: Log) -> None:
    lost = await log.waiting_id()
    await log.damage("delete from audit.pending")
    assert await log.named() == {("AUDIT_STRANDED", f"entry {lost}")}


async def test_what_waits_and_has_its_place_is_named(log: Log) -> None:
    twice = await log.sql("select entry_id from audit.leaves where idx = 7")
    await log.damage(
        "insert into audit.pending select position, id, leaf from audit.entries"
        f" where id = '{twice}'"
    )
    assert await log.named() == {("AUDIT_STRANDED", f"entry {twice}")}


async def test_what_waits_with_another_leaf_is_named(log: Log) -> None:
    await log.damage("update audit.pending set leaf = sha256('')")
    assert await log.named() == {("AUDIT_ALTERED", f"entry {await log.waiting_id()}")}


async def test_what_waits_and_is_no_entry_is_named(log: Log) -> None:
    invented = uuid4()
    await log.damage(f"insert into audit.pending values (-5, '{invented}', sha256(''))")
    assert await log.named() == {("AUDIT_ALTERED", f"entry {invented}")}


async def test_a_database_restored_from_an_older_backup_is_told_plainly(log: Log) -> None:
    joined = await log.sql(
        "select string_agg(leaf, ''::bytea order by idx) from audit.leaves where idx < 540"
    )
    leaves = [joined[at : at + 32] for at in range(0, len(joined), 32)]
    tree = CompactRange.EMPTY.extend(leaves).pack().hex()
    await log.damage(
        "delete from audit.pending",
        "delete from audit.entries e using audit.leaves where id = entry_id and idx >= 540",
        "delete from audit.entries where id not in (select entry_id from audit.leaves)",
        "delete from audit.leaves where idx >= 540",
        "delete from audit.checkpoints where size > 540",
        f"update audit.state set tree = '\\x{tree}'",
    )  # fmt: skip
    report = await log.fsck(mending=True)
    (found,) = report.findings
    assert (found.code, found.where) == ("AUDIT_FROZEN", "checkpoint")
    assert "600 entries are published, and the database has 540 of them" in found.detail
    assert "restored from an older backup" in found.detail


async def test_more_damage_than_can_be_listed_is_counted(log: Log) -> None:
    await log.damage("update audit.entries set verb = 'a.b'")
    report = await log.fsck()
    assert len(report.findings) == inspection.MOST_OF_A_CODE
    assert report.untold == SIZE + 1 - inspection.MOST_OF_A_CODE


async def test_each_damaged_file_is_named_and_written_again(log: Log) -> None:
    # A partial file that became full may be gone: what is left of it is held against the tree too.
    tiles = [path for path in log.files.paths() if path.startswith("tile/")]
    assert "tile/entries/002.p/28" in tiles
    for path in tiles:
        file = log.folder / path
        whole = file.read_bytes()
        for bad in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-1], b""):
            file.write_bytes(bad)
            assert path in {where for _, where in await log.named()}
            report = await log.fsck(mending=True)
            assert (report.findings, report.mended) == ((), (path,))
            assert file.read_bytes() == whole


async def test_files_that_are_missing_are_named_and_written_again(log: Log) -> None:
    whole = {path: log.files.read(path) for path in log.files.paths()}
    for path in whole:
        if path != "checkpoint" and ".p/28" not in path:
            (log.folder / path).unlink()
    code, where = "TLOG_FILE_MISSING", "tile/1/000.p/2"
    assert await log.named() >= {(code, where), ("AUDIT_KEYS_DIFFER", "log.vkey")}
    report = await log.fsck(mending=True)
    assert report.findings == ()
    assert len(report.mended) == 8
    assert {path: log.files.read(path) for path in log.files.paths()} == whole


async def test_keys_that_are_not_the_logs_are_named_and_written_again(log: Log) -> None:
    whole = (log.folder / "log.vkey").read_bytes()
    (log.folder / "log.vkey").write_bytes(whole.splitlines(keepends=True)[0])
    assert await log.named() == {("AUDIT_KEYS_DIFFER", "log.vkey")}
    assert (await log.fsck(mending=True)).mended == ("log.vkey",)
    assert (log.folder / "log.vkey").read_bytes() == whole


@pytest.mark.parametrize(
    ("note", "code"),
    [(b"", "TLOG_NOTE"), (None, "TLOG_FILE_MISSING"), (b"another", "TLOG_NOTE")],
)
async def test_a_checkpoint_that_is_no_longer_one_is_named_and_not_made_up(
    log: Log, note: bytes | None, code: str
) -> None:
    file = log.folder / "checkpoint"
    if note is None:
        file.unlink()
    else:
        file.write_bytes(note)
    report = await log.fsck(mending=True)
    assert {(found.code, found.where) for found in report.findings} == {(code, "checkpoint")}
    assert (report.published, report.mended) == (0, ())
    assert (file.read_bytes() if file.exists() else None) == note


async def test_the_checkpoint_of_another_log_is_named(log: Log) -> None:
    others = [NoteSigner(Algorithm.ED25519, "log.example", b"x" * 32)]
    report = await check_log(log.ordering, log.files, others)
    assert ("TLOG_UNSIGNED", "checkpoint") in {(f.code, f.where) for f in report.findings}


async def test_a_file_that_is_none_of_the_logs_is_named(log: Log) -> None:
    (log.folder / "tile" / "0" / "mine").write_text("dear to me")
    report = await log.fsck(mending=True)
    assert [(f.code, f.where) for f in report.findings] == [("TLOG_PATH", "tile/0/mine")]
    assert report.mended == ()


async def test_files_that_cannot_be_reached_are_no_finding(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_folder: Folder, _path: str) -> bytes:
        raise LotaError(Kind.UNAVAILABLE, "FILES_UNAVAILABLE", "The disk is away.")

    monkeypatch.setattr(Folder, "read", away)
    with pytest.raises(LotaError) as caught:
        await log.fsck()
    assert caught.value.code == "FILES_UNAVAILABLE"
