"""From a revocation in one process to the refusal in another, and what listening costs."""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import uvloop

from benchmarks.table import Row
from lotabots.access import issue_token
from lotabots.cli.client import Client
from lotabots.kernel import LotaError, Role, SigningKey
from lotabots.runtime.blobs import Blobs
from lotabots.runtime.cache import Caches
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.events import Channel, revoke_token
from lotabots.runtime.files import open_files
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.migrations import migrate
from lotabots.runtime.postgres import EmbeddedPostgres
from lotabots.runtime.process import Process
from lotabots.runtime.settings import Settings
from lotabots.runtime.telemetry import open_telemetry
from lotabots.runtime.web import TOKEN_PURPOSE, TokenSettings, VerifiedTokens

MASTER = bytes(32)
REVOKED, STUCK, IDLE_SECONDS, TOKENS, HITS = 100, 5, 20.0, 2000, 50_000
SERVE = """
import os
from lotabots.server import read_settings, serve
serve(["identity"], read_settings(os.environ), os.environ, ready=lambda s: print(s.url, flush=True))
"""
NOTES = [
    "`revoke-*`: from the acknowledged commit in one process to the start of the last request",
    "that another process let in, asked without a pause over one connection; `stuck`: while",
    "PostgreSQL's side of its listening connection is stopped: nothing comes, nothing breaks.",
    "`heartbeat-*`: CPU of an otherwise idle process and of its backend, for four beats a second.",
    "`token-*`: CPU to verify a user token seen first (signature, profile, whether revoked), and a",
    "known one.",
]


def run() -> tuple[list[Row], list[str]]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measured()), NOTES


async def _measured() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="lotabots-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # noqa: ASYNC240
        async with EmbeddedPostgres(folder / "postgres", state=folder) as server:
            await migrate(server.owner_url)
            delays, stuck = await _delays(server, folder)
            ours, backend = await _beats(server.app_url)
            cold, cached = await _tokens(server.app_url)
    worst, late = max(delays), max(stuck)
    return [
        Row("revoke-p50-ms", statistics.median(delays), None, "ms", None, "shown", None),
        Row("revoke-worst-ms", worst, None, "ms", None, "<= 1000 ms", worst <= 1000),
        Row("revoke-stuck-ms", late, None, "ms", None, "<= 1000 ms", late <= 1000),
        Row("heartbeat-process", ours, None, "% of a core", None, "shown", None),
        Row("heartbeat-postgres", backend, None, "% of a core", None, "shown", None),
        Row("token-cold-us", cold, None, "us", None, "<= 200 us", cold <= 200),
        Row("token-cached-us", cached, None, "us", None, "<= 2 us", cached <= 2),
    ]


async def _delays(server: EmbeddedPostgres, folder: Path) -> tuple[list[float], list[float]]:
    """Milliseconds for each of `REVOKED` tokens, and of `STUCK` more that nobody is told of."""
    url = server.app_url
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOTA_")}
    environ |= {
        "LOTA_DATABASE_URL": url,
        "LOTA_KEYRING_KEY": b64encode(MASTER).decode(),
        "LOTA_DATA_DIRECTORY": str(folder / "data"),
        "LOTA_WEB_PORT": "0",
        "LOTA_LOG_LEVEL": "error",
    }
    database = await Database.open(url, connections=2)
    key = (await Keyring(database, MASTER).load(TOKEN_PURPOSE)).current
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", SERVE], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        delays = [await _delay(database, address, key) for _ in range(REVOKED)]
        stuck = []
        for _ in range(STUCK):
            pid = await _listener(database)
            os.kill(pid, signal.SIGSTOP)
            stuck.append(await _delay(database, address, key))
            os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(3)  # it listens anew, and hears again
        process.terminate()
    await database.close()
    return delays, stuck


async def _listener(database: Database) -> int:
    async with database.transaction(None) as tx:
        pid = await tx.fetch_value(
            "select pid from pg_stat_activity where application_name = 'lotabots-events'", into=int
        )
    assert pid is not None
    return pid


async def _delay(database: Database, address: str, key: SigningKey) -> float:
    token_id = uuid4().hex
    with Client(address, _token(key, token_id)) as client:
        assert await asyncio.to_thread(_is_let_in, client)
        last = 0.0

        def hammer() -> None:
            nonlocal last
            while True:
                asked = time.perf_counter()
                if not _is_let_in(client):
                    return
                last = asked

        hammering = asyncio.create_task(asyncio.to_thread(hammer))
        await asyncio.sleep(0.01)
        async with database.transaction(None) as tx:
            await revoke_token(tx, token_id, utc_now() + timedelta(minutes=10))
        committed = time.perf_counter()
        await hammering
        return max(0.0, last - committed) * 1000


def _is_let_in(client: Client) -> bool:
    try:
        client.get("/v1/users")
    except LotaError as error:
        if error.code != "TOKEN_REVOKED":
            raise
        return False
    return True


async def _beats(url: str) -> tuple[float, float]:
    """Part of a core in percent: of this process, of its backend; both do nothing else."""
    database = await Database.open(url, connections=2)
    telemetry = open_telemetry("error")
    channel = Channel(database, telemetry.registry, telemetry.log)
    async with channel.open():
        pid = await _listener(database)
        ours, backend = time.process_time(), _cpu(pid)
        await asyncio.sleep(IDLE_SECONDS)
        ours, backend = time.process_time() - ours, _cpu(pid) - backend
    await database.close()
    return ours / IDLE_SECONDS * 100, backend / IDLE_SECONDS * 100


def _cpu(pid: int) -> float:
    """Seconds, to the nanosecond (proc(5) counts in hundredths)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


async def _tokens(url: str) -> tuple[float, float]:
    """Microseconds of CPU for a token seen first, and for one that is remembered."""
    database = await Database.open(url, connections=2)
    telemetry = open_telemetry("error")
    channel = Channel(database, telemetry.registry, telemetry.log)
    caches = Caches(channel, telemetry.registry)
    process = Process(
        settings=Settings([TokenSettings()]),
        database=database,
        blobs=Blobs.in_memory(),
        log_files=open_files("memory:///"),
        keyring=Keyring(database, MASTER, caches),
        clock=utc_now,
        telemetry=telemetry,
        events=channel,
        caches=caches,
    )
    key = (await process.keyring.load(TOKEN_PURPOSE)).current
    verified = VerifiedTokens(process)
    async with channel.open():
        await verified.verify(_token(key, uuid4().hex))
        tokens = [_token(key, uuid4().hex) for _ in range(TOKENS)]
        began = time.process_time()
        for token in tokens:
            await verified.verify(token)
        cold = (time.process_time() - began) / TOKENS
        cached = []
        for _ in range(5):
            began = time.process_time()
            for _ in range(HITS):
                await verified.verify(tokens[-1])
            cached.append((time.process_time() - began) / HITS)
            await asyncio.sleep(0)  # the heart beats meanwhile
            await asyncio.sleep(0.1)
    await database.close()
    return cold * 1e6, min(cached) * 1e6


def _token(key: SigningKey, token_id: str) -> str:
    return issue_token(
        user_id=uuid4(),
        tenant_id=uuid4(),
        role=Role.ADMIN,
        key=key,
        issuer=TokenSettings().issuer,
        audience=TokenSettings().audience,
        now=utc_now(),
        lifetime=timedelta(minutes=10),
        token_id=token_id,
    )
