"""A sequencer in a process of its own, held at a step of its work or killed there."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from plugins.database import DatabaseUrls

PROGRAM = Path(__file__).with_name("sequencer_process.py")
HELD = "held"
"""What the program says when it waits at the step that it was asked to wait at."""


@dataclass
class Sequencer:
    """One running sequencer."""

    child: Process
    steps: list[str] = field(default_factory=list)
    """Every step it came to."""
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_held(self, seconds: float = 20) -> None:
        """Returns when it waits at its step."""
        async with asyncio.timeout(seconds):
            await self.held.wait()

    async def until_said(self, word: str, seconds: float = 20) -> None:
        """Returns when it has said this step or this error's code."""
        async with asyncio.timeout(seconds):
            while word not in self.steps:  # noqa: ASYNC110 - another process says it
                await asyncio.sleep(0.01)

    def release(self) -> None:
        """Lets it go on, without a further stop."""
        assert self.child.stdin is not None
        self.child.stdin.write(b"\n")

    async def kill(self) -> None:
        """Kills it without warning, and reaps it."""
        with suppress(ProcessLookupError):
            self.child.kill()
        await self.child.wait()

    async def listen(self) -> None:
        """Reads what it says until it ends."""
        assert self.child.stdout is not None
        async for line in self.child.stdout:
            word = line.decode().strip()
            if word == HELD:
                self.held.set()
            else:
                self.steps.append(word)


@asynccontextmanager
async def sequencer(
    urls: DatabaseUrls, folder: Path, *, at: str = "", times: int = 1
) -> AsyncIterator[Sequencer]:
    """A sequencer of the log in that database, publishing to `folder`; killed when the block ends.

    It waits when it comes to the step `at` for the `times`-th time.
    """
    url = urls.app.replace("//lotabots_app@", "//lotabots_sequencer@")
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        url,
        folder,
        at,
        str(times),
        stdin=PIPE,
        stdout=PIPE,
        env=os.environ | {"PYTHONPATH": str(PROGRAM.parents[1])},
    )
    running = Sequencer(child)
    listening = asyncio.create_task(running.listen())
    try:
        yield running
    finally:
        await running.kill()
        await listening
