"""The audit log over HTTP: filters, pages, leaves that anyone can recompute, and the log itself."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from plugins.process import Tokens, assert_refused, calling

from lotabots import audit
from lotabots.audit import ANONYMOUS, SYSTEM, Entry, Journal, Sequencer, log_signers
from lotabots.kernel import Role, canonical, format_time
from lotabots.runtime.process import Process
from lotabots.tlog import (
    Algorithm,
    HashReader,
    NoteVerifier,
    entries_path,
    leaf_hash,
    open_checkpoint,
    prove_inclusion,
    read_bundle,
    tile_path,
    tiles_for,
    verify_inclusion,
)

pytestmark = pytest.mark.anyio

PATH = "/v1/audit/entries"


@pytest.fixture
async def client(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(process, [audit.service(process)]) as client:
        yield client


@pytest.fixture
async def actor(process: Process, journal: Journal, tokens: Tokens) -> str:
    """Whoever did the odd ones of nine things, one second apart in the log."""
    actor = str(uuid4())
    for number in range(9):
        async with process.database.transaction(tokens.tenant) as tx:
            await journal.append(
                tx,
                Entry(
                    actor_ref=actor if number % 2 else str(uuid4()),
                    verb="node.register" if number < 5 else "node.remove",
                    subject_ref=f"node:n{number % 3}",
                    outcome="done" if number != 4 else "refused",
                ),
            )
    return actor


async def found(client: httpx.AsyncClient, tokens: Tokens, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(PATH, params=query, headers=tokens.of(Role.AUDITOR))
    assert answer.status_code == 200, answer.text
    return [one["entry"] for one in answer.json()["entries"]]


async def test_entries_come_newest_first(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    subjects = [entry["subject"] for entry in await found(client, tokens)]
    assert subjects == [f"node:n{number % 3}" for number in reversed(range(9))]


async def test_each_filter_narrows_and_all_hold_together(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    assert len(await found(client, tokens, actor=actor)) == 4
    assert len(await found(client, tokens, subject="node:n0")) == 3
    assert len(await found(client, tokens, verb="node.remove")) == 4
    assert len(await found(client, tokens, outcome="refused")) == 1
    assert len(await found(client, tokens, actor=actor, verb="node.remove")) == 2
    assert await found(client, tokens, actor=str(uuid4())) == []


async def test_times_bound_the_entries_with_the_end_left_out(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    every = await found(client, tokens)
    middle = every[4]["at"]
    assert await found(client, tokens, until=middle) == every[5:]
    assert await found(client, tokens, since=middle) == every[:5]


async def test_pages_join_to_the_whole_without_gap_or_repeat(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    every, joined, query = await found(client, tokens), [], {"limit": "4"}
    while True:
        page = (await client.get(PATH, params=query, headers=tokens.of())).json()
        joined += [one["entry"] for one in page["entries"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert joined == every


async def test_the_last_page_names_no_further_one_also_where_it_is_full(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    for limit, entries, more in ((8, 8, True), (9, 9, False), (10, 9, False), (200, 9, False)):
        page = (await client.get(PATH, params={"limit": limit}, headers=tokens.of())).json()
        assert (len(page["entries"]), page["next"] is not None) == (entries, more)


async def test_anyone_can_recompute_a_leaf_from_the_entry(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    answer = await client.get(PATH, headers=tokens.of())
    for one in answer.json()["entries"]:
        assert leaf_hash(canonical(one["entry"])).hex() == one["leaf"]
        assert UUID(one["entry"]["tenant"]) == tokens.tenant


async def test_another_tenant_sees_none_of_it_and_cannot_page_into_it(
    client: httpx.AsyncClient, tokens: Tokens, actor: str
) -> None:
    other = Tokens(tokens.key, uuid4())
    mine = (await found(client, tokens))[0]["id"]
    assert await found(client, other) == []
    assert await found(client, other, after=mine) == []


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER, Role.AGENT])
async def test_only_those_who_may_read_the_log_get_it(
    client: httpx.AsyncClient, tokens: Tokens, role: Role
) -> None:
    assert_refused(await client.get(PATH, headers=tokens.of(role)), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "REQUEST_PARAMETER"),
        ("limit=201", "REQUEST_PARAMETER"),
        ("limit=x", "REQUEST_PARAMETER"),
        ("after=not-a-uuid", "REQUEST_PARAMETER"),
        ("actor=", "REQUEST_PARAMETER"),
        (f"actor={'a' * 257}", "REQUEST_PARAMETER"),
        ("since=yesterday", "TIME_MALFORMED"),
        ("since=2026-01-01T00:00:00", "TIME_MALFORMED"),
        ("until=0", "TIME_MALFORMED"),
        ("actr=a", "REQUEST_PARAMETER"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, tokens: Tokens, query: str, code: str
) -> None:
    answer = await client.get(f"{PATH}?{query}", headers=tokens.of())
    assert_refused(answer, 400, code)


async def test_times_with_an_offset_are_understood(
    client: httpx.AsyncClient, tokens: Tokens, actor: str, process: Process
) -> None:
    assert len(await found(client, tokens, since="2020-01-01T00:00:00+02:00")) == 9
    assert await found(client, tokens, until=format_time(process.clock().replace(year=2020))) == []


async def append(process: Process, tenant: UUID, *entries: Entry) -> list[str]:
    async with process.database.transaction(tenant) as tx:
        appended = await Journal(process.keyring).append_many(tx, entries)
    return [str(one.id) for one in appended]


def made(actor: str, subject: str = "node:n1") -> Entry:
    return Entry(actor_ref=actor, verb="a.b", subject_ref=subject, outcome="done")


async def ids(client: httpx.AsyncClient, tokens: Tokens, **query: Any) -> list[str]:
    return [entry["id"] for entry in reversed(await found(client, tokens, **query))]


async def test_entries_are_found_by_who_did_it_and_to_whom_it_was_done(
    client: httpx.AsyncClient, tokens: Tokens, process: Process
) -> None:
    one, two = str(uuid4()), str(uuid4())
    system, nobody, first, second, third = await append(
        process, tokens.tenant,
        made(SYSTEM, f"user:{one}"), made(ANONYMOUS, "address:203.0.113.9"), made(one),
        made(one, f"user:{two}"), made(two, f"user:{one}"),
    )  # fmt: skip
    assert await ids(client, tokens, actor="system") == [system]
    assert await ids(client, tokens, actor="anonymous") == [nobody]
    assert await ids(client, tokens, actor=one) == [first, second]
    assert await ids(client, tokens, actor=f"user:{one}") == [first, second]
    assert await ids(client, tokens, actor=two) == [third]
    assert await ids(client, tokens, subject=f"user:{one}") == [system, third]
    assert await ids(client, tokens, subject=f"user:{two}") == [second]
    assert await ids(client, tokens, subject="address:203.0.113.9") == [nobody]
    assert await ids(client, tokens, actor=one, subject=f"user:{two}") == [second]
    assert await ids(client, tokens, actor="system", subject=f"user:{one}") == [system]
    # An address is something that was refused, and never who did it.
    assert await ids(client, tokens, actor="address:203.0.113.9") == []


@pytest.mark.parametrize("name", ["actor", "subject"])
@pytest.mark.parametrize("person", ["user:{}", "address:203.0.113.250", "user:*", "user:%"])
async def test_a_person_whom_no_entry_mentions_is_found_in_none(
    client: httpx.AsyncClient, tokens: Tokens, actor: str, name: str, person: str
) -> None:
    assert await found(client, tokens, **{name: person.format(uuid4())}) == []


async def test_pages_by_a_person_join_to_the_whole_too(
    client: httpx.AsyncClient, tokens: Tokens, process: Process
) -> None:
    actor = str(uuid4())
    whole = await append(
        process, tokens.tenant, *[made(actor if n % 3 else str(uuid4())) for n in range(18)]
    )
    query, joined = {"actor": actor, "limit": "5"}, []
    while query:
        page = (await client.get(PATH, params=query, headers=tokens.of())).json()
        joined += [one["entry"]["id"] for one in page["entries"]]
        query = query | {"after": page["next"]} if page["next"] else {}
    assert joined == [id_ for n, id_ in enumerate(whole) if n % 3][::-1]


async def test_what_is_personal_is_disclosed_with_what_proves_it_against_the_entry(
    client: httpx.AsyncClient, tokens: Tokens, process: Process
) -> None:
    actor, subject = str(uuid4()), str(uuid4())
    texts = {"actor": actor, "subject": subject, "address": "2001:db8::7", "note": "weil nötig ✓"}
    await append(
        process, tokens.tenant,
        Entry(actor_ref=actor, verb="a.b", subject_ref=f"user:{subject}", outcome="done",
              address=texts["address"], note=texts["note"]),
    )  # fmt: skip
    [one] = (await client.get(PATH, headers=tokens.of(Role.AUDITOR))).json()["entries"]
    assert {name: shown["text"] for name, shown in one["disclosed"].items()} == texts
    assert len({shown["salt"] for shown in one["disclosed"].values()}) == 4
    for name, shown in one["disclosed"].items():
        opened = hashlib.sha256(bytes.fromhex(shown["salt"]) + shown["text"].encode()).hexdigest()
        assert one["entry"][name].removeprefix("user:") == opened
    assert not set(texts.values()) & set(json.dumps(one["entry"], ensure_ascii=False).split('"'))


async def test_an_entry_of_version_1_is_shown_as_it_was_written(
    client: httpx.AsyncClient, tokens: Tokens, process: Process
) -> None:
    id_, actor = str(uuid4()), str(uuid4())
    body = canonical(
        {"version": 1, "id": id_, "tenant": str(tokens.tenant), "at": "2026-01-02T03:04:05Z",
         "actor": actor, "verb": "a.b", "subject": "node:n1", "outcome": "done", "count": 1,
         "digests": {"policy": "ab" * 32}}
    )  # fmt: skip
    async with process.database.transaction(tokens.tenant) as tx:
        await tx.execute(
            "insert into audit.entries (id, at, actor_kind, verb, subject_ref, outcome, body, leaf)"
            " values ($1, now(), 'user', 'a.b', 'node:n1', 'done', $2, $3)",
            UUID(id_), body, leaf_hash(body),
        )  # fmt: skip
    answer = await client.get(PATH, headers=tokens.of())
    [one] = answer.json()["entries"]
    assert canonical(one["entry"]) == body
    assert (one["leaf"], one["disclosed"]) == (leaf_hash(body).hex(), {})
    assert await found(client, tokens, subject="node:n1") == [one["entry"]]


async def test_an_entry_has_no_index_until_it_is_placed(
    client: httpx.AsyncClient, tokens: Tokens, process: Process, sequencer: Sequencer
) -> None:
    await append(process, tokens.tenant, *[made(SYSTEM) for _ in range(3)])

    async def indices() -> list[int | None]:
        answer = await client.get(PATH, headers=tokens.of())
        return [one["index"] for one in reversed(answer.json()["entries"])]

    assert await indices() == [None] * 3
    await sequencer.order()
    first, *rest = await indices()
    assert first is not None
    assert rest == [first + 1, first + 2]
    await append(process, tokens.tenant, made(SYSTEM))
    assert await indices() == [first, *rest, None]


async def published(process: Process, tenant: UUID, sequencer: Sequencer, count: int = 3) -> int:
    """The size of the log once so many more entries are published."""
    await append(process, tenant, *[made(SYSTEM, f"node:{uuid4()}") for _ in range(count)])
    while await sequencer.order():
        pass
    return await sequencer.publish()


async def test_before_anything_is_published_there_is_no_checkpoint(
    client: httpx.AsyncClient,
) -> None:
    assert_refused(await client.get("/v1/audit/checkpoint"), 404, "FILE_MISSING")


async def test_a_stranger_gets_the_checkpoint_and_every_tile_and_can_check_them(
    client: httpx.AsyncClient, tokens: Tokens, process: Process, sequencer: Sequencer
) -> None:
    size = await published(process, tokens.tenant, sequencer, 300)
    keys = await client.get("/v1/audit/keys")
    verifiers = [NoteVerifier.parse(line) for line in keys.text.splitlines()]
    note = await client.get("/v1/audit/checkpoint")
    head = open_checkpoint(note.content, verifiers)
    assert head.size == size

    files = {}
    for tile in tiles_for(0, size):
        answer = await client.get(f"/v1/audit/{tile.path}")
        assert answer.status_code == 200, tile.path
        files[tile.path] = answer.content
    index = size - 1
    bundle = read_bundle(files[entries_path(index // 256, size % 256 or 256)])
    proof = prove_inclusion(index, size, HashReader(files.__getitem__, size))
    verify_inclusion(leaf_hash(bundle[index % 256]), index, size, proof, head.root)


async def test_what_never_changes_is_kept_for_ever_and_the_checkpoint_for_a_second(
    client: httpx.AsyncClient, tokens: Tokens, process: Process, sequencer: Sequencer
) -> None:
    size = await published(process, tokens.tenant, sequencer, 300)
    for path, kind, age in (
        ("checkpoint", "text/plain; charset=utf-8", "public, max-age=1"),
        ("keys", "text/plain; charset=utf-8", "public, max-age=1"),
        (tile_path(0, 0), "application/octet-stream", "public, max-age=31536000, immutable"),
        (entries_path(0), "application/octet-stream", "public, max-age=31536000, immutable"),
        (
            entries_path(size // 256, size % 256) if size % 256 else entries_path(0),
            "application/octet-stream",
            "public, max-age=31536000, immutable",
        ),
    ):
        answer = await client.get(f"/v1/audit/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == age
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_keys_are_those_that_sign_in_every_process_with_this_master_key(
    client: httpx.AsyncClient, process: Process
) -> None:
    answer = await client.get("/v1/audit/keys")
    signers = log_signers(process.keyring, "")
    assert answer.text.splitlines() == [signer.verifier.vkey() for signer in signers]
    assert [one.verifier.algorithm for one in signers] == [Algorithm.ED25519, Algorithm.ML_DSA_44]
    assert {one.verifier.name for one in signers} == {signers[0].verifier.name}
    named = log_signers(process.keyring, "log.example/audit")
    assert [one.verifier.public for one in named] == [one.verifier.public for one in signers]
    assert {one.verifier.name for one in named} == {"log.example/audit"}


@pytest.mark.parametrize(
    "path",
    ["", "/", "/%2e%2e/checkpoint", "/..%2fcheckpoint", "/log.vkey",
     "/checkpoint", "/0", "/0/", "/0/0", "/0/000/", "/0//000", "//0/000", "/00/000", "/-1/000",
     "/64/000", "/0/x000/001", "/0/x001/001.p/256", "/0/000.p/256", "/0/000.p/0", "/0/000.p/01",
     "/0/000.p/", "/0/000.p", "/0/000%00", "/0/000%0a", "/0/%EF%BC%90%EF%BC%90%EF%BC%90",
     "/0/000%20", "/0/.000.lock", "/entries", "/Entries/000", "/data/000",
     "/0/" + "x999/" * 7 + "999", "/0/" + "x999/" * 6 + "999", "/0/000?x=1", "/0/%ff", "/0/000%",
     "/" + "a" * 2000],
)  # fmt: skip
async def test_a_path_that_is_no_tiles_reaches_no_file(
    client: httpx.AsyncClient, tokens: Tokens, process: Process, sequencer: Sequencer, path: str
) -> None:
    await published(process, tokens.tenant, sequencer, 1)
    answer = await client.get(f"/v1/audit/tile{path}")
    assert 400 <= answer.status_code < 500
    assert_refused(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("path", ["0/999", "entries/999.p/7", "7/000", "0/x999/x999/999"])
async def test_a_tile_that_is_not_there_yet_is_not_found_and_not_kept(
    client: httpx.AsyncClient, path: str
) -> None:
    assert_refused(await client.get(f"/v1/audit/tile/{path}"), 404, "FILE_MISSING")
