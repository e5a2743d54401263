"""What a service believes about a request that came through the gateway: its signed word alone."""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from lotabots.access import InternalCache, Visit
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.events import Topic
from lotabots.runtime.process import Process
from lotabots.runtime.web.settings import WebSettings

HEADER = b"x-lota-internal"
PURPOSE = "internal-token"
"""The purpose of the keys that the gateway signs with."""
_STATE = "lotabots.visit"
_OPEN = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
"""What a process says of itself, to whoever reaches it."""


class Inside:
    """Reads the gateway's token of a request, if there is one. One for each process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._cache = InternalCache()
        process.events.subscribe(Topic.KEYS, lambda _: self._cache.clear())
        self._required = process.settings.section(WebSettings).behind_gateway

    async def read(self, scope: HTTPScope) -> Visit | None:
        """What the gateway says, noted on the request. Raises `GATEWAY_*`, `KEYRING_*`."""
        sent = [value for name, value in scope["headers"] if name == HEADER]
        if not sent:
            if self._required and scope["path"] not in _OPEN:
                detail = "This service is reached through the gateway only."
                raise LotaError(Kind.AUTHENTICATION, "GATEWAY_ONLY", detail)
            return None
        if len(sent) > 1:
            detail = "There is more than one gateway token."
            raise LotaError(Kind.AUTHENTICATION, "GATEWAY_TOKEN_INVALID", detail)
        token, now = sent[0].decode("latin-1"), self._process.clock()
        # Where this process may have missed that a key was revoked, nothing remembered counts.
        current = self._process.events.is_current()
        visit = self._cache.find(token, now) if current else None
        if visit is None:
            keys = await self._process.keyring.verifying(PURPOSE)
            visit = self._cache.verify(token, keys, now)
        scope["state"][_STATE] = visit
        return visit


class Inner:
    """A service in the gateway's process: it re-checks the token as if it came from afar."""

    def __init__(self, app: ASGIApp, inside: Inside) -> None:
        self._app = app
        self._inside = inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] == ScopeType.HTTP:
            await self._inside.read(scope)
        await self._app(scope, receive, send)


def visit_of(scope: Scope) -> Visit | None:
    """What the gateway said of this request, or None if it did not come through the gateway."""
    visit = scope.get("state", {}).get(_STATE)
    return visit if isinstance(visit, Visit) else None
