"""The gateway put together over one process: what it answers itself, and what runs beside it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from litestar.types import ASGIApp

from lotabots.audit import REFUSALS, SYSTEM, Entry, Journal
from lotabots.gateway.app import Gateway
from lotabots.gateway.buckets import Shared
from lotabots.gateway.limiter import PROBE_SECONDS, Limiter
from lotabots.gateway.pages import HANDLERS
from lotabots.gateway.settings import GatewaySettings, LimitSettings
from lotabots.gateway.upstream import HEALTH_SECONDS, Http, upstreams
from lotabots.kernel import OPERATOR_TENANT
from lotabots.runtime.clock import ticks
from lotabots.runtime.process import Process
from lotabots.runtime.redis import Connections, RedisSettings, open_redis
from lotabots.runtime.tasks import Loop
from lotabots.runtime.web import OWN, Endpoint, Service, endpoints


@dataclass(frozen=True)
class Front:
    """The gateway of a process."""

    service: Service
    """Its own pages and loops, to be served with whatever services this process has."""
    wrap: Callable[[ASGIApp], ASGIApp]
    """Puts it in front of them."""
    elsewhere: dict[str, Http]
    redis: Connections | None

    async def close(self) -> None:
        """Closes its connections to Redis and to services elsewhere."""
        for upstream in self.elsewhere.values():
            await upstream.close()
        if self.redis is not None:
            await self.redis.close()


def front(process: Process, known: Iterable[Endpoint]) -> Front:
    """The gateway before these endpoints, of services here and elsewhere."""
    limits = process.settings.section(LimitSettings)
    redis = open_redis(process.settings.section(RedisSettings))
    shared = None if redis is None else Shared(redis)
    limiter = Limiter(limits, shared, process.telemetry, ticks)
    elsewhere = upstreams(process.settings.section(GatewaySettings), process.telemetry)
    journal = Journal(process.keyring)

    async def note(mode: str) -> None:
        async with process.database.transaction(OPERATOR_TENANT) as tx:
            await journal.append(tx, _changed(mode))

    async def watch(_: Process) -> None:
        await limiter.watch(note)

    async def check(_: Process) -> None:
        for upstream in elsewhere.values():
            await upstream.check()

    loops = [REFUSALS]
    if shared is not None:
        loops.append(Loop("gateway.redis", PROBE_SECONDS, watch))
    if elsewhere:
        loops.append(Loop("gateway.health", HEALTH_SECONDS, check))
    own = (*OWN, *endpoints("gateway", HANDLERS))
    return Front(
        Service(name="gateway", handlers=HANDLERS, loops=tuple(loops)),
        lambda app: Gateway(process, limiter, (*known, *own), elsewhere, app),
        elsewhere,
        redis,
    )


def _changed(mode: str) -> Entry:
    """The entry that says who decides about limits from now on: `shared` is Redis, `alone` we."""
    return Entry(
        actor_ref=SYSTEM, verb="limits.change", subject_ref=f"limits:{mode}", outcome="done"
    )
