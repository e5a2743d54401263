"""Services put together into one application: routes, dependencies, background loops."""

import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from litestar import Litestar, Request, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import LitestarDeprecationWarning
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, ControllerRouterHandler

from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop, running
from lotabots.runtime.web.auth import PUBLIC, Authenticator, Requires, caller
from lotabots.runtime.web.edge import Edge
from lotabots.runtime.web.errors import ErrorMapper
from lotabots.runtime.web.fields import Fields, declared
from lotabots.runtime.web.health import HANDLERS
from lotabots.runtime.web.inside import Inner, Inside
from lotabots.runtime.web.openapi import openapi
from lotabots.runtime.web.request import StrictRequest, refuse_strange_parameters
from lotabots.runtime.web.room import Room
from lotabots.runtime.web.settings import WebSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """One service as a value: what it answers, what runs beside it, what its handlers are given.

    Handlers get, by the name of the parameter: `data` (the body), `principal`, `now`, `process`,
    `tx` (one transaction under the caller's tenant, committed before the answer is sent), and each
    name in `given`.
    """

    name: str
    handlers: Sequence[ControllerRouterHandler]
    loops: tuple[Loop, ...] = ()
    given: Mapping[str, object] = field(default_factory=dict)
    startup: Callable[[Process], Awaitable[None]] | None = None


def build_app(
    services: Sequence[Service],
    process: Process,
    front: Callable[[ASGIApp], ASGIApp] | None = None,
) -> ASGIApp:
    """The ASGI application of one process. Refuses a route that is neither guarded nor public, and
    a public one with fields for some.

    `front` is the gateway, where this process is one: it stands between the edge and the services.
    """
    with warnings.catch_warnings():
        # Handlers name what they are given, and no more; Litestar 3 will want each marked.
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        app = _framework(services, process)
    app.state["app"] = app
    _refuse_unguarded(app)
    inside, settings = Inside(process), process.settings.section(WebSettings)
    if front is not None:
        room = Room(front(Inner(app, inside)), settings.max_concurrent)
        return Edge(room, settings, process.telemetry, None)
    return Edge(Room(app, settings.max_concurrent), settings, process.telemetry, inside)


def _framework(services: Sequence[Service], process: Process) -> Litestar:
    return Litestar(
        [*HANDLERS, openapi, *(_router(service) for service in services)],
        before_request=refuse_strange_parameters,
        debug=False,
        pdb_on_exception=False,
        dependencies={
            "process": _constant(process),
            "principal": Provide(_principal, sync_to_thread=False),
            "now": Provide(_now, sync_to_thread=False),
            "tx": Provide(_transaction),
        },
        exception_handlers={Exception: ErrorMapper(process.telemetry)},
        middleware=[Fields],
        lifespan=[lambda _: _alive(services, process)],
        logging_config=None,
        openapi_config=None,
        request_class=StrictRequest,
        request_max_body_size=process.settings.section(WebSettings).max_body,
        state=State({"authenticator": Authenticator(process), "process": process}),
    )


def _router(service: Service) -> Router:
    return Router(
        path="/",
        route_handlers=service.handlers,
        dependencies={name: _constant(value) for name, value in service.given.items()},
        tags=[service.name],
    )


def _constant(value: object) -> Provide:
    def provided() -> object:
        return value

    return Provide(provided, sync_to_thread=False)


@asynccontextmanager
async def _alive(services: Sequence[Service], process: Process) -> AsyncIterator[None]:
    for service in services:
        if service.startup is not None:
            await service.startup(process)
    async with running((loop for service in services for loop in service.loops), process):
        yield


def _refuse_unguarded(app: Litestar) -> None:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if not isinstance(handler, HTTPRouteHandler) or "OPTIONS" in handler.http_methods:
                continue
            guarded = any(isinstance(guard, Requires) for guard in handler.resolve_guards())
            public = PUBLIC.items() <= handler.opt.items()
            if guarded == public:
                raise RuntimeError(f"{route.path}: a route is either guarded or public")
            if public and declared(handler.opt):
                raise RuntimeError(f"{route.path}: nobody is known to see fields on a public route")


def _principal(request: Request[object, object, State]) -> Principal:
    principal = caller(request.scope)
    if principal is None:  # a public route asked for one: the guard never ran
        raise LotaError(Kind.AUTHENTICATION, "TOKEN_ABSENT", "This route needs a bearer token.")
    return principal


def _now(process: Process) -> datetime:
    return process.clock()


async def _transaction(process: Process, principal: Principal) -> AsyncGenerator[Transaction, None]:
    async with process.database.transaction(principal.tenant_id) as tx:
        yield tx
