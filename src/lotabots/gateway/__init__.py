"""The front door: who calls, how often they may, and which service answers."""

from lotabots.gateway.bucket import Limit
from lotabots.gateway.buckets import Shared
from lotabots.gateway.entrance import Front, front
from lotabots.gateway.limiter import Caller, Limiter
from lotabots.gateway.settings import GatewaySettings, LimitSettings

__all__ = [
    "Caller",
    "Front",
    "GatewaySettings",
    "Limit",
    "LimitSettings",
    "Limiter",
    "Shared",
    "front",
]
