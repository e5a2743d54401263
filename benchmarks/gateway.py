"""The gateway: CPU of one request, against Envoy, nginx and FastAPI; and what its parts cost."""

import asyncio
import hashlib
import hmac
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from benchmarks import gateway_peers as peers
from benchmarks.server import PASSWORD, READY, TICKS
from benchmarks.table import Row
from lotabots.access import Permission, Resource, authorize
from lotabots.cli.client import Client
from lotabots.kernel import Principal, Role, SigningKey, encode_base64url
from lotabots.runtime.postgres import EmbeddedPostgres
from lotabots.runtime.telemetry import open_telemetry
from lotabots.runtime.web import WebSettings
from lotabots.runtime.web.edge import Edge

SECONDS, CONNECTIONS, ROUNDS = 3, 32, 3
PATH = "/v1/nodes"
SECRET = "a secret of the benchmark, long enough for HS256"
UNLIMITED = {
    f"LOTA_LIMITS_{name}": "1000000/1s"
    for name in ("DEFAULT_IP", "DEFAULT_USER", "PUBLIC_IP", "LOGIN_IP")
}
COUNTED = re.compile(r"(\d+) requests in")
BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)")

NOTES = [
    "Server CPU of one request, 2 KB of JSON, wrk with 32 connections, one worker each, medians",
    "of rounds in turn. Ours: ES256, buckets of address and user, id, trace, headers, a JSON log,",
    "metrics, forwarded through Http. Envoy: jwt_authn, local_ratelimit by address and user, id,",
    "headers, JSON log. nginx: limit_req, id, headers, JSON log, no token. The backend is an nginx",
    "whose CPU is not counted. FastAPI answers itself (PyJWT, HS256, redis-py), held against our",
    "gateway with Redis, which forwards; Redis itself is in neither. Apart and in one process:",
    "one route of a service that reads PostgreSQL, whose CPU is not counted, both with Redis. All",
    "requests carry the same token, so that all but the first are found in our cache.",
]


def run() -> tuple[list[Row], list[str]]:
    return [*parts(), *proxies(), *redis_killed()], NOTES


def load(url: str, token: str) -> int:
    """How many requests wrk got answered in `SECONDS`; all must be good."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed")
    said = subprocess.run(
        [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"authorization: Bearer {token}", url],  # noqa: E501
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if BAD.search(said) or not (found := COUNTED.search(said)):
        raise SystemExit(f"{url} answered amiss:\n{said}")
    return int(found[1])


def cpu_of(*pids: int) -> float:
    """User and system seconds of these processes alone."""
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(value) for value in fields[11:13]) / TICKS
    return total


def microseconds(url: str, token: str, *pids: int) -> float:
    before = cpu_of(*pids)
    count = load(url, token)
    return (cpu_of(*pids) - before) / count * 1e6


@contextmanager
def lotabots(data: Path, *services: str, **environ: str) -> Iterator[tuple[str, int, str]]:
    """`lotabots serve` of these: address, process id, the admin's password if just made."""
    data.mkdir(parents=True, exist_ok=True)
    log = data / f"log-{uuid4().hex}"
    command = ["up"] if not services else ["serve", *services]
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-m", "lotabots", *command, "--data", str(data), "--port", "0"],
            env=dict(os.environ) | UNLIMITED | environ, stderr=said,
        ) as process,
    ):  # fmt: skip
        try:
            for _ in range(1200):
                text = log.read_text()
                if process.poll() is not None:
                    raise SystemExit(text)
                if found := READY.search(text):
                    break
                time.sleep(0.05)
            time.sleep(0.3)
            password = PASSWORD.search(log.read_text())
            yield found[1].rstrip("/"), process.pid, password[1] if password else ""  # type: ignore[index]
        finally:
            process.terminate()


def proxies() -> list[Row]:
    """Our gateway, alone and with Redis, and its peers, in alternating rounds."""
    key = SigningKey(generate_private_key(SECP256R1()))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-gateway-")))
        redis = stack.enter_context(redis_server())
        to = stack.enter_context(peers.backend())
        static = f"http://127.0.0.1:{to}"
        elsewhere = {
            "LOTA_GATEWAY_SERVICES": f"attestation={static} reference={static} audit={static}"
        }
        cases: dict[str, Callable[[], float]] = {}

        def case(name: str, url: str, token: str, *pids: int) -> None:
            load(url, token)
            cases[name] = lambda: microseconds(url, token, *pids)

        url, pid, password = stack.enter_context(
            lotabots(folder / "ours", "gateway", "identity", **elsewhere)
        )
        case("ours", url + PATH, log_in(url, password), pid)
        url, pid, password = stack.enter_context(
            lotabots(folder / "redis", "gateway", "identity", **elsewhere, LOTA_REDIS_URL=redis)
        )
        case("redis", url + PATH, log_in(url, password), pid)
        url, pid, password = stack.enter_context(
            lotabots(folder / "up", LOTA_REDIS_URL=redis, LOTA_LOG_LEVEL="info")
        )
        case("one", url + PATH, log_in(url, password), pid)
        port, pid = stack.enter_context(peers.nginx_proxy(to))
        case("nginx", f"http://127.0.0.1:{port}{PATH}", "", pid)
        symmetric = {
            "kty": "oct",
            "kid": "s",
            "alg": "HS256",
            "k": encode_base64url(SECRET.encode()),
        }
        port, pid = stack.enter_context(peers.envoy(to, {"keys": [symmetric]}))
        case("envoy-hs256", f"http://127.0.0.1:{port}{PATH}", hs256(), pid)
        port, pid = stack.enter_context(peers.envoy(to, {"keys": [key.verifying.jwk()]}))
        case("envoy-es256", f"http://127.0.0.1:{port}{PATH}", es256(key), pid)
        port, pid = stack.enter_context(peers.fastapi(SECRET, redis))
        case("fastapi", f"http://127.0.0.1:{port}{PATH}", hs256(), pid)
        found: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, measure in cases.items():
                found[name].append(measure())
        cpu = {name: statistics.median(values) for name, values in found.items()}
        peers.log(json.dumps(cpu))
        apart = processes_apart(folder / "apart", stack, redis)
    return [
        most("gateway-hs256-vs-envoy", cpu["ours"], cpu["envoy-hs256"], 1.0),
        most("gateway-es256-vs-envoy", cpu["ours"], cpu["envoy-es256"], 0.65),
        most("gateway-vs-nginx", cpu["ours"], cpu["nginx"], 4.0),
        most("redis-vs-memory", cpu["redis"], cpu["ours"], 1.5),
        most("processes-vs-one", apart, cpu["one"], 2.5),
        most("vs-fastapi", cpu["redis"], cpu["fastapi"], 0.25),
    ]


def most(metric: str, ours: float, peer: float, bound: float) -> Row:
    """A row whose ratio is ours over the peer's, and at most `bound`."""
    ratio = ours / peer
    return Row(metric, ours, peer, "us", ratio, f"<= {bound:g}x", ratio <= bound)


def processes_apart(data: Path, stack: ExitStack, redis: str) -> float:
    """CPU of gateway and service together, when each is a process of its own."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-postgres-")))
    folder.chmod(0o711)
    postgres = EmbeddedPostgres(folder, state=folder, run_directories=[folder])
    asyncio.run(postgres.start())
    stack.callback(lambda: asyncio.run(postgres.stop()))
    shared = {"LOTA_DATABASE_URL": postgres.app_url, "LOTA_REDIS_URL": redis}
    url, service, _ = stack.enter_context(
        lotabots(data, "attestation", **shared, LOTA_DATABASE_OWNER_URL=postgres.owner_url)
    )
    services = " ".join(f"{name}={url}" for name in ("attestation", "reference", "audit"))
    gateway, front, password = stack.enter_context(
        lotabots(data, "gateway", "identity", **shared, LOTA_GATEWAY_SERVICES=services)
    )
    token = log_in(gateway, password)
    load(gateway + PATH, token)
    return statistics.median(
        microseconds(gateway + PATH, token, service, front) for _ in range(ROUNDS)
    )


def log_in(url: str, password: str) -> str:
    with Client(url) as client:
        body = {"username": "admin", "password": password}
        return str(json.loads(client.post("/v1/login", body))["access_token"])


def hs256() -> str:
    now = int(time.time())
    claims = {"iss": "bench", "aud": "api", "sub": str(uuid4()), "iat": now, "exp": now + 3600}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': 's'})}.{_part(claims)}"
    mac = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encode_base64url(mac)}"


def es256(key: SigningKey) -> str:
    now = int(time.time())
    claims = {"iss": "bench", "aud": "api", "sub": str(uuid4()), "iat": now, "exp": now + 3600}
    signed = f"{_part({'alg': 'ES256', 'typ': 'JWT', 'kid': key.kid})}.{_part(claims)}"
    return f"{signed}.{encode_base64url(key.sign(signed.encode()))}"


def _part(value: dict[str, object]) -> str:
    return encode_base64url(json.dumps(value).encode())


@contextmanager
def redis_server() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="bench-redis-") as folder:
        port = peers.free_port()
        program = shutil.which("redis-server") or "redis-server"
        command = (program, "--port", str(port), "--save", "", "--dir", folder)
        with peers.running(*command, port=port):
            yield f"redis://127.0.0.1:{port}/0"


def parts() -> list[Row]:
    """What the edge and a decision cost, by themselves; tokens are in the benchmark `events`."""
    now = datetime.now(UTC)
    caller = Principal(
        user_id=uuid4(), tenant_id=uuid4(), role=Role.VIEWER, token_id="t", expires_at=now
    )  # fmt: skip
    resource = Resource(caller.tenant_id)
    rate = 1e6 / each(lambda: authorize(caller, Permission.NODE_READ, resource), 200_000)
    return [
        edge(),
        Row("authorize-s", rate, None, "/s", None, ">= 300000/s", rate >= 300_000),
    ]


def edge() -> Row:
    """The edge alone around an application that does nothing: id, trace, checks, headers, log."""
    with Path(os.devnull).open("wb") as nowhere:
        wrapped = Edge(_nothing, WebSettings(), open_telemetry("info", nowhere), None)
        spent = asyncio.run(_called(wrapped)) - asyncio.run(_called(_nothing))
    return Row("edge-us", spent, None, "us", None, "<= 25 us", spent <= 25)


async def _nothing(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}", "more_body": False})


async def _called(app: Any, count: int = 5000) -> float:  # noqa: ANN401
    """Microseconds of CPU of one request, the best of five."""

    async def ignore(*_: object) -> None: ...

    head = [(b"host", b"x"), (b"user-agent", b"wrk"), (b"authorization", b"Bearer " + b"x" * 500)]
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(count):
            scope = {
                "type": "http", "method": "GET", "path": PATH, "raw_path": PATH.encode(),
                "query_string": b"", "headers": head, "client": ("127.0.0.1", 1), "state": {},
            }  # fmt: skip
            await app(scope, ignore, ignore)
        best = min(best, (time.process_time() - began) / count * 1e6)
    return best


def each(task: Callable[[], object], count: int) -> float:
    """Microseconds of CPU of one, the best of five."""
    best = float("inf")
    for _ in range(5):
        began = time.process_time()
        for _ in range(count):
            task()
        best = min(best, (time.process_time() - began) / count * 1e6)
    return best


def redis_killed() -> list[Row]:
    """Redis killed, and back, at 500 requests a second: what got through, over the limit."""
    rate, burst, asked = 300, 100, 500
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-killed-")))
        port, program = peers.free_port(), shutil.which("redis-server") or "redis-server"
        command = (program, "--port", str(port), "--save", "", "--dir", str(folder))
        url, _, password = stack.enter_context(
            lotabots(
                folder / "data",
                LOTA_REDIS_URL=f"redis://127.0.0.1:{port}/0",
                LOTA_LIMITS_DEFAULT_USER=f"{rate}/1s burst {burst}",
            )
        )
        statuses: list[int] = []
        token = log_in(url, password)
        began = time.monotonic()
        with peers.running(*command, port=port):
            statuses += ask(url, token, asked, 3)
        statuses += ask(url, token, asked, 3)
        with peers.running(*command, port=port):
            statuses += ask(url, token, asked, 3)
        took = time.monotonic() - began
    share = statuses.count(200) / (rate * took + burst)
    failed = sum(status >= 500 for status in statuses)
    peers.log(
        f"redis killed: {len(statuses)} asked, {statuses.count(200)} let through, {failed} 5xx"
    )
    holds = share <= 1.25 and not failed
    return [Row("redis-kill", share, None, "x limit", None, "<= 1.25, no 5xx", holds)]


def ask(url: str, token: str, rate: int, seconds: float) -> list[int]:
    """The statuses of requests at this rate, from eight connections."""
    import http.client

    host = url.removeprefix("http://")
    statuses: list[int] = []

    def caller(first: float) -> None:
        connection = http.client.HTTPConnection(host)
        at, end = first, first + seconds
        while at < end:
            time.sleep(max(0.0, at - time.monotonic()))
            connection.request("GET", "/v1/policies", headers={"authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            at += 8 / rate
        connection.close()

    began = time.monotonic()
    threads = [threading.Thread(target=caller, args=(began + n / rate,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses
