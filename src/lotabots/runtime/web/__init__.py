"""HTTP: services as values, one strict request, one error body, one edge."""

from lotabots.runtime.web.answer import lines
from lotabots.runtime.web.app import Service, build_app
from lotabots.runtime.web.arrival import ARRIVAL, Arrival, subscriber
from lotabots.runtime.web.auth import (
    AUTHENTICATED,
    IN_SESSION,
    PUBLIC,
    Authenticator,
    origin_of,
    permit,
    proven_key,
    requires,
    source_of,
)
from lotabots.runtime.web.edge import EXTRA_HEADERS
from lotabots.runtime.web.endpoint import OWN, Endpoint, endpoints
from lotabots.runtime.web.errors import body_of, note_code
from lotabots.runtime.web.fields import visible
from lotabots.runtime.web.inside import HEADER as INTERNAL_HEADER
from lotabots.runtime.web.inside import PURPOSE as INTERNAL_PURPOSE
from lotabots.runtime.web.limits import RateClass, limited
from lotabots.runtime.web.serving import bind, serve, stopping
from lotabots.runtime.web.settings import TokenSettings, WebSettings
from lotabots.runtime.web.tokens import TOKEN_PURPOSE, VerifiedTokens

__all__ = [
    "ARRIVAL",
    "AUTHENTICATED",
    "EXTRA_HEADERS",
    "INTERNAL_HEADER",
    "INTERNAL_PURPOSE",
    "IN_SESSION",
    "OWN",
    "PUBLIC",
    "TOKEN_PURPOSE",
    "Arrival",
    "Authenticator",
    "Endpoint",
    "RateClass",
    "Service",
    "TokenSettings",
    "VerifiedTokens",
    "WebSettings",
    "bind",
    "body_of",
    "build_app",
    "endpoints",
    "limited",
    "lines",
    "note_code",
    "origin_of",
    "permit",
    "proven_key",
    "requires",
    "serve",
    "source_of",
    "stopping",
    "subscriber",
    "visible",
]
