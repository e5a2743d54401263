"""The signed word with which the gateway passes a caller on to a service."""

from datetime import datetime, timedelta
from typing import NamedTuple

from lotabots.access import issue_internal
from lotabots.kernel import Principal
from lotabots.runtime.events import Topic
from lotabots.runtime.process import Process
from lotabots.runtime.web import INTERNAL_PURPOSE

FRESH = timedelta(seconds=20)
"""How long one token is used again for the same caller: a third of its life."""
MOST = 4096


class _Introduction(NamedTuple):
    principal: Principal | None
    until: datetime
    token: bytes


class Introductions:
    """Tokens for the services, one for each caller and address, signed when first needed."""

    def __init__(self, process: Process) -> None:
        self._keyring = process.keyring
        self._made: dict[tuple[str, str], _Introduction] = {}
        # What a key signed that is gone now, services refuse.
        process.events.subscribe(Topic.KEYS, lambda _: self._made.clear())

    def known(self, principal: Principal | None, address: str, now: datetime) -> bytes | None:
        """What `token` returned for this caller a moment ago, or None."""
        name = (principal.token_id if principal else "", address)
        found = self._made.get(name)
        if found is None or found.until <= now:
            return None
        # By a name alone nobody is known. The same caller is mostly the same object.
        if found.principal is not principal:
            if found.principal != principal:
                return None
            self._made[name] = found._replace(principal=principal)
        return found.token

    async def token(self, principal: Principal | None, address: str, now: datetime) -> bytes:
        """The token that says who calls and from where. Raises `KEYRING_*`, `DATABASE_*`."""
        found = self.known(principal, address, now)
        if found is not None:
            return found
        keys = await self._keyring.load(INTERNAL_PURPOSE)
        token = issue_internal(principal, address, keys.current, now).encode()
        caller = (principal.token_id if principal else "", address)
        self._made.pop(caller, None)
        while len(self._made) >= MOST:
            del self._made[next(iter(self._made))]
        self._made[caller] = _Introduction(principal, now + FRESH, token)
        return token
