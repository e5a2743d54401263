"""A verification as server-sent events: how far it is, then how it ended."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
from litestar.response.sse import ServerSentEventMessage

from lotabots.attestation.models import work
from lotabots.attestation.models.types import Verification
from lotabots.kernel import Principal
from lotabots.runtime.process import Process

SECONDS = 0.5
"""Between two looks. Progress is written about as often."""
QUIET_SECONDS = 15.0
"""After so long without news a comment is sent, so that nobody between takes the line for dead."""


async def events(
    process: Process, principal: Principal, digest: str, verification: UUID
) -> AsyncIterator[ServerSentEventMessage]:
    """One event `progress` for each change, then one `end`. Raises `VERIFICATION_NOT_FOUND`."""
    first = await _look(process, principal, digest, verification)
    return _followed(process, principal, digest, first)


async def _followed(
    process: Process, principal: Principal, digest: str, seen: Verification
) -> AsyncIterator[ServerSentEventMessage]:
    number, quiet = 0, 0.0
    now: Verification = seen
    while True:
        if number == 0 or now != seen:
            ended = now.ended_at is not None
            yield ServerSentEventMessage(
                event="end" if ended else "progress",
                id=str(number),
                data=msgspec.json.encode(now).decode(),
            )
            if ended:
                return
            number, quiet, seen = number + 1, 0.0, now
        elif quiet >= QUIET_SECONDS:
            yield ServerSentEventMessage(comment="still there")
            quiet = 0.0
        await asyncio.sleep(SECONDS)
        quiet += SECONDS
        now = await _look(process, principal, digest, seen.id)


async def _look(
    process: Process, principal: Principal, digest: str, verification: UUID
) -> Verification:
    async with process.database.transaction(principal.tenant_id) as tx:
        return await work.found(tx, digest, verification)
