"""Where a request came from, under which id, and in which trace: none of it on a stranger's word.

Only the proxies that the operator names may say for whom they speak (`X-Forwarded-For`) and which
id a request has. A trace id (W3C Trace Context) is taken from anyone: it is a label, nothing more.
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from litestar.types import Scope

from lotabots.kernel import invalid

REQUEST_ID = b"x-request-id"
FORWARDED_FOR = b"x-forwarded-for"
TRACEPARENT = b"traceparent"
ARRIVAL = "lotabots.arrival"
"""Where a request's `Arrival` stands in the state of its scope."""

_SENT_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
# W3C Trace Context, section 3.2: version, trace, parent, flags; zeros are invalid.
_TRACE = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?"
)
_WITH_PORT = re.compile(r"\[([0-9a-fA-F:.]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")

Headers = Iterable[tuple[bytes, bytes]]


class Arrival(NamedTuple):
    """One request, as we know it before anything else is looked at."""

    address: str
    request_id: bytes
    trace_id: bytes
    traceparent: bytes
    """Ours: the same trace, with a span of this process as the parent of what comes after."""


class Proxies:
    """The networks whose word is taken about where a request came from."""

    def __init__(self, text: str) -> None:
        """`text` is addresses and networks with commas between. Raises `SETTINGS_INVALID`."""
        try:
            self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
                ip_network(part.strip()) for part in text.split(",") if part.strip()
            )
        except ValueError as error:
            detail = f"web.trusted_proxies: {error}"
            raise invalid("SETTINGS_INVALID", detail) from error
        self.trusts = lru_cache(maxsize=1024)(self._trusts)

    def _trusts(self, address: str) -> bool:
        parsed = normal(address)
        return parsed is not None and any(ip_address(parsed) in one for one in self._networks)

    def arrival(self, peer: str, headers: Headers) -> Arrival:
        """The request that came from `peer`: the other end of the connection."""
        trusted = bool(self._networks) and self.trusts(peer)
        if not trusted and TRACEPARENT not in dict(headers):  # most are no more than this
            return arrived(normal(peer) or peer, (), ())
        forwarded, sent_id, trace = [], [], []
        for name, value in headers:
            if name == TRACEPARENT:
                trace.append(value)
            elif trusted and name == FORWARDED_FOR:
                forwarded.append(value)
            elif trusted and name == REQUEST_ID:
                sent_id.append(value)
        address = self.client(peer, forwarded) if forwarded else normal(peer) or peer
        return arrived(address, sent_id, trace)

    def client(self, peer: str, forwarded: Sequence[bytes]) -> str:
        """The last hop that no trusted proxy vouches for as one of its own, from the right.

        What stands left of it was written by whoever that is, and is not looked at. A hop that is
        no address ends the search: the proxy that wrote it is the last that is known.
        """
        known = normal(peer) or peer
        for hop in reversed(b",".join(forwarded).split(b",")):
            if not self.trusts(known):
                return known
            found = normal(hop.strip().decode("latin-1"))
            if found is None:
                return known
            known = found
        return known


def peer_of(scope: Scope) -> str:
    """The other end of the connection; `local` for a unix socket."""
    client = scope.get("client")
    return client[0] if client else "local"


def arrived(address: str, sent_id: Sequence[bytes], trace: Sequence[bytes]) -> Arrival:
    """The request from this address; an id or trace that is not well formed, or twice, is made."""
    kept = len(sent_id) == 1 and _SENT_ID.fullmatch(sent_id[0])
    chance = secrets.token_hex(40).encode()  # once: each asks the kernel
    request_id = sent_id[0] if kept else chance[:32]
    found = _TRACE.fullmatch(trace[0]) if len(trace) == 1 and len(trace[0]) <= 128 else None
    trace_id, flags = found.groups() if found else (chance[32:64], b"00")
    span = chance[64:]
    return Arrival(address, request_id, trace_id, b"00-%b-%b-%b" % (trace_id, span, flags))


@lru_cache(maxsize=4096)
def normal(text: str) -> str | None:
    """The one spelling of an address, without port; IPv4 in IPv6 is IPv4. None for no address."""
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or IPv6Address(int(address))  # without a scope
    return str(address)


@lru_cache(maxsize=65536)
def subscriber(address: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 that one IPv6 subscriber has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed) >> 64 << 64, 64)))
    return address
