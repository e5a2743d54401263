"""What breaks between spending and storing acknowledges nothing and leaves nothing half done."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import asyncpg
import httpx
import pytest
from plugins.attester import Attester, ready, small_node
from plugins.database import DatabaseUrls
from plugins.process import MASTER_KEY
from plugins.stage import Interrupted, Stage, staged

from lotabots.attestation import AttestationSettings
from lotabots.audit import Entry, Journal
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    async with staged(database, blobs=Interrupted.in_memory()) as stage:
        yield stage


async def counts(stage: Stage) -> dict[str, object]:
    async with stage.process.database.transaction(stage.api.tenant) as tx:
        return {
            "attestations": await tx.fetch_value("select count(*) from attestation.attestations"),
            "results": await tx.fetch_value("select count(*) from attestation.results"),
            "recorded": await tx.fetch_value(
                "select count(*) from audit.entries where verb = 'attestation.record'"
            ),
            "spent": await tx.fetch_value(
                "select count(*) from attestation.challenges where spent_at is not null"
            ),
            "spends": await tx.fetch_value(
                "select count(*) from audit.entries where verb = 'challenge.spend'"
            ),
        }


NOTHING_BUT_SPENT = {"attestations": 0, "results": 0, "recorded": 0, "spent": 1, "spends": 1}


async def submitted(attester: Attester) -> tuple[dict[str, Any], httpx.Response]:
    challenge = await attester.challenge()
    return challenge, await attester.submit(challenge, attester.evidence(challenge))


async def test_an_expired_challenge_is_refused_and_spent(stage: Stage) -> None:
    attester = await ready(stage.api, small_node())
    challenge = await attester.challenge()
    evidence = attester.evidence(challenge)
    stage.now = datetime.fromisoformat(challenge["expires_at"])
    answer = await attester.submit(challenge, evidence)
    assert (answer.status_code, answer.json()["code"]) == (409, "CHALLENGE_EXPIRED")
    stage.now -= timedelta(seconds=1)
    assert (await attester.submit(challenge, evidence)).json()["code"] == "CHALLENGE_SPENT"


async def test_a_challenge_is_good_until_its_last_moment(stage: Stage) -> None:
    attester = await ready(stage.api, small_node())
    challenge = await attester.challenge()
    evidence = attester.evidence(challenge)
    stage.now = datetime.fromisoformat(challenge["expires_at"]) - timedelta(microseconds=1)
    assert (await attester.submit(challenge, evidence)).status_code == 201


async def test_a_result_is_not_had_again_when_it_is_over(stage: Stage) -> None:
    attester = await ready(stage.api, small_node())
    made = await attester.attested()
    stage.now = datetime.fromisoformat(made["expires_at"])
    answer = await stage.api.get(f"/v1/attestations/{made['id']}/result")
    assert (answer.status_code, answer.json()["code"]) == (409, "RESULT_OVER")


async def test_a_blob_store_that_fails_leaves_the_challenge_spent_and_nothing_stored(
    stage: Stage,
) -> None:
    async def fail() -> None:
        raise LotaError(Kind.UNAVAILABLE, "BLOB_STORE_UNAVAILABLE", "The disk is full.")

    attester = await ready(stage.api, small_node())
    stage.blobs.before = fail
    challenge, answer = await submitted(attester)
    assert (answer.status_code, answer.json()["code"]) == (503, "BLOB_STORE_UNAVAILABLE")
    assert await counts(stage) == NOTHING_BUT_SPENT
    stage.blobs.before = None
    again = await attester.submit(challenge, attester.evidence(challenge))
    assert again.json()["code"] == "CHALLENGE_SPENT"


async def test_a_database_that_dies_between_spending_and_storing_acknowledges_nothing(
    fresh_database_urls: DatabaseUrls,
) -> None:
    name = fresh_database_urls.owner.partition("?")[0].rpartition("/")[2]
    owner = await asyncpg.connect(fresh_database_urls.owner.replace(f"/{name}?", "/postgres?"))

    async def allow(connections: int) -> None:
        await owner.execute(f"alter database {name} connection limit {connections}")

    async def die() -> None:
        await allow(0)
        await owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name
        )

    database = await Database.open(fresh_database_urls.app)
    try:
        async with staged(database, blobs=Interrupted.in_memory()) as stage:
            attester = await ready(stage.api, small_node())
            stage.blobs.before = die
            _, answer = await submitted(attester)
            assert answer.status_code == 503, answer.text
            assert answer.json()["code"].startswith("DATABASE_")
            await allow(-1)
            assert await counts(stage) == NOTHING_BUT_SPENT
            stage.blobs.before = None
            assert (await attester.attested())["status"] == "accepted"
    finally:
        await owner.close()
        await database.close()


async def test_an_audit_entry_that_cannot_be_written_takes_the_change_with_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    attester = await ready(stage.api, small_node())
    bundles = len((await stage.api.get("/v1/reference")).json())

    async def refuse(_journal: object, _tx: object, entry: Entry) -> None:
        raise LotaError(Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", entry.verb)

    monkeypatch.setattr(Journal, "append", refuse)
    node, policy = small_node("other"), "strict"
    body = {
        "name": "other",
        "inventory": [{"kind": i.kind, "device_id": i.device_id} for i in node.inventory],
    }
    ask = {"node": attester.id, "session_key": attester.session_key}
    for path, sent in [
        ("/v1/nodes", body),
        ("/v1/challenges", ask),
        (f"/v1/policies/{policy}/activate", None),
    ]:
        assert (await stage.api.post(path, sent)).status_code == 503, path
    monkeypatch.undo()
    names = [node["name"] for node in (await stage.api.get("/v1/nodes")).json()["items"]]
    assert "other" not in names
    active = [p["name"] for p in (await stage.api.get("/v1/policies")).json() if p["active"]]
    assert active == ["demo"]
    assert (await counts(stage))["spent"] == 0
    assert len((await stage.api.get("/v1/reference")).json()) == bundles


async def test_every_change_has_its_audit_entry(stage: Stage) -> None:
    attester = await ready(stage.api, small_node())
    made = await attester.attested()
    async with stage.process.database.transaction(stage.api.tenant) as tx:
        rows = await tx.fetch(
            "select verb, subject_ref, outcome, body from audit.entries order by position"
        )
    verbs = [row["verb"] for row in rows]
    assert verbs == [
        "policy.activate",
        "reference.import",
        "reference.activate",
        "node.register",
        "challenge.create",
        "challenge.spend",
        "attestation.record",
    ]
    assert (rows[-1]["subject_ref"], rows[-1]["outcome"]) == (f"node:{attester.id}", "accepted")
    assert made["appraisal_digest"].encode() in cast(bytes, rows[-1]["body"])


async def test_a_change_that_is_rolled_back_leaves_no_audit_entry(database: Database) -> None:
    tenant, actor = uuid4(), str(uuid4())
    entry = Entry(actor_ref=actor, verb="node.register", subject_ref="node:x", outcome="done")

    async def change() -> None:
        async with database.transaction(tenant) as tx:
            await Journal(Keyring(database, MASTER_KEY)).append(tx, entry)
            raise RuntimeError("the change fails after its entry was written")

    with pytest.raises(RuntimeError):
        await change()
    async with database.transaction(tenant) as tx:
        assert await tx.fetch_value("select count(*) from audit.entries") == 0


async def test_when_too_many_wait_a_submission_is_told_to_come_again(database: Database) -> None:
    async with staged(database, AttestationSettings(appraisers=1, max_waiting=1)) as stage:
        attester = await ready(stage.api, small_node())
        challenges = [await attester.challenge() for _ in range(12)]
        sent = [(challenge, attester.evidence(challenge)) for challenge in challenges]
        answers = await asyncio.gather(*(attester.submit(*one) for one in sent))
        codes = {answer.status_code for answer in answers}
        assert {201, 503} <= codes <= {201, 409, 503}  # 409: judged from a state that was followed
        busy = next(answer for answer in answers if answer.status_code == 503)
        assert busy.json()["code"] == "APPRAISAL_BUSY"
        assert int(busy.headers["retry-after"]) >= 1
