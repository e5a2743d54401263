"""What the command line calls: everything in one process, or some services of it."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import TypeVar

import uvloop

from lotabots.evidence import Anchors
from lotabots.runtime.settings import Settings
from lotabots.server.compose import Running, running
from lotabots.server.services import EVERYTHING

T = TypeVar("T")


def run(main: Coroutine[object, object, T]) -> T:
    """What the coroutine returns, run on the loop that we serve on."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def up(
    settings: Settings,
    environ: Mapping[str, str],
    *,
    ready: Callable[[Running], None],
    anchors: Anchors | None = None,
) -> None:
    """Serves everything in this process until told to stop; `ready` is called once it answers."""
    serve(EVERYTHING, settings, environ, ready=ready, anchors=anchors)


def serve(
    names: Collection[str],
    settings: Settings,
    environ: Mapping[str, str],
    *,
    ready: Callable[[Running], None],
    anchors: Anchors | None = None,
) -> None:
    """Serves these services until told to stop; `ready` is called once they answer."""

    async def main() -> None:
        async with running(settings, environ, names=names, anchors=anchors) as server:
            ready(server)
            await server.stopped()

    run(main())
