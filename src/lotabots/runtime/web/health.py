"""What operators ask a process: is it alive, can it work, what has it done."""

from collections.abc import Mapping
from types import MappingProxyType

from litestar import Response, get
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from lotabots import __version__
from lotabots.runtime.process import Process
from lotabots.runtime.web.auth import PUBLIC

UNLIMITED: Mapping[str, object] = MappingProxyType({**PUBLIC, "lotabots.unlimited": True})
"""`opt=UNLIMITED`: public, and under no rate limit. For what load balancers ask all the time."""

METRICS_TYPE = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
"""The framework adds the character set to any text; Prometheus refuses a type that has it twice."""


@get("/healthz", opt=UNLIMITED, include_in_schema=False)
async def healthz() -> dict[str, str]:
    """Says that the process answers; looks at nothing else."""
    return {"status": "ok", "version": __version__}


@get("/readyz", opt=UNLIMITED, include_in_schema=False)
async def readyz(process: Process) -> dict[str, str]:
    """Says that the database answers. Raises `DATABASE_UNAVAILABLE` (503) when it does not."""
    await process.database.check()
    return {"status": "ready"}


@get("/metrics", opt=PUBLIC, include_in_schema=False)
async def metrics(process: Process) -> Response[bytes]:
    """Every counter of this process in the Prometheus text format."""
    text = generate_latest(process.telemetry.registry)
    return Response(text, media_type=METRICS_TYPE)


HANDLERS = (healthz, readyz, metrics)
