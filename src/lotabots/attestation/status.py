"""The signed list of which results still hold, made anew at most once a second."""

from datetime import datetime, timedelta

from lotabots.kernel import KeySet
from lotabots.result import issue_status_list

SIZE = 2**20
"""As many places as the sequence in the database counts before it starts again: results live 10
minutes at most, so at any rate below 1,700 a second no two living ones share a place."""
AGE = timedelta(seconds=1)
"""How old an answer may be; `admit` takes one of at most 5 s."""
LIFETIME = timedelta(seconds=60)


class StatusLists:
    """The status list of this instance. Nothing revokes a result yet, so every place is valid."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._token = ""
        self._made: datetime | None = None
        self._kid = ""

    def current(self, keys: KeySet, now: datetime) -> str:
        """The list as `statuslist+jwt`, issued now or within `AGE` before."""
        fresh = self._made is not None and timedelta() <= now - self._made < AGE
        if not fresh or self._kid != keys.current.kid:
            self._token = issue_status_list(
                {}, size=SIZE, bits=1, uri=self._uri, key=keys.current, now=now,
                lifetime=LIFETIME, ttl=AGE,
            )  # fmt: skip
            self._made, self._kid = now, keys.current.kid
        return self._token
