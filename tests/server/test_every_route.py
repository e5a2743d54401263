"""What holds for every route there is, taken from the description that the servers give of it.

Who may call which of them stands in `test_matrix.py`.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest
from plugins.api import Api
from plugins.process import REQUEST_ID

from lotabots.kernel.codes import CATALOGUE

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}
HOSTILE: tuple[tuple[dict[str, str], bytes], ...] = (
    ({}, b"{}"),
    ({"content-type": "text/plain"}, b"{}"),
    ({"content-type": "application/x-www-form-urlencoded"}, b"a=b"),
    (JSON, b""),
    (JSON, b"null"),
    (JSON, b"[]"),
    (JSON, b"{"),
    (JSON, b"\xff"),
    (JSON, b'{"\\ud800": 1}'),
    (JSON, b'{"a": "\\u0000"}'),
    (JSON, b'{"a": 1, "a": 2}'),
    (JSON, b'{"no such field": 1}'),
    (JSON, b"[" * 5000 + b"]" * 5000),
    (JSON, b'{"a":' * 5000 + b"1" + b"}" * 5000),
    (JSON, b'{"a": ' + b"9" * 5000 + b"}"),
    (JSON, b'{"a": 1e999}'),
    (JSON, b'{"a": NaN}'),
)


class Route(NamedTuple):
    url: str
    method: str
    path: str
    operation: dict[str, Any]

    def filled(self) -> str:
        """The path with an id of nothing in each place."""
        return self.url + re.sub(r"{[^}]*}", str(uuid4()), self.path)


@pytest.fixture
async def routes(api: Api) -> list[Route]:
    url = api.servers.url
    described = (await api.client.get(f"{url}/openapi.json")).json()
    return [
        Route(url, method.upper(), path, operation)
        for path, item in described["paths"].items()
        for method, operation in item.items()
    ]


def assert_coded(answer: httpx.Response, at: object) -> None:
    body = answer.json()
    assert 400 <= answer.status_code < 500, (at, body)
    assert set(body) == {"message", "code", "details"}, at
    assert body["code"] in CATALOGUE, (at, body)
    assert REQUEST_ID.fullmatch(answer.headers["x-request-id"]), at
    assert answer.headers["x-content-type-options"] == "nosniff", at
    assert answer.headers["cache-control"] == "no-store", at


def guarded(routes: list[Route]) -> Iterator[Route]:
    yield from (route for route in routes if route.operation["security"])


async def test_a_guarded_route_refuses_strangers(api: Api, routes: list[Route]) -> None:
    forged = {"authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    for route in guarded(routes):
        for headers in ({}, forged):
            answer = await api.client.request(route.method, route.filled(), headers=headers)
            assert_coded(answer, route[:3])
            assert answer.status_code == 401, route[:3]


async def test_a_route_that_takes_a_body_refuses_every_hostile_one(
    api: Api, routes: list[Route]
) -> None:
    for route in routes:
        if route.method not in ("POST", "PUT") or "requestBody" not in route.operation:
            continue
        for headers, body in HOSTILE:
            answer = await api.client.request(
                route.method, route.filled(), content=body, headers=headers | api.tokens.of()
            )
            assert_coded(answer, (*route[:3], headers, body[:20]))


async def test_no_path_or_parameter_brings_a_server_to_fail(api: Api, routes: list[Route]) -> None:
    hostile = ("%00", "..%2f..%2fetc%2fpasswd", "'%20or%201=1--", "%f0%28", "a" * 3000, "-1", "{}")
    for route in routes:
        if route.method != "GET":
            continue
        for text in hostile:
            path = re.sub(r"{[^}]*}", text, route.path)
            names = [one["name"] for one in route.operation.get("parameters", [])]
            for query in ("", *(f"?{name}={text}" for name in names), f"?unknown={text}"):
                answer = await api.client.get(route.url + path + query, headers=api.tokens.of())
                assert answer.status_code < 500, (route[:3], path[:60], query[:60], answer.text)
                if answer.status_code >= 400:
                    assert_coded(answer, (route[:3], path[:60], query[:60]))


async def test_a_method_that_a_path_does_not_know_is_told_which_it_does(
    api: Api, routes: list[Route]
) -> None:
    for route in routes:
        answer = await api.client.request("PATCH", route.filled(), headers=api.tokens.of())
        assert_coded(answer, route[:3])
        assert answer.status_code == 405, route[:3]
        assert route.method in answer.headers["allow"].split(", "), route[:3]
