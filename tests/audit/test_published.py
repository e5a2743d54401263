"""The published log: receipts that hold wherever they are taken, or none at all."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.made_logs import KEYS, Log
from plugins.process import Tokens, assert_refused, calling

from lotabots import audit
from lotabots.audit import SYSTEM, Entry, Journal, Receipts, Sequencer, log_signers
from lotabots.audit.published import Placed, Published, drop_partials, tile_reader, tree_of
from lotabots.kernel import Kind, LotaError, Role
from lotabots.runtime.files import Files, Folder, open_files
from lotabots.runtime.process import Process
from lotabots.tlog import (
    EMPTY_ROOT,
    CompactRange,
    Receipt,
    read_head,
    tiles_for,
    verify_copy,
    verify_receipt,
)

pytestmark = pytest.mark.anyio


class Kept(Folder):
    """The files of a log that was made in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(Path("/nowhere"))
        self.files = files

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise LotaError(Kind.NOT_FOUND, "FILE_MISSING", "", path=path)
        return self.files[path]


@cache
def logged(size: int) -> Log:
    return Log([size])


SIZES = [*range(1, 20), 255, 256, 257, 511, 512, 513, 700, 65_535, 65_536, 65_537]


@pytest.mark.parametrize("size", SIZES)
def test_the_tree_of_what_is_published_is_the_one_that_was_signed(size: int) -> None:
    log = logged(size)
    files = Kept(log.files)
    published = Published.read(files, KEYS)
    assert (published.size, published.root) == (size, log.checkpoint().root)
    assert tree_of(tile_reader(files), published) == CompactRange.EMPTY.extend(log.leaves)


@given(st.integers(1, 1500))
def test_the_tree_of_any_size_comes_from_its_tiles(size: int) -> None:
    log = Log([size])
    files = Kept(log.files)
    tree = tree_of(tile_reader(files), Published.read(files, KEYS))
    assert tree == CompactRange.EMPTY.extend(log.leaves)
    assert tree.extend([b"\7" * 32]) == CompactRange.EMPTY.extend([*log.leaves, b"\7" * 32])


def test_nothing_is_published_before_the_first_checkpoint() -> None:
    published = Published.read(open_files("memory:///"), KEYS)
    assert published == (None, 0, EMPTY_ROOT)
    assert tree_of(tile_reader(open_files("memory:///")), published) == CompactRange.EMPTY


@given(st.integers(1, 700), st.data())
def test_a_tree_is_never_made_of_tiles_that_were_changed(size: int, data: st.DataObject) -> None:
    log = logged(700) if size > 256 else Log([size])
    tiles = sorted(path for path in log.files if path.startswith(("tile/0/", "tile/1/")))
    path = data.draw(st.sampled_from(tiles))
    changed = bytearray(log.files[path])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1
    whole, files = (
        tree_of(tile_reader(Kept(log.files)), Published.read(Kept(log.files), KEYS)),
        dict(log.files),
    )
    files[path] = bytes(changed)
    try:
        assert tree_of(tile_reader(Kept(files)), Published.read(Kept(files), KEYS)) == whole
    except LotaError as error:
        assert error.code == "AUDIT_ALTERED"  # noqa: PT017 - either is right


def test_partial_tiles_that_became_full_are_removed_and_can_still_be_read(files: Files) -> None:
    log = Log([5, 250, 256, 300, 513])
    published = [path for path in log.files if path.startswith("tile/")]
    for path in published:
        files.put([(path, log.files[path])])
    for old, new in ((0, 5), (5, 250), (250, 256), (256, 300), (300, 513)):
        drop_partials(files, old, new)
    left = {path for path in files.paths() if path.startswith("tile/")}
    assert {tile.path for tile in tiles_for(0, 513)} <= left
    assert {path for path in left if ".p/" in path and path.partition(".p/")[0] in left} == set()
    read = tile_reader(files)
    for path in published:
        assert read(path) == log.files[path], path
    files.put([("checkpoint", log.files["checkpoint"])])
    assert verify_copy(files.read, list(files.paths()), KEYS).findings == ()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("tile/0/009", "FILE_MISSING"),
        ("tile/0/009.p/3", "FILE_MISSING"),
        ("log.vkey", "FILE_MISSING"),
    ],
)
def test_what_was_never_there_cannot_be_read(files: Files, path: str, code: str) -> None:
    with pytest.raises(LotaError, match=code):
        tile_reader(files)(path)


async def add(process: Process, tenant: UUID, count: int) -> list[tuple[UUID, bytes]]:
    """Ids and bodies of that many new entries."""
    entries = [
        Entry(actor_ref=str(uuid4()) if n % 2 else SYSTEM, verb="a.b", subject_ref=f"node:n{n}",
              outcome="done")
        for n in range(count)
    ]  # fmt: skip
    async with process.database.transaction(tenant) as tx:
        appended = await Journal(process.keyring).append_many(tx, entries)
    return [(one.id, one.body) for one in appended]


async def publish(sequencer: Sequencer) -> int:
    while await sequencer.order():
        pass
    return await sequencer.publish()


async def receipt(process: Process, receipts: Receipts, tenant: UUID, entry: UUID) -> Placed:
    async with process.database.transaction(tenant) as tx:
        located = await receipts.locate(tx, entry)
    return await receipts.make(located)


def receipts_of(process: Process, files: Files | None = None) -> Receipts:
    return Receipts(files or process.log_files, log_signers(process.keyring, ""))


async def test_each_entry_has_a_receipt_that_proves_it_and_no_other(
    process: Process, sequencer: Sequencer
) -> None:
    tenant, receipts = uuid4(), receipts_of(process)
    keys = [signer.verifier for signer in log_signers(process.keyring, "")]
    added = await add(process, tenant, 270)
    size = await publish(sequencer)
    before = b""
    for entry, body in added[::13]:
        placed = await receipt(process, receipts, tenant, entry)
        proven = verify_receipt(placed.receipt, body, keys)
        assert (proven.index, proven.checkpoint.size) == (placed.index, size)
        assert Receipt.read(placed.receipt).extra == body
        with pytest.raises(LotaError, match="TLOG_"):
            verify_receipt(placed.receipt, before, keys)
        before = body


async def test_an_old_entry_has_a_receipt_under_every_newer_checkpoint(
    process: Process, sequencer: Sequencer
) -> None:
    tenant, receipts = uuid4(), receipts_of(process)
    keys = [signer.verifier for signer in log_signers(process.keyring, "")]
    [(entry, body)] = await add(process, tenant, 1)
    seen = []
    for more in (0, 1, 300, 7):
        await add(process, tenant, more)
        size = await publish(sequencer)
        placed = await receipt(process, receipts, tenant, entry)
        proven = verify_receipt(placed.receipt, body, keys)
        assert proven.checkpoint.size == size
        seen.append(proven.index)
    assert len(set(seen)) == 1


async def test_a_receipt_is_pending_until_a_checkpoint_holds_the_entry(
    process: Process, sequencer: Sequencer
) -> None:
    tenant, receipts = uuid4(), receipts_of(process)
    await publish(sequencer)
    [(entry, _)] = await add(process, tenant, 1)
    with pytest.raises(LotaError, match="RECEIPT_PENDING") as caught:
        await receipt(process, receipts, tenant, entry)
    assert caught.value.kind is Kind.CONFLICT
    await sequencer.order()
    with pytest.raises(LotaError, match="RECEIPT_PENDING"):
        await receipt(process, receipts, tenant, entry)
    await sequencer.publish()
    assert await receipt(process, receipts, tenant, entry)


async def test_a_receipt_is_pending_where_nothing_was_published_yet(
    process: Process, sequencer: Sequencer
) -> None:
    tenant = uuid4()
    [(entry, _)] = await add(process, tenant, 1)
    while await sequencer.order():
        pass
    with pytest.raises(LotaError, match="RECEIPT_PENDING"):
        await receipt(process, receipts_of(process), tenant, entry)


async def test_the_entry_of_another_tenant_is_unknown(
    process: Process, sequencer: Sequencer
) -> None:
    tenant, receipts = uuid4(), receipts_of(process)
    [(entry, _)] = await add(process, tenant, 1)
    await publish(sequencer)
    for stranger, wanted in ((uuid4(), entry), (tenant, uuid4())):
        with pytest.raises(LotaError, match="AUDIT_ENTRY_UNKNOWN") as caught:
            await receipt(process, receipts, stranger, wanted)
        assert caught.value.kind is Kind.NOT_FOUND


class Damaged(Folder):
    """The files of a log, of which a disk has damaged every tile of hashes."""

    def __init__(self, files: Files, damage: Callable[[bytes], bytes | None]) -> None:
        super().__init__(Path("/nowhere"))
        self._files = files
        self.damage: Callable[[bytes], bytes | None] | None = damage

    def read(self, path: str) -> bytes:
        data: bytes | None = self._files.read(path)
        if self.damage is not None and path.startswith(("tile/0", "tile/1")):
            data = self.damage(data or b"")
        if data is None:
            raise LotaError(Kind.NOT_FOUND, "FILE_MISSING", "", path=path)
        return data


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:-32] + bytes([data[-32] ^ 1]) + data[-31:],
        lambda data: data[:-1],
        lambda data: data + data[:32],
        lambda data: b"",
        lambda data: b"\0" * len(data),
        lambda data: None,
    ],
    ids=["first bit", "last hash", "torn", "longer", "empty", "zeros", "gone"],
)
async def test_a_damaged_tile_makes_no_receipt_and_is_said_to_be_damaged(
    process: Process, sequencer: Sequencer, damage: Callable[[bytes], bytes | None]
) -> None:
    tenant, disk = uuid4(), Damaged(process.log_files, damage)
    receipts = receipts_of(process, disk)
    keys = [signer.verifier for signer in log_signers(process.keyring, "")]
    added = await add(process, tenant, 300)
    await publish(sequencer)
    refused = 0
    for entry, body in (added[0], added[-1], added[150]):
        try:
            placed = await receipt(process, receipts, tenant, entry)
            verify_receipt(placed.receipt, body, keys)
        except LotaError as error:
            assert (error.code, error.kind) == ("AUDIT_DAMAGED", Kind.INTERNAL)  # noqa: PT017
            refused += 1
    assert refused > 0
    disk.damage = None  # it was restored, and nothing damaged is remembered
    for entry, body in (added[0], added[-1], added[150]):
        placed = await receipt(process, receipts, tenant, entry)
        verify_receipt(placed.receipt, body, keys)


async def test_a_checkpoint_of_which_a_bit_was_flipped_makes_no_receipt(
    process: Process, sequencer: Sequencer
) -> None:
    tenant = uuid4()
    [(entry, _)] = await add(process, tenant, 1)
    await publish(sequencer)
    note = process.log_files.read("checkpoint")
    for offset in (0, len(note) // 2, len(note) - 3):
        flipped = bytes([note[offset] ^ 1])
        process.log_files.put([("checkpoint", note[:offset] + flipped + note[offset + 1 :])])
        with pytest.raises(LotaError, match="AUDIT_DAMAGED"):
            await receipt(process, receipts_of(process), tenant, entry)
    process.log_files.put([("checkpoint", note)])
    assert await receipt(process, receipts_of(process), tenant, entry)


async def test_files_that_are_away_are_no_damage(process: Process, sequencer: Sequencer) -> None:
    tenant = uuid4()
    [(entry, _)] = await add(process, tenant, 1)
    await publish(sequencer)

    def away(_: bytes) -> bytes | None:
        raise LotaError(Kind.UNAVAILABLE, "FILES_UNAVAILABLE", "")

    with pytest.raises(LotaError, match="FILES_UNAVAILABLE"):
        await receipt(
            process, receipts_of(process, Damaged(process.log_files, away)), tenant, entry
        )


@pytest.fixture
async def client(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(process, [audit.service(process)]) as client:
        yield client


async def test_an_auditor_gets_the_receipt_of_an_entry_as_text(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens
) -> None:
    [(entry, body)] = await add(process, tokens.tenant, 1)
    path = f"/v1/audit/receipts/{entry}"
    assert_refused(await client.get(path, headers=tokens.of(Role.AUDITOR)), 409, "RECEIPT_PENDING")
    size = await publish(sequencer)
    answer = await client.get(path, headers=tokens.of(Role.AUDITOR))
    assert (answer.status_code, answer.headers["content-type"]) == (
        200,
        "text/plain; charset=utf-8",
    )
    assert answer.headers["cache-control"] == "no-store"
    keys = [signer.verifier for signer in log_signers(process.keyring, "")]
    assert verify_receipt(answer.text, body, keys).checkpoint.size == size
    head = read_head((await client.get("/v1/audit/checkpoint")).content)
    assert read_head(Receipt.read(answer.text).checkpoint) == head


async def test_nobody_else_gets_a_receipt(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens
) -> None:
    [(entry, _)] = await add(process, tokens.tenant, 1)
    await publish(sequencer)
    path = f"/v1/audit/receipts/{entry}"
    assert_refused(await client.get(path), 401, "TOKEN_ABSENT")
    for role in (Role.OPERATOR, Role.VIEWER, Role.AGENT):
        assert_refused(await client.get(path, headers=tokens.of(role)), 403, "PERMISSION_DENIED")
    other = replace(tokens, tenant=uuid4())
    assert_refused(await client.get(path, headers=other.of()), 404, "AUDIT_ENTRY_UNKNOWN")
