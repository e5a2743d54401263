"""A service in other processes: its addresses, which of them answer, and one request to it."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

import msgspec
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Message, Receive, Scope, Send
from prometheus_client import Gauge

from lotabots.gateway.body import Body, looked_at, sent
from lotabots.gateway.headers import NOT_RETURNED, Header
from lotabots.gateway.pool import CrowdedError, Pool, UnreachableError
from lotabots.gateway.settings import GatewaySettings
from lotabots.gateway.wire import BrokenError, Connection, chunks, head
from lotabots.kernel import Kind, LotaError, invalid
from lotabots.runtime.telemetry import Telemetry
from lotabots.runtime.web import note_code

FAILURES = 3
"""Requests in a row that an address fails before it is left alone."""
HEALTH_SECONDS = 0.5
"""How often an address that is left alone is asked whether it is back."""
MAX_ERROR_BYTES = 64 * 1024
_NEVER = 24 * 3600.0
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class _ErrorBody(msgspec.Struct):
    message: str
    code: str
    details: dict[str, object]


_errors = msgspec.json.Decoder(_ErrorBody)


@dataclass(eq=False)
class _Address:
    url: str
    pool: Pool
    failures: int = 0
    down: bool = False


@dataclass(eq=False)
class Http:
    """An ASGI application that is somewhere else. Bodies stream both ways."""

    name: str
    addresses: Sequence[str]
    settings: GatewaySettings
    telemetry: Telemetry
    down: Gauge
    _all: "list[_Address]" = field(init=False)
    _turn: int = 0

    def __post_init__(self) -> None:
        self._all = [
            _Address(url, Pool(url, self.settings.connections, self.settings.connect_seconds))
            for url in self.addresses
        ]
        for address in self._all:
            self.down.labels(self.name, address.url).set(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application. Raises `UPSTREAM_*` until the answer has begun, then what broke."""
        if scope["type"] != ScopeType.HTTP:
            return
        body = await Body.begin(receive)
        address, answer = await self._answer(scope, body)
        try:
            await self._return(answer, body, scope, receive, send)
        except TimeoutError as error:
            raise BrokenError("silent") from error
        finally:
            if not body.sent:  # it was answered early: what is left of it belongs to no answer
                body.end()
                answer.close()
            address.pool.give_back(answer)

    async def _answer(self, scope: HTTPScope, body: "Body") -> tuple[_Address, Connection]:
        """The first address that begins to answer, and its answer."""
        target = scope.get("raw_path") or scope["path"].encode()
        if scope["query_string"]:
            target = b"%b?%b" % (target, scope["query_string"])
        headers = list(scope["headers"])
        chunked = body.pieces is not None and b"content-length" not in dict(headers)
        try:
            text = head(scope["method"], target, headers, body.whole, chunked=chunked)
        except ValueError as error:
            detail = "The request cannot be passed on."
            raise invalid("REQUEST_PARAMETER", detail) from error
        tried: list[_Address] = []
        while True:
            address = self._next(tried)
            tried.append(address)
            try:
                answer = await self._asked(address, text, body, chunked=chunked)
            except UnreachableError as error:
                self._failed(address, error, at_once=True)
                if len(tried) > len(self._all):
                    self._unavailable("UPSTREAM_UNAVAILABLE", "cannot be reached", error)
            except CrowdedError as error:  # it may well answer those who are there
                self._unavailable("UPSTREAM_BUSY", "has no room", error)
            except TimeoutError as error:
                self._failed(address, error)
                self._unavailable("UPSTREAM_TIMEOUT", "answered too late", error)
            except BrokenError as error:
                # An idle connection that the service closed, or a service that died: what only
                # reads is asked once more.
                self._failed(address, error)
                if scope["method"] not in SAFE or body.pieces is not None or len(tried) > 1:
                    self._unavailable("UPSTREAM_UNAVAILABLE", "broke off", error)
            else:
                address.failures = 0
                return address, answer

    async def _asked(
        self, address: _Address, text: bytes, body: "Body", *, chunked: bool
    ) -> Connection:
        """The answer of this address, whose head is there."""
        connection = await address.pool.take()
        try:
            connection.begin(text)
            if body.pieces is not None:
                body.sending = asyncio.create_task(
                    sent(connection, chunks(body.pieces) if chunked else body.pieces)
                )
                body.sending.add_done_callback(looked_at)
            await self._head(connection, body)
        except BaseException:
            connection.close()
            body.end()
            address.pool.give_back(connection)
            raise
        return connection

    async def _head(self, connection: Connection, body: "Body") -> None:
        seconds = self.settings.answer_seconds
        if body.sending is None:
            await connection.answered(seconds)
            return
        # The service may answer before it has the whole body; the caller may go before that. A
        # slow caller is not a slow service: its time begins when it has all.
        answered = asyncio.create_task(connection.answered(_NEVER))
        try:
            await asyncio.wait({answered, body.sending}, return_when=asyncio.FIRST_COMPLETED)
            if not answered.done():
                body.sending.result()
                async with asyncio.timeout(seconds):
                    await answered
            answered.result()
        finally:
            answered.cancel()
            await asyncio.gather(answered, return_exceptions=True)

    def _next(self, tried: "Sequence[_Address]") -> _Address:
        """The addresses in turn; one that is down or was tried only if there is no other."""
        self._turn = (self._turn + 1) % len(self._all)
        first = self._all[self._turn]
        if not tried and not first.down:
            return first
        order = self._all[self._turn :] + self._all[: self._turn]
        up = [one for one in order if not one.down]
        fresh = [one for one in up if one not in tried]
        if not up:
            self._unavailable("UPSTREAM_UNAVAILABLE", "is down", None)
        return (fresh or up)[0]

    def _failed(self, address: _Address, error: Exception, *, at_once: bool = False) -> None:
        address.failures += 1
        if not address.down and (at_once or address.failures >= FAILURES):
            address.down = True
            self.down.labels(self.name, address.url).set(1)
            self.telemetry.log.warning(
                "upstream.down", service=self.name, address=address.url, error=type(error).__name__
            )

    def _unavailable(self, code: str, what: str, cause: Exception | None) -> NoReturn:
        detail = f"The service {self.name} {what}; try again."
        raise LotaError(Kind.UNAVAILABLE, code, detail, service=self.name) from cause

    async def _return(
        self, answer: Connection, body: "Body", scope: HTTPScope, receive: Receive, send: Send
    ) -> None:
        headers = [one for one in answer.headers if one[0] not in NOT_RETURNED]
        if answer.status >= 400:
            await self._return_error(answer, headers, scope, send)
            return
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if (whole := answer.ready()) is not None:
            await send(_part(whole, more=False))
            return
        # A long answer: whoever has gone must not keep the service writing.
        watcher = asyncio.create_task(_close_when_gone(receive, answer, body.sending))
        try:
            while chunk := await answer.read(self.settings.answer_seconds):
                await send(_part(chunk, more=True))
            await send(_part(b"", more=False))
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)

    async def _return_error(
        self, answer: Connection, headers: list[Header], scope: HTTPScope, send: Send
    ) -> None:
        """Passes on an error in our one shape; anything else becomes one."""
        body = b""
        try:
            seconds = self.settings.answer_seconds
            while len(body) <= MAX_ERROR_BYTES and (piece := await answer.read(seconds)):
                body += piece
            found = _errors.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, BrokenError) as error:
            self.telemetry.log.warning("upstream.alien", service=self.name, status=answer.status)
            self._unavailable("UPSTREAM_UNAVAILABLE", "does not answer as it should", error)
        note_code(scope, LotaError(Kind.INTERNAL, found.code, ""))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send(_part(body, more=False))

    async def check(self) -> None:
        """Asks each address that is left alone whether it is back."""
        for address in [one for one in self._all if one.down]:
            with suppress(UnreachableError, BrokenError, TimeoutError):
                async with asyncio.timeout(1):
                    text = head("GET", b"/healthz", [(b"host", b"gateway")], b"", chunked=False)
                    answer = await self._asked(address, text, Body(), chunked=False)
                    while await answer.read(1):
                        pass
                address.pool.give_back(answer)
                if answer.status == 200:
                    address.down, address.failures = False, 0
                    self.down.labels(self.name, address.url).set(0)
                    self.telemetry.log.info("upstream.up", service=self.name, address=address.url)

    async def close(self) -> None:
        """Closes every connection."""
        for address in self._all:
            address.pool.close()


def _part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _close_when_gone(
    receive: Receive, answer: Connection, sending: "asyncio.Task[None] | None"
) -> None:
    if sending is not None:
        await asyncio.wait([sending])  # until then what the caller says is the body
    while (await receive())["type"] != "http.disconnect":
        pass
    answer.close()


def upstreams(settings: GatewaySettings, telemetry: Telemetry) -> dict[str, Http]:
    """The services that are elsewhere, by name."""
    down = Gauge(
        "lotabots_upstream_down", "1 while this address of a service does not answer",
        ["service", "address"], registry=telemetry.registry,
    )  # fmt: skip
    return {
        name: Http(name, urls, settings, telemetry, down)
        for name, urls in settings.addresses().items()
    }
