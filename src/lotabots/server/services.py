"""The services there are, one line each; nothing else knows them all."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from litestar.handlers import HTTPRouteHandler

from lotabots import attestation, audit, identity, reference
from lotabots.evidence import Anchors
from lotabots.kernel import invalid
from lotabots.runtime.process import Process
from lotabots.runtime.web import Endpoint, Service, endpoints


class Plan(NamedTuple):
    """A service by name, how it is built over a process and the anchors beyond NVIDIA's, and what
    it answers: a gateway knows that without building it.
    """

    name: str
    build: Callable[[Process, Anchors | None], Service]
    handlers: Sequence[HTTPRouteHandler]


SERVICES: tuple[Plan, ...] = (
    Plan("identity", lambda process, _: identity.service(process), identity.HANDLERS),
    Plan("attestation", attestation.service, attestation.HANDLERS),
    Plan("watch", lambda process, _: attestation.watchdog(process), ()),
    Plan("reference", lambda process, _: reference.service(process), reference.HANDLERS),
    Plan("audit", lambda process, _: audit.service(process), audit.HANDLERS),
)

NAMES = tuple(plan.name for plan in SERVICES)
ANSWERING = tuple(plan.name for plan in SERVICES if plan.handlers)
"""Those that a gateway passes requests on to. The others watch, and nobody asks them."""
GATEWAY = "gateway"
EVERYTHING = (GATEWAY, *NAMES)


def chosen(names: Collection[str]) -> tuple[Plan, ...]:
    """The services of these names, in our order; `gateway` is none. Raises `SERVICE_UNKNOWN`."""
    unknown = [name for name in names if name not in EVERYTHING]
    if unknown or not names:
        detail = f"The services are {', '.join(EVERYTHING)}."
        raise invalid("SERVICE_UNKNOWN", detail, unknown=unknown)
    return tuple(plan for plan in SERVICES if plan.name in names)


def elsewhere(names: Collection[str]) -> tuple[str, ...]:
    """The services that are not among these names, of those that answer something."""
    return tuple(name for name in ANSWERING if name not in names)


def all_endpoints() -> list[Endpoint]:
    """What every service answers, in whichever process it is."""
    return [one for plan in SERVICES for one in endpoints(plan.name, plan.handlers)]
