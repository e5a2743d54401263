"""The services there are, one line each; nothing else knows them all."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from lotabots import attestation, audit, identity, reference
from lotabots.evidence import Anchors
from lotabots.kernel import invalid
from lotabots.runtime.process import Process
from lotabots.runtime.web import Service


class Plan(NamedTuple):
    """A service by name, and how it is built over a process and the anchors beyond NVIDIA's."""

    name: str
    build: Callable[[Process, Anchors | None], Service]


SERVICES: tuple[Plan, ...] = (
    Plan("identity", lambda process, _: identity.service(process)),
    Plan("attestation", attestation.service),
    Plan("reference", lambda process, _: reference.service(process)),
    Plan("audit", lambda process, _: audit.service(process)),
)

NAMES = tuple(plan.name for plan in SERVICES)


def chosen(names: Collection[str]) -> tuple[Plan, ...]:
    """The services of these names, in our order. Raises `SERVICE_UNKNOWN`."""
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        detail = f"The services are {', '.join(NAMES)}."
        raise invalid("SERVICE_UNKNOWN", detail, unknown=unknown)
    return tuple(plan for plan in SERVICES if plan.name in names)
