"""HTTP: services as values, one strict request, one error body, one edge."""

from lotabots.runtime.web.app import Service, build_app
from lotabots.runtime.web.auth import (
    AUTHENTICATED,
    IN_SESSION,
    PUBLIC,
    proven_key,
    requires,
    source_of,
)
from lotabots.runtime.web.serving import bind, serve
from lotabots.runtime.web.settings import TokenSettings, WebSettings
from lotabots.runtime.web.tokens import TOKEN_PURPOSE, VerifiedTokens

__all__ = [
    "AUTHENTICATED",
    "IN_SESSION",
    "PUBLIC",
    "TOKEN_PURPOSE",
    "Service",
    "TokenSettings",
    "VerifiedTokens",
    "WebSettings",
    "bind",
    "build_app",
    "proven_key",
    "requires",
    "serve",
    "source_of",
]
