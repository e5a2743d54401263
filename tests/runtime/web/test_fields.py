"""Fields that only some callers see: taken out of the answer, or there is no answer."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Response, get
from litestar.response import Stream
from plugins.process import Tokens, assert_refused, calling, serving

from lotabots.access import Permission
from lotabots.kernel import Kind, LotaError, Role
from lotabots.runtime.process import Process
from lotabots.runtime.web import AUTHENTICATED, PUBLIC, Service, visible
from lotabots.runtime.web.app import build_app
from lotabots.runtime.web.fields import MAX_ANSWER_BYTES, _without

pytestmark = pytest.mark.anyio

SEEN = visible(email=Permission.USER_WRITE, address=Permission.SESSION_END)
ADA = {"name": "ada", "email": "a@b.org", "seen": [{"address": "::1", "at": 1.5}, {"at": None}]}
NARROW = {"name": "ada", "seen": [{"at": 1.5}, {"at": None}]}


@get("/v1/ada", guards=[AUTHENTICATED], opt=SEEN)
async def ada() -> dict[str, Any]:
    return ADA


@get("/v1/pieces", guards=[AUTHENTICATED], opt=SEEN)
async def pieces() -> Stream:
    async def sent() -> AsyncIterator[bytes]:
        whole = msgspec.json.encode(ADA)
        for place in range(0, len(whole), 7):
            yield whole[place : place + 7]

    return Stream(sent(), media_type="application/json")


@get("/v1/text", guards=[AUTHENTICATED], opt=SEEN, media_type="text/csv")
async def text() -> Response[bytes]:
    return Response(b"ada,a@b.org", media_type="text/csv")


@get("/v1/large", guards=[AUTHENTICATED], opt=SEEN)
async def large() -> Response[bytes]:
    whole = b'["a@b.org"' + b" " * MAX_ANSWER_BYTES + b"]"
    return Response(whole, media_type="application/json")


@get("/v1/deep", guards=[AUTHENTICATED], opt=SEEN)
async def deep() -> Response[bytes]:
    return Response(b"[" * 9000 + b"]" * 9000, media_type="application/json")


@get("/v1/empty", guards=[AUTHENTICATED], opt=SEEN, status_code=204)
async def empty() -> None:
    return None


@get("/v1/refused", guards=[AUTHENTICATED], opt=SEEN)
async def refused() -> None:
    raise LotaError(Kind.CONFLICT, "USER_EXISTS", "It is there.", field="email")


HANDLERS = [ada, pieces, text, large, deep, empty, refused]


@pytest.fixture(params=[calling, serving], ids=["called", "served"])
async def client(
    request: pytest.FixtureRequest, process: Process
) -> AsyncIterator[httpx.AsyncClient]:
    async with request.param(process, [Service(name="people", handlers=HANDLERS)]) as found:
        yield found


@pytest.mark.parametrize("path", ["/v1/ada", "/v1/pieces"])
async def test_who_may_see_every_field_gets_the_answer_as_it_is(
    client: httpx.AsyncClient, tokens: Tokens, path: str
) -> None:
    answer = await client.get(path, headers=tokens.of(Role.ADMIN))
    assert (answer.status_code, answer.content) == (200, msgspec.json.encode(ADA))


@pytest.mark.parametrize("path", ["/v1/ada", "/v1/pieces"])
async def test_who_may_not_gets_it_without_them_at_any_depth_and_with_its_length(
    client: httpx.AsyncClient, tokens: Tokens, path: str
) -> None:
    answer = await client.get(path, headers=tokens.of(Role.VIEWER))
    assert (answer.status_code, answer.json()) == (200, NARROW)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/v1/text", "/v1/large", "/v1/deep"])
async def test_an_answer_that_cannot_be_filtered_is_not_sent_at_all(
    client: httpx.AsyncClient, tokens: Tokens, path: str
) -> None:
    answer = await client.get(path, headers=tokens.of(Role.VIEWER))
    assert_refused(answer, 500, "ANSWER_UNFILTERED")
    assert "a@b.org" not in answer.text
    assert (await client.get(path, headers=tokens.of(Role.ADMIN))).status_code == 200


async def test_refusals_and_empty_answers_pass(client: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await client.get("/v1/refused", headers=tokens.of(Role.VIEWER))
    assert_refused(answer, 409, "USER_EXISTS")
    assert answer.json()["details"] == {"field": "email"}
    answer = await client.get("/v1/empty", headers=tokens.of(Role.VIEWER))
    assert (answer.status_code, answer.content) == (204, b"")
    assert_refused(await client.get("/v1/ada"), 401, "TOKEN_ABSENT")


async def test_a_field_for_some_on_a_public_route_is_a_mistake_found_at_the_start(
    process: Process,
) -> None:
    @get("/v1/open", opt={**PUBLIC, **SEEN})
    async def open_() -> dict[str, str]:
        return {}

    with pytest.raises(RuntimeError, match="/v1/open"):
        build_app([Service(name="open", handlers=[open_])], process)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "b", "email"]), inner),
)


@given(json_values)
def test_what_is_left_has_no_hidden_field_and_everything_else(value: object) -> None:
    def fields(one: object, hidden: bool) -> object:
        match one:
            case Mapping():
                kept = {k: v for k, v in one.items() if hidden or k != "email"}
                return {k: fields(v, hidden) for k, v in kept.items()}
            case list():
                return [fields(inner, hidden) for inner in one]
            case _:
                return one

    left = _without(value, {"email"})
    assert left == fields(value, hidden=False)
    assert _without(value, set()) == value
