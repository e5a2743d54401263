"""The API as clients meet it: real processes behind the gateway, all in one or each on its own.

    @pytest.mark.anyio
    async def test_something(api: Api) -> None:
        answer = await api.get("/v1/nodes", as_=Role.VIEWER)

Every test that takes `api` runs in both modes. Each test has a tenant of its own.
"""

import base64
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

import httpx
import pytest
from plugins.database import DatabaseUrls
from plugins.process import MASTER_KEY, Tokens

from lotabots.gateway import LimitSettings
from lotabots.kernel import Role
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.web import TOKEN_PURPOSE
from lotabots.server import ANSWERING, EVERYTHING, GATEWAY, NAMES
from lotabots.simulator import roots_pem

MODES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "one-process": (EVERYTHING,),
    # Identity and audit share one, so that a process with several services is met as well.
    "gateway-and-services": (
        ("identity", "audit"),
        *((name,) for name in NAMES if name not in ("identity", "audit")),
        (GATEWAY,),
    ),
}
"""The processes of each mode, in the order in which they start; the last has the gateway."""
UNLIMITED = "1000000/1s"
LIMITS = [one.name.upper() for one in fields(LimitSettings) if one.type in ("str", str)]
START_SECONDS = 60
SERVE = """
import os, sys
from lotabots.server import read_settings, serve
serve(sys.argv[1:], read_settings(os.environ), os.environ, ready=lambda s: print(s.url, flush=True))
"""


@dataclass(frozen=True)
class Servers:
    """The gateway's base URL, those of the services behind it, and the database beneath."""

    mode: str
    url: str
    services: Mapping[str, str]
    """Where each service can be reached past the gateway; nothing in the mode of one process."""
    database_url: str

    @property
    def processes(self) -> set[str]:
        """The address of each process."""
        return {self.url, *self.services.values()}


@dataclass(frozen=True)
class Api:
    """A client of the gateway with tokens of one tenant."""

    servers: Servers
    client: httpx.AsyncClient
    tokens: Tokens
    database: Database
    user: UUID = field(default_factory=uuid4)

    @property
    def tenant(self) -> UUID:
        return self.tokens.tenant

    def of_another_tenant(self) -> "Api":
        tokens = Tokens(self.tokens.key, uuid4())
        return Api(self.servers, self.client, tokens, self.database)

    async def get(self, path: str, as_: Role | None = Role.ADMIN, **other: Any) -> httpx.Response:
        return await self.request("GET", path, as_, **other)

    async def post(
        self, path: str, json: object = None, as_: Role | None = Role.ADMIN, **other: Any
    ) -> httpx.Response:
        if json is not None:
            other["json"] = json
        return await self.request("POST", path, as_, **other)

    async def request(
        self,
        method: str,
        path: str,
        as_: Role | None = Role.ADMIN,
        *,
        node: str | None = None,
        headers: Mapping[str, str] | None = None,
        **other: Any,
    ) -> httpx.Response:
        """`as_` None sends no token; `node` is the node of an agent."""
        sent = dict(headers or {})
        if as_ is not None:
            claims: dict[str, object] = {"user_id": self.user}
            sent |= self.tokens.of(as_, **claims, **({} if node is None else {"node_id": node}))
        return await self.client.request(method, self.servers.url + path, headers=sent, **other)


@pytest.fixture(scope="session")
def api_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lotabots-api-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session", params=MODES)
def servers(
    request: pytest.FixtureRequest, session_database_urls: DatabaseUrls, api_folder: Path
) -> Iterator[Servers]:
    """The processes of one mode; both modes share a database, as two deployments may."""
    with run_mode(request.param, session_database_urls, api_folder) as running:
        yield running


@contextmanager
def run_mode(mode: str, urls: DatabaseUrls, folder: Path, **more: str) -> Iterator[Servers]:
    """The processes of one mode; `more` are further variables of their environment."""
    roots = folder / "simulated.pem"
    roots.write_bytes(roots_pem())
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOTA_")}
    environ |= {
        "LOTA_DATABASE_URL": urls.app,
        "LOTA_DATABASE_SEQUENCER_URL": urls.sequencer,
        "LOTA_AUDIT_PUBLISH_MS": "100",
        "LOTA_KEYRING_KEY": base64.b64encode(MASTER_KEY).decode(),
        "LOTA_DATA_DIRECTORY": str(folder),
        "LOTA_ATTESTATION_SIMULATED_ANCHORS": str(roots),
        "LOTA_IDENTITY_BCRYPT_COST": "10",
        # Every test comes from the same address; the delays have tests of their own.
        "LOTA_IDENTITY_FREE_ATTEMPTS": "1000",
        # Their receivers are on this machine, too.
        "LOTA_ATTESTATION_WEBHOOK_INSECURE": "true",
        "LOTA_WEB_PORT": "0",
    }
    environ |= {f"LOTA_LIMITS_{name}": UNLIMITED for name in LIMITS} | more
    *services, last = MODES[mode]
    places: dict[str, str] = {}
    with ExitStack() as stack:
        # One after the other: each is asked for its address, which the gateway is then told.
        started = [(names, stack.enter_context(_run(names, environ))) for names in services]
        for names, process in started:
            places |= dict.fromkeys(names, process.address())
        told = " ".join(f"{name}={url}" for name, url in places.items() if name in ANSWERING)
        where = {"LOTA_GATEWAY_SERVICES": told}
        gateway = stack.enter_context(_run(last, environ | where))
        yield Servers(mode, gateway.address(), places, urls.app)


@pytest.fixture
async def api(servers: Servers) -> AsyncIterator[Api]:
    """A client of the API in a tenant of its own."""
    async with client_of(servers) as made:
        yield made


@asynccontextmanager
async def client_of(servers: Servers) -> AsyncIterator[Api]:
    """A client of these servers in a tenant of its own."""
    database = await Database.open(servers.database_url, connections=2)
    try:
        keys = await Keyring(database, MASTER_KEY).load(TOKEN_PURPOSE)
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            yield Api(servers, client, Tokens(keys.current, uuid4()), database)
    finally:
        await database.close()


@dataclass(frozen=True)
class _Running:
    process: "subprocess.Popen[str]"
    log: IO[bytes]

    def address(self) -> str:
        """The URL that the process prints once it answers."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            ready = selector.select(START_SECONDS)
        url = self.process.stdout.readline().strip() if ready else ""
        assert url.startswith("http://"), self.said()
        return url

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()[-4000:].decode(errors="replace")


@contextmanager
def _run(names: tuple[str, ...], environ: dict[str, str]) -> Iterator[_Running]:
    command = [sys.executable, "-c", SERVE, *names]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        running = _Running(process, log)
        try:
            yield running
        finally:
            process.terminate()
            assert process.wait(30) == 0, running.said()
