"""Password hashes: bcrypt over a keyed digest, in threads of their own behind a bounded queue."""

import hmac
import os
from base64 import b64encode

import bcrypt
from anyio import CapacityLimiter, to_thread

from lotabots.identity.guessable import why_guessable
from lotabots.identity.types import MAX_PASSWORD_BYTES
from lotabots.kernel import Kind, LotaError, equal, invalid

WAITING_PER_WORKER = 4
"""Log-ins that may wait for each thread; beyond it they are refused, and the rest stay quick."""


class Passwords:
    """Hashes and checks passwords without holding up the event loop.

    What bcrypt gets is base64(HMAC-SHA-384(pepper, password)): 64 characters without NUL, so that
    the whole password counts, not only its first 72 bytes. A full queue is `LOGIN_BUSY`.
    """

    def __init__(self, pepper: bytes, *, cost: int, workers: int = 0) -> None:
        self._pepper = pepper
        self._cost = cost
        workers = workers or max(1, len(os.sched_getaffinity(0)) - 1)
        self._limiter = CapacityLimiter(workers)
        self._room = workers + WAITING_PER_WORKER * workers
        self._decoy = bcrypt.gensalt(cost)

    async def new(self, password: str, *names: str) -> str:
        """The hash of a password that someone chose, whose names these are.

        Raises `PASSWORD_GUESSABLE` and `PASSWORD_TOO_LONG`.
        """
        if why := why_guessable(password, *names):
            raise invalid("PASSWORD_GUESSABLE", f"Choose another password. {why}")
        return await self.hash(password)

    async def hash(self, password: str) -> str:
        """The hash to store, 60 characters. Raises `PASSWORD_TOO_LONG`."""
        prepared = self._prepare(password)
        if prepared is None:
            detail = f"A password has at most {MAX_PASSWORD_BYTES} bytes."
            raise invalid("PASSWORD_TOO_LONG", detail)
        return (await self._in_thread(prepared, bcrypt.gensalt(self._cost))).decode()

    async def match(self, password: str, stored: str | None) -> bool:
        """Whether this password gives the stored hash; takes as long when there is none."""
        prepared = self._prepare(password)
        if prepared is None:
            return False  # longer than any password that was ever accepted, whoever it is
        # bcrypt takes the salt from the front of a hash; the decoy is nothing but a salt.
        expected = self._decoy if stored is None else stored.encode()
        found = await self._in_thread(prepared, expected)
        return equal(found, expected) and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other rounds than are asked for now."""
        return not stored.startswith(f"$2b${self._cost:02}$")

    def _prepare(self, password: str) -> bytes | None:
        exact = password.encode()
        if len(exact) > MAX_PASSWORD_BYTES:
            return None
        return b64encode(hmac.digest(self._pepper, exact, "sha384"))

    async def _in_thread(self, prepared: bytes, salt: bytes) -> bytes:
        # Counted here: the limiter counts who waits only after it has yielded once.
        if self._room == 0:
            detail = "Too many log-ins at this moment."
            raise LotaError(Kind.RATE_LIMITED, "LOGIN_BUSY", detail, retry_after_seconds=2)
        self._room -= 1
        try:
            return await to_thread.run_sync(bcrypt.hashpw, prepared, salt, limiter=self._limiter)
        finally:
            self._room += 1
