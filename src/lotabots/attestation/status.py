"""The signed list of which results still hold, made anew at most once a second."""

from collections.abc import Collection
from datetime import datetime, timedelta

from lotabots.kernel import KeySet
from lotabots.result import INVALID, issue_status_list

SIZE = 2**20
"""As many places as the sequence in the database counts before it starts again: results live 10
minutes at most, so at any rate below 1,700 a second no two living ones share a place."""
AGE = timedelta(seconds=1)
"""How old an answer may be; `admit` takes one of at most 5 s."""
LIFETIME = timedelta(seconds=60)


class StatusLists:
    """The status list of this instance: every place is valid but those of revoked results."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._token = ""
        self._made: datetime | None = None
        self._kid = ""

    def remembered(self, keys: KeySet, now: datetime) -> str | None:
        """The list as `statuslist+jwt`, if one was signed with this key within `AGE` before."""
        fresh = self._made is not None and timedelta() <= now - self._made < AGE
        return self._token if fresh and self._kid == keys.current.kid else None

    def renew(self, keys: KeySet, revoked: Collection[int], now: datetime) -> str:
        """The list as `statuslist+jwt`, issued now, with these places revoked."""
        self._token = issue_status_list(
            dict.fromkeys(revoked, INVALID), size=SIZE, bits=1, uri=self._uri, key=keys.current,
            now=now, lifetime=LIFETIME, ttl=AGE,
        )  # fmt: skip
        self._made, self._kid = now, keys.current.kid
        return self._token
