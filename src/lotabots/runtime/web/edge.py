"""The outermost layer of every answer: request id, security headers, limits, log line, metrics.

It stands outside the framework, so that errors of the framework itself carry the same headers.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from time import perf_counter

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from lotabots.kernel import Kind, LotaError, invalid
from lotabots.runtime.telemetry import REQUEST, Telemetry
from lotabots.runtime.web.arrival import (
    ARRIVAL,
    REQUEST_ID,
    TRACEPARENT,
    Arrival,
    Proxies,
    arrived,
    peer_of,
)
from lotabots.runtime.web.auth import caller
from lotabots.runtime.web.errors import body_of, code_noted, coded, headers_of, note_code, status_of
from lotabots.runtime.web.inside import Inside
from lotabots.runtime.web.settings import WebSettings

EXTRA_HEADERS = "lotabots.extra_headers"
"""Where headers stand, in the state of a scope, that go with whatever the answer will be."""
MAX_HEADER_COUNT = 100

# An API is no page: nothing may be loaded, framed or sniffed from an answer of ours, or be kept.
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
NO_STORE = (b"cache-control", b"no-store")

# One path has one spelling, so that whoever filters by path in front of us sees what we see.
_SECOND_SPELLING = re.compile(rb"//|/$|/\.{1,2}(?:/|$)|%2[ef]|%5c|%00|\\", re.IGNORECASE)
# Most paths: words of letters, digits and dashes, which have no second spelling. Faster to see.
_PLAIN = re.compile(rb"(?:/[A-Za-z0-9_-]++)++")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Edge:
    """Wraps the application; every answer passes through `_Answer`.

    `inside` reads the word of a gateway in front of us; the gateway itself has none.
    """

    def __init__(
        self, app: ASGIApp, settings: WebSettings, telemetry: Telemetry, inside: Inside | None
    ) -> None:
        self._app = app
        self._inside = inside
        self._proxies = Proxies(settings.trusted_proxies)
        self._max_headers = settings.max_headers
        ours = (*SECURITY_HEADERS, *((HSTS,) if settings.tls else ()), NO_STORE)
        self._headers = {one[0]: one for one in ours}
        self._log = telemetry.log
        self._requests = telemetry.requests
        self._metrics = _Metrics(telemetry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        started = perf_counter()
        refused = None
        try:
            # A gateway in front of us says where it came from, if it signs it; else our proxies do.
            if self._inside is None:
                arrival = self._proxies.arrival(peer_of(scope), scope["headers"])
            else:
                arrival = await self._arrival(self._inside, scope)
        except LotaError as error:
            arrival, refused = arrived(peer_of(scope), (), ()), error
        answer = _Answer(send, arrival.request_id, self._headers)
        scope["state"][ARRIVAL] = arrival
        scope["state"][EXTRA_HEADERS] = answer.extra
        ids = REQUEST.set((arrival.request_id.decode(), arrival.trace_id.decode()))
        try:
            if refused is not None:
                raise refused
            self._check(scope)
            await self._app(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 - the edge of the process: logged, no detail sent
            mapped = coded(error)
            if mapped.kind is Kind.INTERNAL:
                self._log.error("request.crashed", code=mapped.code, exc_info=error)
            note_code(scope, mapped)
            if answer.status == 0:
                await answer.refuse(mapped)
        finally:
            REQUEST.reset(ids)
        self._record(scope, arrival, answer, perf_counter() - started)

    async def _arrival(self, inside: Inside, scope: HTTPScope) -> Arrival:
        headers = scope["headers"]
        visit = await inside.read(scope)
        if visit is None:
            return self._proxies.arrival(peer_of(scope), headers)
        sent = [value for name, value in headers if name == REQUEST_ID]
        return arrived(visit.address, sent, [v for name, v in headers if name == TRACEPARENT])

    def _check(self, scope: HTTPScope) -> None:
        headers = list(scope["headers"])
        raw_path = scope.get("raw_path") or scope["path"].encode()
        size = sum(map(len, chain.from_iterable(headers)))
        size += len(raw_path) + len(scope["query_string"])
        if size > self._max_headers or len(headers) > MAX_HEADER_COUNT:
            raise invalid("REQUEST_HEADERS_TOO_LARGE", "The request's head is too large.")
        if (
            not _PLAIN.fullmatch(raw_path)
            and raw_path != b"/"
            and _SECOND_SPELLING.search(raw_path)
        ):
            raise LotaError(Kind.NOT_FOUND, "ROUTE_UNKNOWN", "There is nothing at this path.")
        if b"%00" in scope["query_string"]:
            raise invalid("REQUEST_TEXT_NUL", "A parameter holds a NUL character.")
        if len(dict(headers)) < len(headers) and sum(name == b"host" for name, _ in headers) > 1:
            raise invalid("REQUEST_HEADER_REPEATED", "There is more than one Host header.")

    def _record(
        self, scope: HTTPScope, arrival: Arrival, answer: "_Answer", seconds: float
    ) -> None:
        route = str(scope.get("path_template") or "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.observe(method, route, answer.status, seconds)
        user = caller(scope)
        self._requests.write(
            "info" if answer.status < 500 else "warning",
            {
                "event": "request",
                "method": method,
                "path": scope["path"][:200],
                "route": route,
                "status": answer.status,
                "code": code_noted(scope),
                "ms": round(seconds * 1000, 2),
                "bytes": answer.size,
                "source": arrival.address,
                "user": None if user is None else user.user_id,
                "request_id": arrival.request_id.decode(),
                "trace_id": arrival.trace_id.decode(),
            },
        )


class _Answer:
    """Adds our headers to the one answer of a request, and remembers what was sent."""

    __slots__ = ("_headers", "_names", "_send", "extra", "request_id", "size", "status")

    def __init__(
        self, send: Send, request_id: bytes, headers: "Mapping[bytes, tuple[bytes, bytes]]"
    ) -> None:
        self._send = send
        self._headers, self._names = headers.values(), headers.keys()
        self.extra: list[tuple[bytes, bytes]] = []
        self.request_id = request_id
        self.status = 0
        self.size = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            theirs = list(message["headers"])
            given = set(map(bytes.lower, dict(theirs)))
            ours: Iterable[tuple[bytes, bytes]] = self._headers
            if not given.isdisjoint(self._names):
                ours = [one for one in ours if one[0] not in given]
            message["headers"] = [*theirs, (REQUEST_ID, self.request_id), *self.extra, *ours]
        elif message["type"] == "http.response.body":
            self.size += len(message["body"])
        await self._send(message)

    async def refuse(self, error: LotaError) -> None:
        """Answers with an error that arose outside the framework."""
        body = body_of(error)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *(
                (name.encode(), value.encode("latin-1"))
                for name, value in headers_of(error).items()
            ),
        ]
        await self.send(
            {"type": "http.response.start", "status": status_of(error), "headers": headers}
        )
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


class _Metrics:
    """Request counts and times; each series is looked up once, then kept."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._count = Counter(
            "lotabots_http_requests", "Answered requests", ["method", "route", "status"],
            registry=telemetry.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "lotabots_http_seconds", "Time to answer", ["route"], registry=telemetry.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )  # fmt: skip
        self._bound: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        bound = self._bound.get((method, route, status))
        if bound is None:
            # Routes are templates, methods and statuses a handful: this stays small.
            bound = (
                self._count.labels(method, route, str(status)),
                self._seconds.labels(route),
            )
            self._bound[method, route, status] = bound
        bound[0].inc()
        bound[1].observe(seconds)
