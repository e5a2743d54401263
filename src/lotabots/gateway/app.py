"""The gateway: one request from the door to its service, in the order in which it happens."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from lotabots.gateway.description import OPENAPI, Description
from lotabots.gateway.headers import VERSION, Cors, Header, onward, rate_headers, sent
from lotabots.gateway.introduction import Introductions
from lotabots.gateway.limiter import Caller, Limiter
from lotabots.gateway.routes import Methods, Routes
from lotabots.kernel import Kind, LotaError, Principal, invalid
from lotabots.runtime.process import Process
from lotabots.runtime.web import (
    ARRIVAL,
    EXTRA_HEADERS,
    Arrival,
    Authenticator,
    Endpoint,
    RateClass,
    WebSettings,
    permit,
    subscriber,
)


class Gateway:
    """An ASGI application between the edge (`runtime.web`) and the services.

    The edge has given the request its id and trace, found the client's address, refused a head that
    is too large or ambiguous, and puts security headers on whatever the answer will be.
    """

    def __init__(
        self,
        process: Process,
        limiter: Limiter,
        endpoints: Iterable[Endpoint],
        upstreams: Mapping[str, ASGIApp],
        own: ASGIApp,
    ) -> None:
        """`upstreams` are services by name; `own` answers for this process and for what is not
        among them.
        """
        settings = process.settings.section(WebSettings)
        self._routes = Routes(endpoints)
        self._upstreams, self._own = upstreams, own
        self._limiter = limiter
        self._clock = process.clock
        self._authenticator = Authenticator(process)
        self._introductions = Introductions(process)
        self._description = Description(own, upstreams)
        self._refusals = process.telemetry.refusals
        self._cors = Cors(settings.origins)
        self._max_body = settings.max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application. What it raises, the edge turns into an answer."""
        if scope["type"] != ScopeType.HTTP:
            await self._own(scope, receive, send)
            return
        arrival: Arrival = scope["state"][ARRIVAL]
        extra: list[Header] = scope["state"][EXTRA_HEADERS]
        headers = list(scope["headers"])
        named = dict(headers)  # whether there is one of a name; which ones, `sent` says
        # 1. CORS: only origins on the list, on every answer
        extra += (VERSION, *self._cors.answer(headers))
        # 2. the endpoint, if there is one; refused only after the caller was counted
        methods = self._routes.find(scope["path"])
        endpoint = methods.get(scope["method"])
        # 3. who calls
        principal, stranger = await self._authenticated(endpoint, headers, arrival, scope)
        # 4. how often: by address, user and API key
        await self._limit(endpoint, _caller(principal, arrival), arrival, extra)
        # 5. what was found out above, in the order that tells a stranger least
        if stranger is not None:
            raise stranger
        if endpoint is None:
            await self._elsewhere(methods, scope, headers, send)
            return
        scope["path_template"] = endpoint.label
        if principal is not None:
            scope["user"] = principal
        self._check(endpoint, principal, headers, named)
        # 6. the request as the service gets it, with our word for who calls
        now = self._clock()
        token = self._introductions.known(principal, arrival.address, now)
        token = token or await self._introductions.token(principal, arrival.address, now)
        scope["headers"] = onward(headers, arrival, token, public=endpoint.public)
        if endpoint.template == OPENAPI:
            await self._describe(scope, send)
            return
        # 7. the service, which checks that word, and the permission again
        await self._upstreams.get(endpoint.service, self._own)(scope, receive, send)

    async def _authenticated(
        self, endpoint: Endpoint | None, headers: list[Header], arrival: Arrival, scope: HTTPScope
    ) -> tuple[Principal | None, LotaError | None]:
        if endpoint is None or endpoint.public:
            return None, None
        given = [value.decode("latin-1") for name, value in headers if name == b"authorization"]
        try:
            return await self._authenticator.principal(given, arrival.address, scope), None
        except LotaError as error:
            if error.kind is not Kind.AUTHENTICATION:
                raise
            return None, error

    async def _limit(
        self, endpoint: Endpoint | None, caller: Caller, arrival: Arrival, extra: list[Header]
    ) -> None:
        """Adds the headers that say how much is left. Raises `RATE_LIMITED`."""
        rate_class = RateClass.DEFAULT if endpoint is None else endpoint.rate_class
        if rate_class is None:
            return
        draws = self._limiter.draws(rate_class, caller)
        drawn = await self._limiter.draw(rate_class, draws)
        extra += rate_headers(self._limiter.policy(rate_class, draws), draws, drawn)
        if not drawn.allowed:
            self._refusals.stranger(arrival.address, "RATE_LIMITED")
            seconds = drawn.retry_seconds
            raise LotaError(
                Kind.RATE_LIMITED, "RATE_LIMITED", f"Too many requests; come back in {seconds} s.",
                retry_after_seconds=seconds,
            )  # fmt: skip

    async def _describe(self, scope: HTTPScope, send: Send) -> None:
        """Answers with the description of all services."""
        body = await self._description.merged(scope)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _check(
        self,
        endpoint: Endpoint,
        principal: Principal | None,
        headers: list[Header],
        named: Mapping[bytes, bytes],
    ) -> None:
        """The permission, the version asked for, and the size that is announced."""
        if endpoint.permission is not None and principal is not None:
            permit(principal, endpoint.permission, self._refusals)
        if VERSION[0] in named and sent(headers, VERSION[0]) != [VERSION[1]]:
            raise invalid("REQUEST_VERSION", "This API has version 1.", versions=["1"])
        length = named.get(b"content-length")  # of which there is one at most: httptools sees to it
        if length is not None and int(length) > (endpoint.max_body or self._max_body):
            detail = "The request body is larger than this route takes."
            raise invalid("REQUEST_TOO_LARGE", detail)

    async def _elsewhere(
        self, methods: Methods, scope: HTTPScope, headers: list[Header], send: Send
    ) -> None:
        """Answers what no service does: an unknown path or method, or a question about one."""
        if not methods:
            raise LotaError(Kind.NOT_FOUND, "ROUTE_UNKNOWN", "There is nothing at this path.")
        scope["path_template"] = next(iter(methods.values())).label
        allow = ", ".join(sorted({*methods, "OPTIONS"}))
        if scope["method"] != "OPTIONS":
            raise invalid("REQUEST_METHOD", f"This path answers {allow}.", allow=allow)
        answer = [(b"allow", allow.encode()), *self._cors.preflight(headers)]
        await send({"type": "http.response.start", "status": 204, "headers": answer})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _caller(principal: Principal | None, arrival: Arrival) -> Caller:
    """By whom the request is counted; the token id of an API key is the key's own."""
    ip = subscriber(arrival.address)
    if principal is None:
        return Caller(ip)
    key = None if principal.scope is None else principal.token_id
    return Caller(ip, _text(principal.user_id), key)


_text = lru_cache(maxsize=4096)(str)
"""The text of a user's id, which Python puts together digit by digit."""
