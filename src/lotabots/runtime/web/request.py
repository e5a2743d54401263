"""A request whose JSON body is read strictly: one type, one reading, or a coded refusal.

Litestar alone would decode to untyped values and coerce them ("5" becomes 5), keep the last of two
equal keys, try text and forms as JSON, and answer deep nesting with a crash.
"""

from collections import Counter
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from lotabots.kernel import LotaError, invalid, strict_json

MAX_DEPTH = 32
MAX_SHOWN = 200
"""Characters of a decoder's message that are shown: it can quote what the caller sent."""


class StrictRequest(Request[Any, Any, Any]):
    """The request class of every handler; a parameter named `data` is the body's type."""

    async def body(self) -> bytes:
        """The raw bytes of the body, within the route's limit.

        For a handler that takes `data`, anything but non-empty `application/json` is refused.
        """
        field = self.route_handler.parsed_data_field
        if field is not None:
            _require_json(self.headers.getall("content-type", []))
        try:
            body = await super().body()
        except InternalServerException as error:  # the client went away while sending
            raise invalid("REQUEST_INCOMPLETE", "The request ended before its body did.") from error
        if field is not None and not body:
            raise invalid("REQUEST_BODY_EMPTY", "This route needs a JSON body.")
        return body

    async def json(self) -> Any:  # noqa: ANN401 - what `data` is annotated with
        """The body as what the handler's `data` is. Raises `JSON_*` or `REQUEST_BODY_INVALID`."""
        field = self.route_handler.parsed_data_field
        if field is None:
            raise invalid("REQUEST_BODY_INVALID", "This route takes no body.")
        body = await self.body()
        value = strict_json(body, max_bytes=len(body), max_depth=MAX_DEPTH)
        if b"\\u0000" in body and _holds_nul(value):
            raise invalid("REQUEST_TEXT_NUL", "A text holds a NUL character.")
        try:
            return _decoder(field.annotation).decode(body)
        except (msgspec.ValidationError, msgspec.DecodeError, ValueError, RecursionError) as error:
            raise refused_body(error) from error


async def refuse_strange_parameters(request: Request[Any, Any, Any]) -> None:
    """Raises `REQUEST_PARAMETER` for a query parameter that the handler does not know, or a second.

    A filter that is misspelt and ignored would answer another question than was asked.
    """
    if not request.scope["query_string"]:
        return
    sent = Counter(name for name, _ in request.query_params.multi_items())
    known = {
        # A name that the framework keeps for itself has an alias: `QueryParameter(name="state")`.
        getattr(field.kwarg_definition, "name", None) or name
        for name, field in request.route_handler.parsed_fn_signature.parameters.items()
    }
    strange = sorted(name for name, times in sent.items() if name not in known or times > 1)
    if strange:
        names = [name[:64] for name in strange[:8]]
        detail = "A query parameter is unknown here, or is there twice."
        raise invalid("REQUEST_PARAMETER", detail, parameters=names)


def refused_body(error: Exception) -> LotaError:
    """The refusal that a decoder's error stands for, with the JSON path it names."""
    reason, _, path = str(error)[:MAX_SHOWN].partition(" - at `")
    return invalid("REQUEST_BODY_INVALID", reason, path=path.removesuffix("`") or "$")


@lru_cache(maxsize=256)  # as many as there are body types in the program
def _decoder(annotation: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401
    return msgspec.json.Decoder(annotation)


def _require_json(content_types: list[str]) -> None:
    if len(content_types) == 1:
        kind, _, parameters = content_types[0].partition(";")
        charset = parameters.replace(" ", "").lower()
        if kind.strip().lower() == "application/json" and charset in {"", "charset=utf-8"}:
            return
    raise invalid("REQUEST_CONTENT_TYPE", "The content type must be application/json.")


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\0" in value
        case list():
            return any(map(_holds_nul, value))
        case dict():
            return any("\0" in key or _holds_nul(item) for key, item in value.items())
        case _:
            return False
