"""The signed word with which the gateway passes a caller on to a service."""

from datetime import datetime, timedelta

from lotabots.access import issue_internal
from lotabots.kernel import Principal
from lotabots.runtime.events import Topic
from lotabots.runtime.process import Process
from lotabots.runtime.web import INTERNAL_PURPOSE

FRESH = timedelta(seconds=20)
"""How long one token is used again for the same caller: a third of its life."""
MOST = 4096


class Introductions:
    """Tokens for the services, one for each caller and address, signed when first needed."""

    def __init__(self, process: Process) -> None:
        self._keyring = process.keyring
        self._made: dict[tuple[Principal | None, str], tuple[datetime, bytes]] = {}
        # What a key signed that is gone now, services refuse.
        process.events.subscribe(Topic.KEYS, lambda _: self._made.clear())

    async def token(self, principal: Principal | None, address: str, now: datetime) -> bytes:
        """The token that says who calls and from where. Raises `KEYRING_*`, `DATABASE_*`."""
        caller = (principal, address)
        found = self._made.get(caller)
        if found is not None and now < found[0]:
            return found[1]
        keys = await self._keyring.load(INTERNAL_PURPOSE)
        token = issue_internal(principal, address, keys.current, now).encode()
        self._made.pop(caller, None)
        while len(self._made) >= MOST:
            del self._made[next(iter(self._made))]
        self._made[caller] = (now + FRESH, token)
        return token
