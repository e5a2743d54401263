"""User tokens as this process believes them: verified once, remembered, refused once revoked.

While the channel is silent nothing is remembered: keys and revocations are asked of the database
for each request, so that no token or key revoked a second ago is accepted anywhere.
"""

from datetime import datetime

from lotabots.access import verify_token
from lotabots.kernel import Kind, LotaError, Principal, sha256
from lotabots.runtime.cache import Cache
from lotabots.runtime.events import Revocations, Topic
from lotabots.runtime.process import Process
from lotabots.runtime.web.settings import TokenSettings

TOKEN_PURPOSE = "user-token"  # noqa: S105 - the name of a key purpose
REMEMBERED = 4096
"""Tokens that are remembered, by their SHA-256; each for half a minute at most."""


class VerifiedTokens:
    """The tokens of this installation's issuer for its audience. One for each process."""

    def __init__(self, process: Process) -> None:
        self._keyring = process.keyring
        self._clock = process.clock
        self._settings = process.settings.section(TokenSettings)
        self._revocations = Revocations(process.database, process.events)
        self._remembered: Cache[Principal] = process.caches.open(
            "verified-tokens", topic=Topic.TOKEN, entries=REMEMBERED, stale=_is
        )
        # A key that is gone, whatever its purpose, may have signed any of them.
        process.events.subscribe(Topic.KEYS, lambda _: self._remembered.clear())

    async def verify(self, token: str) -> Principal:
        """The caller that this token proves. Raises `TOKEN_*`, and `DATABASE_*` when it must ask.

        A refusal is never remembered.
        """
        now = self._clock()
        name = sha256(token.encode("utf-8", "surrogatepass"))
        found = self._remembered.find(name)
        if found is not None:
            if now < found.expires_at:
                return found
            self._remembered.drop(name)
        return await self._remembered.get(name, lambda: self._prove(token, now))

    async def _prove(self, token: str, now: datetime) -> Principal:
        keys = await self._keyring.verifying(TOKEN_PURPOSE)
        principal = verify_token(token, keys, self._settings.issuer, self._settings.audience, now)
        if await self._revocations.include(principal.token_id):
            raise LotaError(Kind.AUTHENTICATION, "TOKEN_REVOKED", "The token was revoked.")
        return principal


def _is(principal: Principal, token_id: str) -> bool:
    return principal.token_id == token_id
