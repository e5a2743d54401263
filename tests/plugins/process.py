"""Fixtures with a process: its settings, its keys, and services of it served over real HTTP.

@pytest.mark.anyio
async def test_something(process: Process, tokens: Tokens) -> None:
    async with serving(process, [audit.service(process)]) as client:
        answer = await client.get("/v1/audit/entries", headers=tokens.of(Role.AUDITOR))
"""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from litestar.types import ASGIApp

from lotabots.access import issue_token
from lotabots.audit import AuditSettings
from lotabots.gateway import GatewaySettings, LimitSettings, front
from lotabots.identity import IdentitySettings
from lotabots.kernel import Role, SigningKey
from lotabots.runtime.blobs import Blobs
from lotabots.runtime.cache import Caches
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.events import Channel
from lotabots.runtime.files import open_files
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.process import Process
from lotabots.runtime.redis import RedisSettings
from lotabots.runtime.settings import Settings
from lotabots.runtime.telemetry import open_telemetry
from lotabots.runtime.web import (
    TOKEN_PURPOSE,
    Endpoint,
    Service,
    TokenSettings,
    WebSettings,
    bind,
    build_app,
    endpoints,
    serve,
)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
MASTER_KEY = b"a master key that only tests use"
DEFAULTS = (
    WebSettings(),
    TokenSettings(),
    IdentitySettings(bcrypt_cost=10, free_attempts=1000),
    AuditSettings(),
    GatewaySettings(),
    LimitSettings(),
    RedisSettings(),
)


def new_key() -> SigningKey:
    return SigningKey(generate_private_key(SECP256R1()))


@dataclass(frozen=True)
class Tokens:
    """User tokens of a tenant of one's own, signed with the key that the process trusts."""

    key: SigningKey
    tenant: UUID

    def token(self, role: Role = Role.ADMIN, **other: object) -> str:
        """A valid token; any field can be made otherwise."""
        fields = {
            "user_id": uuid4(),
            "tenant_id": self.tenant,
            "role": role,
            "key": self.key,
            "issuer": TokenSettings().issuer,
            "audience": TokenSettings().audience,
            "now": utc_now(),
            "lifetime": timedelta(minutes=10),
            "token_id": uuid4().hex,
            "node_id": "node-1" if role is Role.AGENT else None,
        }
        return issue_token(**(fields | other))  # type: ignore[arg-type]

    def of(self, role: Role = Role.ADMIN, **other: object) -> dict[str, str]:
        """The header that carries such a token."""
        return {"authorization": f"Bearer {self.token(role, **other)}"}


@pytest.fixture
def log() -> io.BytesIO:
    """What the process logs."""
    return io.BytesIO()


@pytest.fixture
def process(database: Database, log: io.BytesIO) -> Process:
    """A process on the module's database, with default settings."""
    return make_process(database, log)


@pytest.fixture
async def tokens(process: Process) -> Tokens:
    """Tokens that the process believes, of a tenant that no other test uses."""
    keys = await process.keyring.load(TOKEN_PURPOSE)
    return Tokens(keys.current, uuid4())


def make_process(database: Database, log: io.BytesIO, *sections: object) -> Process:
    """A process with default settings, but for the sections given."""
    given = {type(section): section for section in (*DEFAULTS, *sections)}
    telemetry = open_telemetry("info", log)
    events = Channel(database, telemetry.registry, telemetry.log)  # silent: nothing is remembered
    return Process(
        settings=Settings(list(given.values())),
        database=database,
        blobs=Blobs.in_memory(),
        log_files=open_files("memory:///"),
        model_files=Path("/dev/null/models"),  # these processes take no uploads
        keyring=Keyring(database, MASTER_KEY),
        clock=utc_now,
        telemetry=telemetry,
        events=events,
        caches=Caches(events, telemetry.registry),
    )


@asynccontextmanager
async def fronted(
    process: Process, here: Sequence[Service], elsewhere: Sequence[Endpoint] = ()
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of these services behind the gateway; where others are, the settings say."""
    known = [one for service in here for one in endpoints(service.name, service.handlers)]  # type: ignore[arg-type]
    gateway = front(process, [*known, *elsewhere])
    app = build_app([*here, gateway.service], process, gateway.wrap)
    try:
        async with _served(app, process) as client:
            yield client
    finally:
        await gateway.close()


@asynccontextmanager
async def serving(
    process: Process, services: Sequence[Service]
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of these services, which run on uvicorn behind a real socket."""
    async with _served(build_app(services, process), process) as client:
        yield client


@asynccontextmanager
async def _served(app: ASGIApp, process: Process) -> AsyncIterator[httpx.AsyncClient]:
    settings = process.settings.section(WebSettings)
    listener = bind("127.0.0.1", 0)
    started, stop = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(serve(app, listener, settings, started=started.set, stop=stop))
    try:
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if not task.done():
            async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False) as client:
                yield client
    finally:
        stop.set()
        await task


@asynccontextmanager
async def calling(
    process: Process, services: Sequence[Service]
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of these services without a server between: quick, for tables of cases."""
    app = build_app(services, process)
    async with (
        _lifespan(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,  # type: ignore[arg-type]
    ):
        yield client


@asynccontextmanager
async def _lifespan(app: ASGIApp) -> AsyncIterator[None]:
    to_app: asyncio.Queue[Any] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    scope: Any = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    task = asyncio.ensure_future(app(scope, to_app.get, from_app.put))
    for stage in ("startup", "shutdown"):
        await to_app.put({"type": f"lifespan.{stage}"})
        answer = await from_app.get()
        assert answer["type"] == f"lifespan.{stage}.complete", answer
        if stage == "startup":
            yield
    await task


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    """The status and code, the error body and nothing else, the request id, no detail of ours."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert set(body) == {"message", "code", "details"}
    assert body["message"]
    assert answer.headers["content-type"] == "application/json"
    assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])
    assert answer.headers["cache-control"] == "no-store"
    assert "Traceback" not in answer.text
    assert "litestar" not in answer.text.lower()
