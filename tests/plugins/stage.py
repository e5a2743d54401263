"""The attestation API in the process of the test, whose clock a test can meddle with.

async with staged(database) as stage:
    stage.now = utc_now() + timedelta(hours=1)
"""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from uuid import uuid4

from plugins.api import Api, Servers
from plugins.process import MASTER_KEY, Tokens, calling, make_process

from lotabots import attestation, reference
from lotabots.attestation import AttestationSettings
from lotabots.reference import ReferenceSettings
from lotabots.runtime.blobs import Blobs
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.process import Process
from lotabots.runtime.web import TOKEN_PURPOSE
from lotabots.simulator import anchors


class Interrupted(Blobs):
    """A store that does something else just before it stores the certificates of a node."""

    before: Callable[[], Awaitable[object]] | None = None

    async def put(self, data: bytes) -> str:
        if self.before is not None and data.startswith(b"-----BEGIN CERT"):
            await self.before()
        return await super().put(data)


class Stage(SimpleNamespace):
    """An API in this process, and the moment that it takes for now; None: the true one."""

    api: Api
    process: Process
    blobs: Blobs
    now: datetime | None


@asynccontextmanager
async def staged(
    database: Database, *sections: object, blobs: Blobs | None = None
) -> AsyncIterator[Stage]:
    """The services attestation and reference, with default settings but for these sections."""
    stage = Stage(now=None, blobs=blobs or Blobs.in_memory())
    given = (AttestationSettings(), ReferenceSettings(), *sections)
    made = make_process(database, io.BytesIO(), *given)
    stage.process = replace(made, blobs=stage.blobs, clock=lambda: stage.now or utc_now())
    services = [attestation.service(stage.process, anchors()), reference.service(stage.process)]
    keys = await Keyring(database, MASTER_KEY).load(TOKEN_PURPOSE)
    async with calling(stage.process, services) as client:
        servers = Servers("in-process", "", {}, "")
        stage.api = Api(servers, client, Tokens(keys.current, uuid4()), database)
        yield stage
