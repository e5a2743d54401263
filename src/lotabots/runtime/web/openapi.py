"""The OpenAPI 3.1 description of what this process answers, at /openapi.json."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec
from litestar import Litestar, Response, get
from litestar._openapi.plugin import OpenAPIPlugin  # its public door adds HTML pages of its own
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from lotabots import __version__
from lotabots.runtime.web.auth import PUBLIC

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
    config = OpenAPIConfig(
        title="LotaBots",
        version=__version__,
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
        ),
    )
    plugin = OpenAPIPlugin(app)
    plugin.on_app_init(AppConfig(openapi_config=config))
    for route in app.routes:
        plugin.receive_route(route)
    schema = plugin.provide_openapi_schema()
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas["Error"] = ERROR_SCHEMA
    for name, described in schemas.items():
        # The framework does not say that our bodies refuse unknown fields.
        if name != "Error" and described.get("type") == "object" and "properties" in described:
            described.setdefault("additionalProperties", False)
    public = {route.path for route in app.routes if _is_public(route)}
    for path, operation in _operations(schema):
        operation["responses"].pop("400", None)  # the framework's error body, not ours
        operation["responses"]["default"] = {
            "description": "Refused or failed",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        operation["security"] = [] if path in public else [{"token": []}]
    return schema


def _operations(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for path, item in schema["paths"].items():
        for operation in item.values():
            if isinstance(operation, dict) and "responses" in operation:
                yield path, operation


def _is_public(route: object) -> bool:
    handlers = getattr(route, "route_handlers", ())
    return any(PUBLIC.items() <= handler.opt.items() for handler in handlers)
