"""The OpenAPI description of every service behind the gateway, as one document."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from litestar.types import ASGIApp, Message, Scope

from lotabots.kernel import Kind, LotaError

Schema: TypeAlias = dict[str, Any]
OPENAPI = "/openapi.json"


class Description:
    """The merged document; what a service said of itself is kept, and asked for when it is not."""

    def __init__(self, own: ASGIApp, others: Mapping[str, ASGIApp]) -> None:
        self._apps = {"": own, **others}
        self._documents: dict[str, Schema] = {}
        self._merged = b""

    async def merged(self, scope: Scope) -> bytes:
        """The document. Raises `UPSTREAM_*` while a service was never there to be asked."""
        missing = [name for name in self._apps if name not in self._documents]
        for name in missing:
            self._documents[name] = await _asked(self._apps[name], scope)
        if missing:
            self._merged = msgspec.json.encode(merge(self._documents))
        return self._merged


def merge(documents: Mapping[str, Schema]) -> Schema:
    """One document of several, by service. The first gives title and version.

    Services that share a process say the same, which counts once.
    Paths never meet, since each service has its own; schemas of one name may: equal ones are one,
    and of different ones the later gets the name of its service before its own.
    """
    names = list(documents)
    merged: Schema = {**documents[names[0]], "paths": {}, "components": {"schemas": {}}}
    for place, name in enumerate(names):
        document = documents[name]
        if any(document == documents[earlier] for earlier in names[:place]):
            continue
        components = document.get("components", {})
        schemas = components.get("schemas", {})
        taken = merged["components"]["schemas"]
        renamed = {
            one: f"{name.title()}{one}"
            for one, schema in schemas.items()
            if one in taken and taken[one] != schema
        }
        for one, schema in schemas.items():
            taken[renamed.get(one, one)] = _with_references(schema, renamed)
        for other, values in components.items():
            if other != "schemas":
                merged["components"].setdefault(other, {}).update(values)
        for path, item in document.get("paths", {}).items():
            known = merged["paths"].setdefault(path, {})
            if clash := known.keys() & item.keys():
                raise RuntimeError(f"{path}: {sorted(clash)} of {name} is another service's")
            known.update(_with_references(item, renamed))
    return merged


def _with_references(value: Any, renamed: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    if not renamed:
        return value
    match value:
        case {"$ref": str(reference)}:
            head, _, name = reference.rpartition("/")
            return {**value, "$ref": f"{head}/{renamed.get(name, name)}"}
        case dict():
            return {key: _with_references(inner, renamed) for key, inner in value.items()}
        case list():
            return [_with_references(inner, renamed) for inner in value]
        case _:
            return value


async def _asked(app: ASGIApp, scope: Scope) -> Schema:
    """What a service says at /openapi.json, asked within the request of whoever wants to know."""
    status, pieces = 0, []

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            pieces.append(message["body"])

    async def receive() -> Any:  # noqa: ANN401 - as ASGI has it
        return {"type": "http.request", "body": b"", "more_body": False}

    asked: Any = {**scope, "path": OPENAPI, "raw_path": OPENAPI.encode()}
    await app(asked, receive, send)
    if status != 200:
        detail = "A service does not say what it answers; try again."
        raise LotaError(Kind.UNAVAILABLE, "UPSTREAM_UNAVAILABLE", detail)
    document: Schema = msgspec.json.decode(b"".join(pieces))
    return document
