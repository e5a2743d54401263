"""The OpenAPI 3.1 description of what this process answers, at /openapi.json."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec
from litestar import Litestar, Response, get
from litestar._openapi.plugin import OpenAPIPlugin  # its public door adds HTML pages of its own
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from lotabots import __version__
from lotabots.access import Permission
from lotabots.runtime.web.auth import PUBLIC, Requires
from lotabots.runtime.web.fields import declared

Schema: TypeAlias = dict[str, Any]

ERROR_SCHEMA: Schema = {
    "type": "object",
    "required": ["message", "code", "details"],
    "properties": {
        "message": {"type": "string"},
        "code": {"type": "string", "description": "Stable; `lotabots explain CODE` says the fix."},
        "details": {"type": "object"},
    },
}


@get("/openapi.json", opt=PUBLIC, include_in_schema=False)
async def openapi(state: State) -> Response[bytes]:
    """The description, made once when first asked for."""
    if "openapi" not in state:
        state["openapi"] = msgspec.json.encode(describe(state["app"]))
    return Response(state["openapi"], media_type="application/json")


def describe(app: Litestar) -> Schema:
    """The description of every route of `app`."""
    schema = _generated(app)
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in _reached(schemas, [one.get("requestBody", {}) for *_, one in _operations(schema)]):
        # The framework does not say that our bodies refuse unknown fields.
        if "properties" in schemas[name]:
            schemas[name].setdefault("additionalProperties", False)
    schemas["Error"] = ERROR_SCHEMA
    handlers = {
        (route.path_format, method.lower()): handler
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
    }
    for path, method, operation in _operations(schema):
        operation["responses"].pop("400", None)  # the framework's error body, not ours
        operation["responses"]["default"] = {
            "description": "Refused or failed",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        guards = [
            one for one in handlers[path, method].resolve_guards() if isinstance(one, Requires)
        ]
        operation["security"] = [{"token": []}] if guards else []
        if permissions := [str(one.permission) for one in guards if one.permission]:
            operation["x-permissions"] = permissions
        if fields := declared(handlers[path, method].opt):
            _say_who_sees(operation, fields, schemas)
    return schema


def _say_who_sees(operation: Schema, fields: Mapping[str, Permission], schemas: Schema) -> None:
    """Adds to a description which fields are absent for whom; no schema of it requires them."""
    words = ", ".join(f"`{name}` (`{wanted}`)" for name, wanted in fields.items())
    said = operation.get("description", "")
    operation["description"] = f"{said} Only with the permission named: {words}.".strip()
    operation["x-fields"] = {name: str(wanted) for name, wanted in fields.items()}
    for name in _reached(schemas, [operation["responses"]]):
        schema = schemas[name]
        if "required" in schema:
            schema["required"] = [one for one in schema["required"] if one not in fields]


def _generated(app: Litestar) -> Schema:
    token = SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
    config = OpenAPIConfig(
        title="LotaBots",
        version=__version__,
        components=Components(security_schemes={"token": token}),
    )
    plugin = OpenAPIPlugin(app)
    plugin.on_app_init(AppConfig(openapi_config=config))
    for route in app.routes:
        plugin.receive_route(route)
    return plugin.provide_openapi_schema()


def _operations(schema: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and "responses" in operation:
                yield path, method, operation


def _reached(schemas: Schema, roots: list[Schema]) -> set[str]:
    """The names of all schemas that these refer to, at any depth."""
    found: set[str] = set()
    left: list[object] = list(roots)
    while left:
        match left.pop():
            case {"$ref": str(reference)}:
                name = reference.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    left.append(schemas[name])
            case dict() as inner:
                left.extend(inner.values())
            case list() as inner:
                left.extend(inner)
            case _:
                pass
    return found
