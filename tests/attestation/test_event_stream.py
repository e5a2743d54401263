"""Events as they are listed and streamed: in order, none lost, none twice, each tenant its own."""

import asyncio
from contextlib import AsyncExitStack, suppress
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.api import Api
from plugins.sse import Told, listening

from lotabots.attestation.event_store import Position
from lotabots.attestation.notices import Notice, tell, tell_all
from lotabots.attestation.notices import Told as Happened
from lotabots.attestation.stream import MOST_OF_TENANT
from lotabots.kernel import LotaError, Role
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database

pytestmark = pytest.mark.anyio


async def happen(
    api: Api, *texts: str, kind: Notice = Notice.NODE_STALE, node: UUID | None = None
) -> None:
    """Events of the tenant of `api`, told by another process than the server's, in one commit."""
    async with api.database.transaction(api.tenant) as tx:
        for text in texts:
            await tell(tx, kind, node, {"text": text}, utc_now())


def texts(told: list[Told]) -> list[str]:
    return [one.data["data"]["text"] for one in told]


async def page(api: Api, **query: str) -> list[str]:
    answer = await api.get("/v1/events", as_=Role.VIEWER, params=query)
    assert answer.status_code == 200, answer.text
    return [item["data"]["text"] for item in answer.json()["items"]]


async def test_what_happens_is_told_to_whoever_listens(api: Api) -> None:
    node = uuid4()
    async with listening(api) as stream:
        await happen(api, "one", "two", node=node)
        first, second = await stream.next(2)
    assert texts([first, second]) == ["one", "two"]
    assert first.kind == first.data["kind"] == "node.stale"
    assert first.data["node"] == str(node)
    assert first.id == first.data["position"] != second.id
    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    assert stream.answer.headers["cache-control"] == "no-store"


async def test_a_stream_begins_now_and_not_before(api: Api) -> None:
    await happen(api, "before")
    async with listening(api) as stream:
        await happen(api, "after")
        assert texts(await stream.next(1)) == ["after"]


async def test_whoever_comes_back_is_told_what_they_missed_and_nothing_twice(api: Api) -> None:
    async with listening(api) as stream:
        await happen(api, "seen")
        await stream.next(1)
    await happen(api, "missed", "too")
    async with listening(api, last_id=stream.last_id) as again:
        await happen(api, "new")
        assert texts(await again.next(3)) == ["missed", "too", "new"]


async def test_the_last_id_counts_and_not_the_address_that_a_client_began_with(api: Api) -> None:
    await happen(api, "one")
    await happen(api, "two")
    async with listening(api, after="0-0") as stream:
        first, _ = await stream.next(2)
    async with listening(api, last_id=first.id, after="0-0") as again:
        assert texts(await again.next(1)) == ["two"]


async def test_a_stream_has_an_id_before_it_has_an_event(api: Api) -> None:
    async with listening(api) as stream:
        await stream.begun()
    await happen(api, "missed")
    async with listening(api, last_id=stream.last_id) as again:
        assert texts(await again.next(1)) == ["missed"]


async def test_a_page_goes_on_where_the_one_before_ended(api: Api) -> None:
    await happen(api, *"abcde")
    first = (await api.get("/v1/events", params={"after": "0-0", "limit": "2"})).json()
    second = (await api.get("/v1/events", params={"after": first["next"]})).json()
    shown = [item["data"]["text"] for item in first["items"] + second["items"]]
    assert shown == [*"abcde"]
    end = (await api.get("/v1/events", params={"after": second["next"]})).json()
    assert end == {"items": [], "next": second["next"]}
    assert await page(api, limit="2") == ["d", "e"], "without a position: the newest"


async def test_a_page_of_nothing_has_a_position_from_which_to_go_on(api: Api) -> None:
    nothing = (await api.get("/v1/events")).json()
    assert nothing["items"] == []
    await happen(api, "first")
    assert await page(api, after=nothing["next"]) == ["first"]


async def test_kinds_and_nodes_are_picked_out(api: Api) -> None:
    node = uuid4()
    await happen(api, "other node", node=uuid4())
    await happen(api, "wanted", node=node)
    await happen(api, "other kind", node=node, kind=Notice.NODE_SILENT)
    wanted = {"kind": "node.stale,node.revoked", "node": str(node)}
    assert await page(api, **wanted) == ["wanted"]
    assert await page(api, after="0-0", **wanted) == ["wanted"]
    async with listening(api, after="0-0", **wanted) as stream:
        await happen(api, "other again", node=uuid4())
        await happen(api, "wanted too", node=node)
        assert texts(await stream.next(2)) == ["wanted", "wanted too"]


async def test_nobody_sees_what_happens_to_another_tenant(api: Api) -> None:
    other = api.of_another_tenant()
    async with listening(api) as stream:
        await happen(other, "theirs")
        await happen(api, "ours")
        assert texts(await stream.next(1)) == ["ours"]
    assert await page(api, after="0-0") == ["ours"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"after": "yesterday"}, 400, "EVENT_POSITION_MALFORMED"),
        ({"after": "01-1"}, 400, "EVENT_POSITION_MALFORMED"),
        ({"after": f"{2**64}-0"}, 400, "EVENT_POSITION_MALFORMED"),
        ({"after": f"{2**64 - 1}-0"}, 409, "EVENT_POSITION_AHEAD"),
        ({"kind": "node.invented"}, 400, "EVENT_KIND_UNKNOWN"),
        ({"kind": ""}, 400, "EVENT_KIND_UNKNOWN"),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_what_cannot_be_answered_is_refused(
    api: Api, query: dict[str, str], status: int, code: str, accept: str
) -> None:
    answer = await api.get("/v1/events", params=query, headers={"accept": accept})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_what_commits_late_is_told_in_its_place_and_holds_back_what_stands_behind(
    api: Api,
) -> None:
    async with listening(api) as stream:
        messages = stream.messages()
        async with api.database.transaction(api.tenant) as early:
            await tell(early, Notice.NODE_STALE, None, {"text": "early"}, utc_now())
            await happen(api, "late")
            waiting = asyncio.ensure_future(anext(messages))
            await asyncio.sleep(0.3)
            assert not waiting.done(), "what may still be preceded is not shown"
            assert await page(api, after="0-0") == []
        told = [await waiting, await anext(messages)]
    assert texts(told) == ["early", "late"]


async def test_what_is_rolled_back_is_never_told_and_holds_back_nothing(api: Api) -> None:
    async with listening(api) as stream:
        with suppress(ZeroDivisionError):
            async with api.database.transaction(api.tenant) as tx:
                await tell(tx, Notice.NODE_STALE, None, {"text": "never"}, utc_now())
                raise ZeroDivisionError
        await happen(api, "real")
        assert texts(await stream.next(1)) == ["real"]


BURST, WRITERS, BATCH = 10_000, 5, 100


async def flood(api: Api, writer: int) -> None:
    database = await Database.open(api.servers.database_url, connections=1)
    try:
        for first in range(0, BURST // WRITERS, BATCH):
            happened = [
                Happened(Notice.NODE_STALE, None, {"text": f"{writer}/{first + number}"})
                for number in range(BATCH)
            ]
            async with database.transaction(api.tenant) as tx:
                await tell_all(tx, happened, utc_now())
    finally:
        await database.close()


async def test_a_flood_loses_nothing_reorders_nothing_and_starves_nobody(api: Api) -> None:
    other = api.of_another_tenant()
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(listening(api)) for _ in range(3)]
        bystander = await stack.enter_async_context(listening(other))
        listeners = [asyncio.ensure_future(stream.next(BURST)) for stream in streams]
        writers = [asyncio.ensure_future(flood(api, writer)) for writer in range(WRITERS)]
        await happen(other, "ours")
        assert texts(await bystander.next(1)) == ["ours"]
        await asyncio.gather(*writers)
        told = await asyncio.gather(*listeners)
    positions = [Position.read(one.id) for one in told[0]]
    assert positions == sorted(set(positions))
    assert texts(told[0]) == texts(told[1]) == texts(told[2])
    for writer in range(WRITERS):
        own = [text for text in texts(told[0]) if text.startswith(f"{writer}/")]
        assert own == [f"{writer}/{number}" for number in range(BURST // WRITERS)]


async def test_a_tenant_has_so_many_streams_and_a_closed_one_makes_room(api: Api) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST_OF_TENANT - 1):
            await stack.enter_async_context(listening(api))
        async with listening(api), listening(api) as refused:
            assert refused.answer.status_code == 429
            assert refused.answer.json()["code"] == "EVENT_STREAMS_LIMIT"
        while True:
            async with listening(api) as again:
                if again.answer.status_code == 200:
                    break
            await asyncio.sleep(0.05)
        await happen(api, "told")


async def test_a_stream_needs_the_permission(api: Api) -> None:
    async with listening(api, as_=Role.AGENT) as refused:
        assert refused.answer.json()["code"] == "PERMISSION_DENIED"


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**63 - 1))
def test_a_position_is_read_as_it_was_written(xact: int, number: int) -> None:
    position = Position(xact, number)
    assert Position.read(str(position)) == position


@given(st.text(max_size=50) | st.from_regex(r"[0-9]{1,40}-[0-9]{1,40}", fullmatch=True))
def test_any_other_text_is_no_position(text: str) -> None:
    code = ""
    try:
        assert str(Position.read(text)) == text
    except LotaError as error:
        code = error.code
    assert code in ("", "EVENT_POSITION_MALFORMED")
