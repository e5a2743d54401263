"""A small service that tells what it was sent, for tests of the gateway."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.response import Stream

from lotabots.access import Permission
from lotabots.kernel import Principal
from lotabots.runtime.web import (
    AUTHENTICATED,
    PUBLIC,
    RateClass,
    limited,
    requires,
    source_of,
)

ENDED = asyncio.Event()


@get("/v1/echo", guards=[AUTHENTICATED])
async def echo(request: Request[Any, Any, Any], principal: Principal) -> dict[str, Any]:
    return {
        "headers": [[n.decode(), v.decode("latin-1")] for n, v in request.scope["headers"]],
        "user": str(principal.user_id),
        "source": source_of(request.scope),
    }


@get("/v1/open", opt=PUBLIC)
async def open_(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return {
        "headers": [[n.decode(), v.decode("latin-1")] for n, v in request.scope["headers"]],
        "source": source_of(request.scope),
    }


@post("/v1/secret", opt={**PUBLIC, **limited(RateClass.LOGIN)}, status_code=200)
async def secret() -> str:
    return "no"


@get("/v1/write/{item:uuid}", guards=[requires(Permission.NODE_WRITE)])
async def write(item: UUID) -> str:
    return str(item)


@post("/v1/body", guards=[AUTHENTICATED], request_max_body_size=5_000_000, status_code=200)
async def body(request: Request[Any, Any, Any]) -> int:
    return len(await request.body())


@get("/v1/stream", opt=PUBLIC)
async def stream() -> Stream:
    async def pieces() -> AsyncIterator[bytes]:
        ENDED.clear()
        try:
            for number in range(10_000):
                yield b"data: %d\n\n" % number
                await asyncio.sleep(0.02)
        finally:
            ENDED.set()

    return Stream(pieces(), media_type="text/event-stream")


HANDLERS = [echo, open_, secret, write, body, stream]
