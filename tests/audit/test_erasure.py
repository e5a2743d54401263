"""Someone is forgotten: nothing that is kept leads to them, and every receipt holds as before."""
# ruff: noqa: ASYNC240 - files are looked at when nothing else runs

import asyncio
import base64
import hashlib
import io
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from plugins.database import DatabaseUrls
from plugins.process import Tokens, assert_refused, calling, make_process

from lotabots import audit
from lotabots.audit import ANONYMOUS, SYSTEM, Entry, Journal, Receipts, Sequencer, log_signers
from lotabots.kernel import Role, canonical
from lotabots.runtime.database import Database
from lotabots.runtime.files import Folder
from lotabots.runtime.postgres import find_binaries
from lotabots.runtime.process import Process
from lotabots.tlog import NoteVerifier, Receipt, leaf_hash, verify_receipt

pytestmark = pytest.mark.anyio

ERASURES, ENTRIES = "/v1/audit/erasures", "/v1/audit/entries"
X, Y = str(uuid4()), str(uuid4())
ADDRESS, NOTE = "2001:db8:feed:f00d::abcd", "Eine unverwechselbare Nötiz, Zoë"
STRANGER = "198.51.100.213"
MARK = "node:something-that-stays"


@pytest.fixture
async def process(app: Database, log: io.BytesIO, tmp_path: Path) -> Process:
    """A process on a database of its own, which publishes to a folder."""
    return replace(make_process(app, log), log_files=Folder(tmp_path / "log"))


@pytest.fixture
async def client(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(process, [audit.service(process)]) as client:
        yield client


@pytest.fixture
def sequencer(process: Process, ordering: Database) -> Sequencer:
    return Sequencer(ordering, process.log_files, log_signers(process.keyring, ""))


@pytest.fixture
def keys(process: Process) -> list[NoteVerifier]:
    return [signer.verifier for signer in log_signers(process.keyring, "")]


PLANTED = (
    Entry(actor_ref=X, verb="session.open", subject_ref="token:t1", outcome="done",
          address=ADDRESS),
    Entry(actor_ref=X, verb="user.update", subject_ref=f"user:{X}", outcome="done", note=NOTE),
    Entry(actor_ref=Y, verb="user.update", subject_ref=f"user:{X}", outcome="done",
          address="192.0.2.44", note="by the other one"),
    Entry(actor_ref=SYSTEM, verb="user.remove", subject_ref=f"user:{X}", outcome="done"),
    Entry(actor_ref=ANONYMOUS, verb="caller.refuse", subject_ref=f"address:{STRANGER}",
          outcome="TOKEN_EXPIRED"),
    Entry(actor_ref=Y, verb="node.register", subject_ref=MARK, outcome="done"),
    Entry(actor_ref=X, verb="node.remove", subject_ref=MARK, outcome="done", address=ADDRESS,
          note=NOTE),
)  # fmt: skip
OF_X = {0: {"actor", "address"}, 1: {"actor", "subject", "note"}, 2: {"subject"}, 3: {"subject"},
        6: {"actor", "address", "note"}}  # fmt: skip
"""Which fields of which planted entries are about X."""


async def plant(process: Process, tenant: UUID, sequencer: Sequencer) -> list[UUID]:
    """The ids of the planted entries, once they are published."""
    journal, ids = Journal(process.keyring), []
    for some in (PLANTED[:3], PLANTED[3:]):
        async with process.database.transaction(tenant) as tx:
            ids += [one.id for one in await journal.append_many(tx, some)]
    await sequencer.run()
    return ids


async def shown(
    client: httpx.AsyncClient, tokens: Tokens, **query: str
) -> dict[str, dict[str, Any]]:
    """What an auditor is shown, by the id of the entry."""
    answer = await client.get(ENTRIES, params=query, headers=tokens.of(Role.AUDITOR))
    assert answer.status_code == 200, answer.text
    return {one["entry"]["id"]: one for one in answer.json()["entries"]}


async def erase(client: httpx.AsyncClient, tokens: Tokens, person: str, **other: Any) -> Any:
    body = {"person": person, "reason": "asked for on paper"}
    return await client.post(ERASURES, json=body, headers=tokens.of(Role.ADMIN, **other))


def prove(one: dict[str, Any]) -> None:
    """Every field that is shown in clear text is what the entry commits to, in the leaf."""
    assert leaf_hash(canonical(one["entry"])).hex() == one["leaf"]
    for name, field in one["disclosed"].items():
        opened = hashlib.sha256(bytes.fromhex(field["salt"]) + field["text"].encode())
        assert one["entry"][name].rpartition(":")[2] == opened.hexdigest()


def forms(value: bytes) -> set[bytes]:
    """The value as it could stand in a file: as it is, in hex, in base64 at any offset."""
    written = {value, value.hex().encode(), value.hex().upper().encode()}
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + value)
        inner = encoded[-(-offset * 8 // 6) : -4]  # less what the neighbours have a share in
        written |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return written


def of_uuid(value: str) -> list[bytes]:
    return [value.encode(), UUID(value).bytes, UUID(value).hex.encode()]


async def everything(urls: DatabaseUrls, folder: Path) -> list[bytes]:
    """All that is kept: each table, dumped in two ways, bytes decoded too, and each file."""
    found = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    owner = await asyncpg.connect(urls.owner)
    try:
        tables = await owner.fetch(
            "select schemaname as schema, tablename as name from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        )
        for table in tables:
            rows = io.BytesIO()
            await owner.copy_from_table(table["name"], schema_name=table["schema"], output=rows)
            found.append(rows.getvalue())
    finally:
        await owner.close()
    pg_dump = Path(find_binaries().program("pg_dump"))
    if pg_dump.exists():
        command = [pg_dump, "--data-only", "--inserts", urls.owner]
        ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
        found.append(ran.stdout)
    decoded = [
        bytes.fromhex(each.decode())
        for data in found
        for each in re.findall(rb"\\x((?:[0-9a-f]{2})+)", data)
    ]
    return [*found, b"\n".join(decoded)]


def holds(kept: Iterable[bytes], values: Iterable[bytes]) -> set[bytes]:
    """Those values that stand somewhere in what is kept, in whatever form."""
    whole = list(kept)
    return {
        value for value in values for form in forms(value) if any(form in data for data in whole)
    }


def test_a_value_is_seen_in_every_form_and_place() -> None:
    value = b"a value that is planted"
    for before in range(3):
        for data in (value, value.hex().encode(), base64.b64encode(bytes(before) + value + b"!")):
            assert holds([b"x" + data + b"x"], [value]) == {value}
    assert holds([b"a value that is not", value[:-1]], [value]) == set()


async def row_of(process: Process, tenant: UUID, kind: str, where: str) -> list[bytes]:
    """Everything that the database knows a person by: row id, secret, lookup, sealed texts."""
    async with process.database.transaction(tenant) as tx:
        [row] = await tx.fetch(
            "select id, lookup, secret, value from audit.persons where id ="
            f" (select {kind} from audit.mentions m join audit.entries e on e.id = m.entry_id"
            f" where {where} limit 1)"
        )
        texts = await tx.fetch("select texts from audit.mentions where actor = $1", row["id"])
    sealed = [bytes(one["texts"]) for one in texts if one["texts"] is not None]
    return [*of_uuid(str(row["id"])), row["lookup"], row["secret"], row["value"], *sealed]


async def test_after_an_erasure_nothing_that_is_kept_leads_to_the_person(
    client: httpx.AsyncClient,
    process: Process,
    sequencer: Sequencer,
    tokens: Tokens,
    tmp_path: Path,
    fresh_database_urls: DatabaseUrls,
) -> None:
    await plant(process, tokens.tenant, sequencer)
    row = await row_of(process, tokens.tenant, "actor", "verb = 'session.open'")
    planted = [*of_uuid(X), ADDRESS.encode(), NOTE.encode()]
    id_, known = row[0], row[3:]  # the id is written in one way only, while it is there
    before = await everything(fresh_database_urls, tmp_path / "log")
    # Who it is was sealed all the time; what the seal hangs on is there, and so is the rest.
    assert holds(before, planted) == set()
    assert holds(before, [id_, *known, MARK.encode()]) == {id_, *known, MARK.encode()}

    assert (await erase(client, tokens, f"user:{X}")).status_code == 201
    await sequencer.run()
    after = await everything(fresh_database_urls, tmp_path / "log")
    assert holds(after, [*planted, *row]) == set()
    assert holds(after, [MARK.encode()])


async def test_before_an_erasure_all_is_shown_and_proven_and_after_it_nothing(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens
) -> None:
    ids = [str(one) for one in await plant(process, tokens.tenant, sequencer)]
    before = await shown(client, tokens)
    for number, fields in OF_X.items():
        entry = PLANTED[number]
        texts = {"actor": X, "subject": X, "address": entry.address, "note": entry.note}
        disclosed = before[ids[number]]["disclosed"]
        assert {name: disclosed[name]["text"] for name in fields} == {
            name: texts[name] for name in fields
        }
    for one in before.values():
        prove(one)
    assert set(await shown(client, tokens, actor=X)) == {ids[0], ids[1], ids[6]}
    assert set(await shown(client, tokens, subject=f"user:{X}")) == {ids[1], ids[2], ids[3]}

    await erase(client, tokens, f"user:{X}")
    after = await shown(client, tokens)
    for number, id_ in enumerate(ids):
        gone = OF_X.get(number, set())
        assert after[id_]["entry"] == before[id_]["entry"]
        assert after[id_]["leaf"] == before[id_]["leaf"]
        assert after[id_]["index"] == before[id_]["index"] is not None
        kept = {name: f for name, f in before[id_]["disclosed"].items() if name not in gone}
        assert after[id_]["disclosed"] == kept
    assert await shown(client, tokens, actor=X) == {}
    assert await shown(client, tokens, subject=f"user:{X}") == {}
    assert set(await shown(client, tokens, actor=Y)) == {ids[2], ids[5]}
    assert set(await shown(client, tokens, subject=MARK)) == {ids[5], ids[6]}


async def test_every_receipt_from_before_holds_and_new_ones_are_made(
    client: httpx.AsyncClient,
    process: Process,
    sequencer: Sequencer,
    tokens: Tokens,
    keys: list[NoteVerifier],
) -> None:
    ids = await plant(process, tokens.tenant, sequencer)

    async def receipts() -> list[str]:
        made = []
        for one in ids:
            answer = await client.get(f"/v1/audit/receipts/{one}", headers=tokens.of(Role.AUDITOR))
            assert answer.status_code == 200, answer.text
            made.append(answer.text)
        return made

    old = await receipts()
    await erase(client, tokens, f"user:{X}")
    await sequencer.run()
    for place, (before, after) in enumerate(zip(old, await receipts(), strict=True)):
        entry = Receipt.read(before).extra
        assert entry is not None
        assert Receipt.read(after).extra == entry
        assert verify_receipt(before, entry, keys).index == place
        assert verify_receipt(after, entry, keys).index == place


async def test_an_erasure_is_an_entry_that_names_who_did_it_and_not_whom(
    client: httpx.AsyncClient,
    process: Process,
    sequencer: Sequencer,
    tokens: Tokens,
    keys: list[NoteVerifier],
) -> None:
    await plant(process, tokens.tenant, sequencer)
    admin = uuid4()
    answer = await erase(client, tokens, f"user:{X}", user_id=admin)
    erased = answer.json()
    assert (answer.status_code, set(erased)) == (201, {"entry", "leaf"})
    one = (await shown(client, tokens, verb="person.erase"))[erased["entry"]]
    prove(one)
    assert one["leaf"] == erased["leaf"]
    assert (one["entry"]["outcome"], one["entry"]["count"]) == ("done", 6)
    assert re.fullmatch(r"erasure:[0-9a-f-]{36}", one["entry"]["subject"])
    assert {name: field["text"] for name, field in one["disclosed"].items()} == {
        "actor": str(admin), "note": "asked for on paper", "address": "127.0.0.1",
    }  # fmt: skip
    assert X not in json.dumps(one)
    await sequencer.run()
    receipts = Receipts(process.log_files, log_signers(process.keyring, ""))
    async with process.database.transaction(tokens.tenant) as tx:
        located = await receipts.locate(tx, UUID(erased["entry"]))
    placed = await receipts.make(located)
    assert verify_receipt(placed.receipt, canonical(one["entry"]), keys).index == placed.index


async def test_a_network_address_is_forgotten_alike(
    client: httpx.AsyncClient,
    process: Process,
    sequencer: Sequencer,
    tokens: Tokens,
    tmp_path: Path,
    fresh_database_urls: DatabaseUrls,
) -> None:
    ids = await plant(process, tokens.tenant, sequencer)
    row = await row_of(process, tokens.tenant, "subject", "verb = 'caller.refuse'")
    found = await shown(client, tokens, subject=f"address:{STRANGER}")
    assert found[str(ids[4])]["disclosed"]["subject"]["text"] == STRANGER
    assert (await erase(client, tokens, f"address:{STRANGER}")).status_code == 201
    assert await shown(client, tokens, subject=f"address:{STRANGER}") == {}
    assert (await shown(client, tokens, outcome="TOKEN_EXPIRED"))[str(ids[4])]["disclosed"] == {}
    kept = await everything(fresh_database_urls, tmp_path / "log")
    assert holds(kept, [STRANGER.encode(), *row]) == set()
    assert len(await shown(client, tokens, actor=X)) == 3


async def test_nobody_is_erased_twice(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens
) -> None:
    await plant(process, tokens.tenant, sequencer)
    assert (await erase(client, tokens, f"user:{X}")).status_code == 201
    assert_refused(await erase(client, tokens, f"user:{X}"), 404, "PERSON_UNKNOWN")
    assert len(await shown(client, tokens, verb="person.erase")) == 1


async def test_a_user_is_erased_however_the_id_is_written(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens
) -> None:
    await plant(process, tokens.tenant, sequencer)
    assert len(await shown(client, tokens, actor=X.upper())) == 3
    assert_refused(
        await erase(client, tokens, f"user:{X.upper()}", user_id=UUID(X)), 400, "ERASURE_OF_SELF"
    )
    assert (await erase(client, tokens, f"user:{X.upper()}")).status_code == 201
    assert await shown(client, tokens, actor=X) == {}


@pytest.mark.parametrize("person", ["user:{}", "address:203.0.113.1", "address:ü", "user:x"])
async def test_a_person_whom_no_entry_mentions_is_unknown(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens, person: str
) -> None:
    await plant(process, tokens.tenant, sequencer)
    assert_refused(await erase(client, tokens, person.format(uuid4())), 404, "PERSON_UNKNOWN")


async def test_an_administrator_is_erased_by_another(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens
) -> None:
    await plant(process, tokens.tenant, sequencer)
    refused = await erase(client, tokens, f"user:{X}", user_id=UUID(X))
    assert_refused(refused, 400, "ERASURE_OF_SELF")
    assert len(await shown(client, tokens, actor=X)) == 3
    assert (await erase(client, tokens, f"user:{X}", user_id=UUID(Y))).status_code == 201


@pytest.mark.parametrize(
    "person",
    [
        "node:n1",
        "user:",
        "user",
        "b108644a-6afb-471d-9fb2-7422c14e84d1",
        "User:x",
        ":x",
        MARK,
        "system",
    ],
)
async def test_what_names_no_person_is_refused(
    client: httpx.AsyncClient, process: Process, tokens: Tokens, person: str
) -> None:
    assert_refused(await erase(client, tokens, person), 400, "PERSON_UNNAMED")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"person": f"user:{X}"}, "REQUEST_BODY_INVALID"),
        ({"reason": "why"}, "REQUEST_BODY_INVALID"),
        ({"person": "", "reason": "why"}, "REQUEST_BODY_INVALID"),
        ({"person": f"user:{X}", "reason": ""}, "REQUEST_BODY_INVALID"),
        ({"person": f"user:{X}", "reason": "x" * 1025}, "REQUEST_BODY_INVALID"),
        ({"person": "user:" + "x" * 252, "reason": "why"}, "REQUEST_BODY_INVALID"),
        ({"person": f"user:{X}", "reason": "a\0b"}, "REQUEST_TEXT_NUL"),
        ({"person": f"user:{X}", "reason": "why", "tenant": "other"}, "REQUEST_BODY_INVALID"),
        ({"person": 5, "reason": "why"}, "REQUEST_BODY_INVALID"),
    ],
)
async def test_an_erasure_that_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, body: dict[str, object], code: str
) -> None:
    assert_refused(await client.post(ERASURES, json=body, headers=tokens.of()), 400, code)


async def test_a_reason_that_has_no_utf_8_is_refused(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens
) -> None:
    await plant(process, tokens.tenant, sequencer)
    body = f'{{"person": "user:{X}", "reason": "\\ud800"}}'
    headers = tokens.of() | {"content-type": "application/json"}
    answer = await client.post(ERASURES, content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    assert len(await shown(client, tokens, actor=X)) == 3


async def test_another_tenant_cannot_erase(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens
) -> None:
    await plant(process, tokens.tenant, sequencer)
    other = Tokens(tokens.key, uuid4())
    assert_refused(await erase(client, other, f"user:{X}"), 404, "PERSON_UNKNOWN")
    await plant(process, other.tenant, sequencer)
    assert (await erase(client, other, f"user:{X}")).status_code == 201
    assert len(await shown(client, tokens, actor=X)) == 3
    assert await shown(client, other, actor=X) == {}


@pytest.mark.parametrize("role", [role for role in Role if role not in {Role.OWNER, Role.ADMIN}])
async def test_only_an_owner_or_administrator_may_erase(
    client: httpx.AsyncClient, process: Process, sequencer: Sequencer, tokens: Tokens, role: Role
) -> None:
    await plant(process, tokens.tenant, sequencer)
    body = {"person": f"user:{X}", "reason": "why"}
    answer = await client.post(ERASURES, json=body, headers=tokens.of(role))
    assert_refused(answer, 403, "PERMISSION_DENIED")
    assert_refused(await client.post(ERASURES, json=body), 401, "TOKEN_ABSENT")
    assert len(await shown(client, tokens, actor=X)) == 3
