"""A small service, called directly and over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import get, post
from litestar.params import Parameter
from plugins.process import calling, serving

from lotabots.access import Permission
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import AUTHENTICATED, PUBLIC, Service, requires


class Note(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    number: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0
    data: bytes = b""


class Shelf:
    """Something that a service gives to its handlers."""

    def __init__(self) -> None:
        self.notes: list[Note] = []


@post("/v1/notes", guards=[requires(Permission.NODE_WRITE)])
async def add_note(data: Note, shelf: Shelf, principal: Principal, now: datetime) -> Note:
    shelf.notes.append(data)
    assert now.tzinfo is not None
    return data


@get("/v1/notes/{note_id:uuid}", guards=[AUTHENTICATED])
async def show_note(
    note_id: UUID, limit: Annotated[int, Parameter(ge=1, le=9)] = 1
) -> dict[str, str]:
    return {"id": str(note_id), "limit": str(limit)}


@post("/v1/large", opt=PUBLIC, request_max_body_size=4 * 1024 * 1024)
async def large(data: Note) -> int:
    return len(data.text)


@get("/v1/tenant", guards=[AUTHENTICATED])
async def tenant(tx: Transaction) -> str:
    return str(await tx.fetch_value("select current_setting('lotabots.tenant')"))


@get("/v1/deferred", guards=[AUTHENTICATED])
async def deferred(tx: Transaction) -> str:
    await tx.execute("insert into public.late values (1), (1)")
    return "stored"


@get("/v1/swallowed", guards=[AUTHENTICATED])
async def swallowed(tx: Transaction) -> str:
    with suppress(LotaError):
        await tx.execute("select 1/0")
    return "stored"


@get("/v1/crash", opt=PUBLIC)
async def crash() -> None:
    raise ValueError("hunter2")


@get("/v1/busy", opt=PUBLIC)
async def busy() -> None:
    raise LotaError(Kind.RATE_LIMITED, "LOGIN_BUSY", "Busy.", retry_after_seconds=7)


@get("/v1/group", opt=PUBLIC)
async def group() -> None:
    raise ExceptionGroup("closing", [LotaError(Kind.CONFLICT, "USER_EXISTS", "It is there.")])


HANDLERS = [add_note, show_note, large, tenant, deferred, swallowed, crash, busy, group]


@pytest.fixture
def service() -> Service:
    return Service(name="notes", handlers=HANDLERS, given={"shelf": Shelf()})


@pytest.fixture
async def client(process: Process, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """The services called directly: for tables of cases."""
    async with calling(process, [service]) as client:
        yield client


@pytest.fixture
async def http(process: Process, service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """The services behind a real server: for whatever depends on the bytes of HTTP."""
    async with serving(process, [service]) as client:
        yield client
