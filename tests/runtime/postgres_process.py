"""A program for the tests: it runs an embedded server, prints what it is, and waits for its stdin.

usage: postgres_process.py DIRECTORY STATE
"""
# ruff: noqa: ASYNC240, T201 - its output is its answer, and nothing else runs

import asyncio
import json
import sys
from pathlib import Path

from lotabots.kernel import LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.postgres import EmbeddedPostgres


async def main(directory: str, state: str) -> None:
    server = EmbeddedPostgres(Path(directory), state=Path(state))
    try:
        async with server:
            database = await Database.open(server.app_url)
            await database.check()
            await database.close()
            about = {"pid": server.pid, "app": server.app_url, "owner": server.owner_url}
            about["uid"] = Path(f"/proc/{server.pid}").stat().st_uid
            print(json.dumps(about), flush=True)
            await asyncio.to_thread(sys.stdin.read)
    except LotaError as error:
        print(json.dumps({"code": error.code, "detail": str(error.details)}), flush=True)


asyncio.run(main(*sys.argv[1:]))
