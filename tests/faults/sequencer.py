"""A sequencer in a process of its own, held at a step of its work or killed there."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from faults.copies import verified
from faults.log import Log
from interop.published import SIGNERS

from lotabots import audit
from lotabots.audit.witnesses import Witnesses, read_witness_policy
from lotabots.runtime.database import Database
from lotabots.runtime.files import Folder

PROGRAM = Path(__file__).with_name("sequencer_process.py")
HELD = "held"
"""What the program says when it waits at the step that it was asked to wait at."""


@dataclass
class Sequencer:
    """One running sequencer."""

    child: Process
    steps: list[str] = field(default_factory=list)
    """Every step it came to, and the code of every error it met."""
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_held(self, seconds: float = 20) -> None:
        """Returns when it waits at its step."""
        async with asyncio.timeout(seconds):
            await self.held.wait()

    async def until_said(self, word: str, times: int = 1, seconds: float = 20) -> None:
        """Returns when it has said this step or this error's code so many times."""
        async with asyncio.timeout(seconds):
            while self.steps.count(word) < times:  # noqa: ASYNC110 - another process says it
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
            elif word.startswith("{"):  # a server's log
                said = json.loads(word)
                self.steps.append(said.get("code") or said["event"])
            else:
                self.steps.append(word)


@asynccontextmanager
async def sequencer(
    log: Log,
    *,
    at: str = "",
    times: int = 1,
    both_loops: bool = False,
    witnesses: Path | None = None,
) -> AsyncIterator[Sequencer]:
    """A sequencer of the log, killed when the block ends.

    It waits when it comes to the step `at` for the `times`-th time. With `both_loops` it orders and
    publishes at the same time, as a server does. `witnesses` is a policy file.
    """
    options = ["--at", at, "--times", str(times)]
    options += ["--both-loops"] if both_loops else []
    options += ["--witnesses", str(witnesses)] if witnesses else []
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        log.urls.sequencer,
        log.folder,
        *options,
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


async def publish_all(log: Log, witnesses: Path | None = None) -> None:
    """Publishes everything that is committed, by a sequencer of this process. Raises its errors."""
    policy = read_witness_policy(str(witnesses or ""), SIGNERS)
    database = await Database.open(log.urls.sequencer, connections=2)
    try:
        one = audit.Sequencer(
            database, Folder(log.folder), SIGNERS, None if policy is None else Witnesses(policy)
        )
        count = len(await log.leaves())
        while await one.run() < count:
            log.see()
    finally:
        await database.close()
    log.see()


async def check(log: Log, witnesses: Path | None = None) -> None:
    """Everything acknowledged gets published, and the log is what everyone was told."""
    await publish_all(log, witnesses)
    head = await log.check_published()
    assert head.size == len(await log.leaves()) > 0
    report = verified(log.folder)
    assert (report.size, report.root, report.findings) == (head.size, head.root, ())
