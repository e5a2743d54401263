"""What the web edge of a process can be told: addresses, limits, and whose tokens it believes."""

import re
from dataclasses import dataclass

from lotabots.kernel import invalid
from lotabots.runtime.web.arrival import Proxies

# RFC 6454 section 6.2; no wildcard, and never `null`.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?")
MIB = 1024 * 1024


@dataclass(frozen=True)
class WebSettings:
    """Section `web`. Sizes are bytes, times seconds."""

    host: str = "127.0.0.1"
    """The address to listen on; `0.0.0.0` is every IPv4 address of this machine."""
    port: int = 8470
    """0 takes a free one."""
    tls: bool = False
    """Clients reach us by HTTPS (through a proxy that ends it): then HSTS is sent."""
    trusted_proxies: str = ""
    """Addresses and networks of the proxies in front of us, with commas between: theirs is the word
    about where a request came from (`X-Forwarded-For`) and its id. Empty: nobody's."""
    behind_gateway: bool = False
    """Only the gateway is answered. For processes of single services that others could reach."""
    cors_origins: str = ""
    """Origins whose pages may call the API, such as `https://app.example.org`, with commas
    between."""
    max_body: int = MIB
    """Of any request whose route does not state its own limit."""
    max_headers: int = 32 * 1024
    """Of a request's path, query and headers together."""
    keep_alive: int = 15
    """How long an idle connection stays open, and how long the head of a request may take."""
    stop_seconds: int = 10
    """How long running requests may take to finish when we stop."""
    max_concurrent: int = 1000
    """Requests that are worked on at once; one more is answered 503 `WEB_BUSY`."""
    max_connections: int = 10_000
    """Connections that are open at once, or as many as the system's limit on open files leaves;
    a request on one more is answered 503 `WEB_BUSY`, and the connection closed."""

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise invalid("SETTINGS_INVALID", "web.port is 0 to 65535")
        if self.max_body < 1024 or self.max_headers < 1024:
            raise invalid("SETTINGS_INVALID", "web.max_body and web.max_headers are at least 1024")
        if self.max_concurrent < 1 or self.max_connections < 1:
            detail = "web.max_concurrent and web.max_connections are at least 1"
            raise invalid("SETTINGS_INVALID", detail)
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                detail = "web.cors_origins are scheme, host and port, in lower case, and no more"
                raise invalid("SETTINGS_INVALID", detail, origin=origin[:100])
        Proxies(self.trusted_proxies)

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may call the API."""
        return frozenset(one.strip() for one in self.cors_origins.split(",") if one.strip())

    @property
    def url(self) -> str:
        """The address that this process listens on, as a client on this machine writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@dataclass(frozen=True)
class TokenSettings:
    """Section `token`: the issuer and audience of the user tokens made and believed here."""

    issuer: str = "urn:lotabots:identity"
    """The same in every process of an installation."""
    audience: str = "urn:lotabots:api"
    """The same in every process of an installation."""
    public_url: str = ""
    """The address that clients use, such as `https://lotabots.example`: DPoP proofs must name it.
    Empty: what the Host header says."""
    environment: str = "live"
    """Stands in every API key (`lota_live_...`), so that one of a test system is told from a real
    one: 1 to 16 letters and digits."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]{1,16}", self.environment):
            raise invalid("SETTINGS_INVALID", "token.environment has 1 to 16 letters and digits")
        if self.public_url and not self.public_url.startswith(("https://", "http://")):
            raise invalid("SETTINGS_INVALID", "token.public_url begins with https:// or http://")
