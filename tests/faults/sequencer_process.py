"""A program for the tests: a sequencer that says each step, and waits at the one it is told to.

usage: sequencer_process.py DATABASE_URL FOLDER STEP TIMES

It ends when its stdin is closed: when whoever started it has died.
"""
# ruff: noqa: T201 - its output is its answer

import asyncio
import os
import queue
import sys
from pathlib import Path
from threading import Thread

from interop.published import SIGNERS

from lotabots.audit.sequencer import Sequencer
from lotabots.kernel import LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.files import Files

released: queue.Queue[str] = queue.Queue()


def listen() -> None:
    for line in sys.stdin:
        released.put(line)
    os._exit(0)


async def main(url: str, folder: str, at: str, times: str) -> None:
    left = int(times)

    def step(name: str) -> None:
        nonlocal left
        print(name, flush=True)
        left -= name == at
        if name == at and left == 0:
            print("held", flush=True)
            released.get()

    database = await Database.open(url)
    sequencer = Sequencer(database, Files(Path(folder)), SIGNERS, step)
    while True:
        try:
            await sequencer.run()
        except LotaError as error:
            print(error.code, flush=True)
        await asyncio.sleep(0.02)


Thread(target=listen, daemon=True).start()
asyncio.run(main(*sys.argv[1:]))
