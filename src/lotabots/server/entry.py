"""What the command line calls: everything in one process, or some services of it."""

import asyncio
import gc
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import TypeVar

import uvloop

from lotabots.evidence import Anchors
from lotabots.runtime.settings import Settings
from lotabots.server.compose import Running, running
from lotabots.server.services import EVERYTHING

T = TypeVar("T")

YOUNG = 5000
"""Objects more than were freed, before the collector looks at them. A request makes no cycles, so
that 700, as shipped, has it look through requests that are being answered and find nothing."""


def run(main: Coroutine[object, object, T]) -> T:
    """What the coroutine returns, run on the loop that we serve on."""
    gc.set_threshold(YOUNG)
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
