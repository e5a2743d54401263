"""Fields of an answer that only some callers see: declared beside the route, taken out here.

    @get("/v1/users", guards=READ, opt=visible(email=Permission.USER_WRITE))

The service that makes the answer takes them out, so that it is the same with a gateway in front and
without one, and nothing between the two has ever seen them (docs/adr/0019).
"""

from collections.abc import Mapping, Set
from types import MappingProxyType

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from lotabots.access import Permission, Resource, authorize
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.web.auth import caller
from lotabots.runtime.web.errors import body_of, note_code, status_of

OPTION = "lotabots.visible"
MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Of an answer that fields are taken out of: it is held as a whole."""

NOTHING: Mapping[str, Permission] = MappingProxyType({})


def visible(**fields: Permission) -> dict[str, object]:
    """`opt=visible(...)` on a handler: each field, wherever in its JSON answer, and who sees it.

    Who lacks the permission gets the answer without that field; an API key that does not name it
    lacks it too. The field must have a default in whatever reads the answer.
    """
    return {OPTION: fields}  # plain: the framework copies what stands there


def declared(options: Mapping[str, object]) -> Mapping[str, Permission]:
    """What `visible` said among these options of a handler."""
    found = options.get(OPTION, NOTHING)
    if not isinstance(found, Mapping):
        raise TypeError(f"{OPTION} is what visible(...) gives")
    return found


class Fields:
    """A middleware of the framework: stands around every handler, within its error handling."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application. Answers `ANSWER_UNFILTERED` instead of letting a field through."""
        if scope["type"] == ScopeType.HTTP and (fields := declared(scope["route_handler"].opt)):
            send = _Answer(scope, fields, send).send
        await self._app(scope, receive, send)


class _Answer:
    """One answer, passed on as it is or held until it is whole and without its hidden fields."""

    def __init__(self, scope: Scope, fields: Mapping[str, Permission], send: Send) -> None:
        self._scope, self._fields, self._send = scope, fields, send
        self._held: HTTPResponseStartEvent | None = None
        self._hidden: Set[str] = frozenset()
        self._body: bytearray | None = bytearray()
        """None once there was an answer."""

    async def send(self, message: Message) -> None:
        """Takes what the handler's answer says."""
        if self._held is not None:
            await self._add(message)
            return
        if message["type"] == "http.response.start" and message["status"] < 400:
            # A refusal is in our own words, and has none of the fields.
            self._hidden = self._hidden_ones()
            if self._hidden:
                self._held = message
                return
        await self._send(message)

    def _hidden_ones(self) -> Set[str]:
        who = caller(self._scope)
        if who is None:
            return self._fields.keys()
        own = Resource(who.tenant_id)
        return {name for name, wanted in self._fields.items() if not authorize(who, wanted, own)}

    async def _add(self, message: Message) -> None:
        if self._body is None:
            return
        whole = False
        if message["type"] == "http.response.body":
            self._body += message["body"]
            whole = not message.get("more_body")
            if not whole and len(self._body) <= MAX_ANSWER_BYTES:
                return
        left = _filtered(bytes(self._body), self._hidden) if whole else None
        self._body = None
        await self._answer(left)

    async def _answer(self, body: bytes | None) -> None:
        """The answer with this body, or the refusal. The framework lets nobody raise it here."""
        if body is None or self._held is None:
            detail = "What you may not see could not be taken out of the answer, so there is none."
            error = LotaError(Kind.INTERNAL, "ANSWER_UNFILTERED", detail)
            note_code(self._scope, error)
            status, body = status_of(error), body_of(error)
            headers = [(b"content-type", b"application/json")]
        else:
            status = self._held["status"]
            headers = [one for one in self._held["headers"] if one[0].lower() != b"content-length"]
        headers.append((b"content-length", b"%d" % len(body)))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _filtered(body: bytes, hidden: Set[str]) -> bytes | None:
    """The answer without these fields; None where that cannot be known."""
    if not body:
        return body
    if len(body) > MAX_ANSWER_BYTES:
        return None
    try:
        return msgspec.json.encode(_without(msgspec.json.decode(body), hidden))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _without(value: object, hidden: Set[str]) -> object:
    match value:
        case dict():
            return {
                key: _without(inner, hidden) for key, inner in value.items() if key not in hidden
            }
        case list():
            return [_without(inner, hidden) for inner in value]
        case _:
            return value
