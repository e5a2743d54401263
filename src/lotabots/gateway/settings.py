"""What the gateway can be told: where the services are, and how often who may call them."""

import re
from dataclasses import dataclass, fields

from lotabots.gateway.bucket import Limit, read_limit
from lotabots.kernel import invalid
from lotabots.runtime.web import RateClass

_ADDRESS = re.compile(r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::[0-9]{1,5})?")
SHARE_OF_STRICT = 0.25
"""Of a limit, for log-in, keys and exports, while Redis is away."""


@dataclass(frozen=True)
class GatewaySettings:
    """Section `gateway`. Times are seconds."""

    services: str = ""
    """Where the services are that this process does not serve itself, with spaces between:
    `identity=http://10.0.0.1:8471 audit=http://10.0.0.2:8472,http://10.0.0.3:8472`."""
    connections: int = 256
    """Connections to all addresses of one service at most."""
    connect_seconds: float = 2.0
    """How long connecting to a service may take."""
    answer_seconds: float = 60.0
    """How long a service may be silent before and while it answers."""

    def __post_init__(self) -> None:
        if not 1 <= self.connections <= 65536:
            raise invalid("SETTINGS_INVALID", "gateway.connections is 1 to 65536")
        if not (0 < self.connect_seconds <= 60 and 0 < self.answer_seconds <= 3600):
            detail = "gateway.connect_seconds is at most 60, gateway.answer_seconds 3600"
            raise invalid("SETTINGS_INVALID", detail)
        self.addresses()

    def addresses(self) -> dict[str, tuple[str, ...]]:
        """The addresses of each service that is elsewhere. Raises `SETTINGS_INVALID`."""
        found: dict[str, tuple[str, ...]] = {}
        for part in self.services.split():
            name, _, text = part.partition("=")
            urls = tuple(url.rstrip("/") for url in text.split(","))
            if name in found or not all(map(_ADDRESS.fullmatch, urls)):
                detail = (
                    "gateway.services is NAME=ADDRESS,ADDRESS ...; an address is scheme, host, port"
                )
                raise invalid("SETTINGS_INVALID", detail, part=part[:200])
            found[name] = urls
        return found


@dataclass(frozen=True)
class LimitSettings:
    """Section `limits`. A limit is `COUNT/PERIOD`, or `COUNT/PERIOD burst N`.

    `300/1m` is a bucket of 300 that takes a minute to fill. Of each request its address's bucket,
    its user's and its API key's must all have a token. An IPv6 address counts by its /64.
    """

    default_ip: str = "1200/1m"
    """Requests of one network address."""
    default_user: str = "1200/1m"
    """Requests of one user."""
    default_key: str = "1200/1m"
    """Requests with one API key."""
    login_ip: str = "30/1m"
    """Attempts to log in from one address."""
    token_ip: str = "120/1m"  # noqa: S105 - no password
    """Refreshing tokens, and making keys, from one address."""
    token_user: str = "60/1m"  # noqa: S105 - no password
    """The same by one user."""
    submit_ip: str = "6000/1m"
    """Challenges and submissions from one address: a whole site of nodes may share it."""
    submit_user: str = "3000/1m"
    """The same by one user or agent."""
    export_ip: str = "60/1m"
    """Exports from one address."""
    export_user: str = "60/1m"
    """The same by one user."""
    public_ip: str = "3000/1m"
    """What anyone may read: keys, status lists, the published audit log."""
    processes: int = 1
    """Gateway processes that share the limits: while Redis is away, each grants that part of them,
    and a quarter of its part for log-in, keys and exports."""
    redis_timeout_ms: int = 100
    """After so many milliseconds without an answer of Redis this process decides by itself, 5 to
    1000."""
    buckets: int = 200_000
    """Buckets that this process remembers at most; about 150 bytes each."""

    def __post_init__(self) -> None:
        for one in fields(self):
            if isinstance(text := getattr(self, one.name), str):
                read_limit(text)
        if not 1 <= self.processes <= 1000:
            raise invalid("SETTINGS_INVALID", "limits.processes is 1 to 1000")
        if not 5 <= self.redis_timeout_ms <= 1000:
            raise invalid("SETTINGS_INVALID", "limits.redis_timeout_ms is 5 to 1000")
        if not 1000 <= self.buckets <= 10_000_000:
            raise invalid("SETTINGS_INVALID", "limits.buckets is 1000 to 10000000")

    def of(self, rate_class: RateClass) -> dict[str, Limit]:
        """The limits of a class by whom they count: `ip`, `user`, `key`."""
        return {
            by: read_limit(text)
            for by in ("ip", "user", "key")
            if (text := getattr(self, f"{rate_class}_{by}", getattr(self, f"default_{by}")))
        }

    def share(self, rate_class: RateClass) -> float:
        """The part of a class's limits that this process grants while it decides alone."""
        return (SHARE_OF_STRICT if rate_class.strict else 1.0) / self.processes
