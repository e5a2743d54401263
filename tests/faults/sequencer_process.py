"""A program for the tests: a sequencer that says each step, and waits at the one it is told to.

With `--both-loops` it runs the two loops of a server instead of one step after the other. It ends
when its stdin is closed: when whoever started it has died.
"""
# ruff: noqa: T201 - its output is its answer

import argparse
import asyncio
import os
import queue
import sys
from pathlib import Path
from threading import Thread

from interop.published import SIGNERS

from lotabots.audit import Sequencer
from lotabots.audit.duty import Duty
from lotabots.audit.witnesses import Witnesses, read_witness_policy
from lotabots.kernel import LotaError
from lotabots.runtime.blobs import Blobs
from lotabots.runtime.cache import Caches
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.events import Channel
from lotabots.runtime.files import Folder
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.process import Process
from lotabots.runtime.settings import Settings
from lotabots.runtime.tasks import running
from lotabots.runtime.telemetry import open_telemetry

CONNECTIONS = 2
"""As many as a server gives its sequencer."""
PUBLISH_SECONDS = 0.01
"""Far less than a server is allowed: most moments are in the middle of a publication."""
released: queue.Queue[str] = queue.Queue()


def listen() -> None:
    for line in sys.stdin:
        released.put(line)
    os._exit(0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--at", default="")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--both-loops", action="store_true")
    parser.add_argument("--witnesses", default="")
    return parser.parse_args()


async def main(given: argparse.Namespace) -> None:
    left = given.times

    def step(name: str) -> None:
        nonlocal left
        print(name, flush=True)
        left -= name == given.at
        if name == given.at and left == 0:
            print("held", flush=True)
            released.get()

    database = await Database.open(given.url, connections=CONNECTIONS)
    policy = read_witness_policy(given.witnesses, SIGNERS)
    witnesses = None if policy is None else Witnesses(policy)
    files = Folder(given.folder)
    sequencer = Sequencer(database, files, SIGNERS, witnesses, step)
    if given.both_loops:
        await serve(sequencer, database, files)
    while True:
        try:
            await sequencer.run()
        except LotaError as error:
            print(error.code, flush=True)
        await asyncio.sleep(0.02)


async def serve(sequencer: Sequencer, database: Database, files: Folder) -> None:
    telemetry = open_telemetry("info", sys.stdout.buffer)
    events = Channel(database, telemetry.registry, telemetry.log)
    process = Process(
        settings=Settings([]),
        database=database,
        blobs=Blobs.in_memory(),
        log_files=files,
        model_files=Path("/dev/null/models"),
        keyring=Keyring(database, bytes(32)),
        clock=utc_now,
        telemetry=telemetry,
        events=events,
        caches=Caches(events, telemetry.registry),
    )
    duty = Duty(sequencer, telemetry.registry, telemetry.log)
    async with running(duty.loops(PUBLISH_SECONDS), process):
        await asyncio.Event().wait()


Thread(target=listen, daemon=True).start()
asyncio.run(main(arguments()))
