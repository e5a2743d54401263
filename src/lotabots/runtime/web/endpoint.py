"""The routes of a service as values, read from its handlers without building it."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from litestar.handlers import HTTPRouteHandler

from lotabots.access import Permission
from lotabots.runtime.web.auth import PUBLIC, Requires
from lotabots.runtime.web.fields import NOTHING, declared
from lotabots.runtime.web.health import HANDLERS, UNLIMITED
from lotabots.runtime.web.limits import OPTION, RateClass
from lotabots.runtime.web.openapi import openapi

_TYPES = re.compile(r":\w+}")


class Endpoint(NamedTuple):
    """One method of one path, and what is asked of whoever calls it."""

    service: str
    method: str
    template: str
    label: str
    """The template as logs and metrics have it: parameters without their types."""
    public: bool
    permission: Permission | None
    rate_class: RateClass | None
    """None for what is never limited."""
    max_body: int | None
    """Bytes; None for the setting `web.max_body`."""
    fields: Mapping[str, Permission] = NOTHING
    """What only some callers see of its answer. The service takes it out, not the gateway."""


def endpoints(service: str, handlers: Iterable[HTTPRouteHandler]) -> list[Endpoint]:
    """Every method and path that these handlers answer."""
    return [
        _endpoint(service, handler, method, template)
        for handler in handlers
        for template in sorted(handler.paths)
        for method in sorted(handler.http_methods)
    ]


def _endpoint(service: str, handler: HTTPRouteHandler, method: str, template: str) -> Endpoint:
    guards = [one for one in handler.guards or () if isinstance(one, Requires)]
    public = PUBLIC.items() <= handler.opt.items()
    named = handler.opt.get(OPTION)
    rate_class = (
        RateClass(str(named)) if named else RateClass.PUBLIC if public else RateClass.DEFAULT
    )
    size = handler.request_max_body_size
    return Endpoint(
        service,
        method,
        template,
        _TYPES.sub("}", template),
        public,
        next((one.permission for one in guards if one.permission), None),
        None if UNLIMITED.items() <= handler.opt.items() else rate_class,
        size if isinstance(size, int) else None,
        declared(handler.opt),
    )


OWN = tuple(endpoints("process", (*HANDLERS, openapi)))
"""What every process answers about itself."""
