"""Where a request of identity comes from: its network address, and the key that it proves."""

from typing import Any, NamedTuple

from litestar import Request

from lotabots.runtime.web import proven_key, source_of


class Client(NamedTuple):
    """Who sends a log-in or a refresh, before we know which user it is."""

    address: str
    thumbprint: str | None
    """Of the key that its DPoP proof was made with (RFC 7638); None without a proof."""


def client_of(request: Request[Any, Any, Any]) -> Client:
    """The client behind a request to a public route. Raises `PROOF_*` for a proof that is none."""
    return Client(source_of(request.scope), proven_key(request))
