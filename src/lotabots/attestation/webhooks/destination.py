"""Where a webhook may go: addresses of the public Internet, and what of an URL is accepted.

A tenant chooses the URL and our process calls it, from inside our network. So nothing that is not
globally reachable is called, whatever name stands for it (IANA, IPv4 and IPv6 Special-Purpose
Address Registries): no private, loopback, link-local (the metadata services of clouds) or
multicast address, nor one that carries another inside (mapped, NAT64, 6to4, Teredo).
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

import msgspec

from lotabots.kernel import LotaError, invalid

MAX_URL = 2048
# One spelling: no user, no fragment, no backslash, no character outside ASCII.
_URL = re.compile(
    r"(https?)://(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252})"
    r"(?::([1-9][0-9]{0,4}))?((?:/[A-Za-z0-9/._~!$&'()*+,;=:@%-]*)?(?:\?[A-Za-z0-9/._~!$&'()*+,;=:@%?-]*)?)",
    re.ASCII,
)
_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
            "168.63.129.16/32",  # Azure's own services, inside every machine's network
        ),
    )
)  # fmt: skip
_PUBLIC_6 = IPv6Network("2000::/3")
"""All that is allocated as global unicast (RFC 4291, IANA); everything else is special."""
_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """An URL that may be called, if what its host stands for may."""

    tls: bool
    host: str
    """A name, or an address without brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


def read_destination(url: str, *, insecure: bool) -> Destination:
    """The destination of this URL. Raises `WEBHOOK_URL`, `WEBHOOK_ADDRESS_FORBIDDEN`.

    `insecure` also takes plain HTTP, and addresses of this machine: for tests.
    """
    found = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if found is None:
        raise _refused("it is no plain https://HOST/PATH")
    scheme, host, port_text, target = found.groups()
    tls = scheme == "https"
    if not tls and not insecure:
        raise _refused("only https:// is called")
    port = int(port_text) if port_text else (443 if tls else 80)
    if port != 443 and not 1024 <= port <= 65535:
        raise _refused("the port is 443, or 1024 and above")
    host = host.strip("[]").lower()
    if ":" in host or host.replace(".", "").isdecimal():
        try:
            require_allowed(str(ip_address(host)), insecure=insecure)
        except ValueError as error:
            raise _refused("its host is neither a name nor an address") from error
    path = target if target.startswith("/") else f"/{target}"
    return Destination(tls=tls, host=host, port=port, target=path)


def require_allowed(address: str, *, insecure: bool) -> None:
    """Raises `WEBHOOK_ADDRESS_FORBIDDEN` for an address that must not be called.

    ValueError for what is none.
    """
    if not is_public(address) and not (insecure and ip_address(address).is_loopback):
        detail = "The host stands for an address that is not of the public Internet."
        raise invalid("WEBHOOK_ADDRESS_FORBIDDEN", detail)


def is_public(address: str) -> bool:
    """Whether an address is one that everybody reaches. ValueError for what is no address."""
    read = ip_address(address)
    if isinstance(read, IPv4Address):
        return not any(read in network for network in _NOT_PUBLIC_4)
    if read.scope_id is not None:
        return False
    return read in _PUBLIC_6 and not any(read in network for network in _NOT_PUBLIC_6)


def _refused(why: str) -> LotaError:
    return invalid("WEBHOOK_URL", f"The webhook's URL cannot be used: {why}.")
