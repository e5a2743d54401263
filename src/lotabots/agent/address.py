"""Where a server is, and how its key is known: what an operator hands over as `TOKEN@SERVER`."""

import re
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from lotabots.kernel import Kind, LotaError, invalid

DEFAULT_PORTS = {"https": 443, "http": 80}
MAX_TEXT = 1024
# RFC 3986, of which a name, an address and a plain path are all that is taken.
_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}(/[A-Za-z0-9._~/-]{0,255})?", re.ASCII)


class Address(NamedTuple):
    """A server's base URL in its parts."""

    scheme: str
    host: str
    port: int
    base: str
    """The path before every route, without a slash at its end."""

    @property
    def origin(self) -> str:
        """Scheme and host, with the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return self.origin + self.base

    @property
    def is_loopback(self) -> bool:
        """Whether it is on the machine that asks."""
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_address(url: str) -> Address:
    """The address of this URL. Raises `AGENT_ADDRESS`."""
    try:
        if not _URL.fullmatch(url):
            raise ValueError("no such URL")
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except ValueError as error:
        detail = "The server is an http or https URL without user, query and fragment."
        raise invalid("AGENT_ADDRESS", detail) from error
    if not parts.hostname:
        raise invalid("AGENT_ADDRESS", "The URL of the server names no host.")
    return Address(parts.scheme, parts.hostname, port, parts.path.rstrip("/"))


def read_join(text: str) -> tuple[str, Address]:
    """Token and server of `TOKEN@SERVER`. Raises `AGENT_JOIN_TEXT`, `AGENT_ADDRESS`."""
    token, at, server = text.strip().partition("@")
    if not token or not at or len(text) > MAX_TEXT:
        detail = "An agent joins with TOKEN@SERVER, as `lotabots node enroll` prints it."
        raise invalid("AGENT_JOIN_TEXT", detail)
    return token, read_address(server)


def check_known(address: Address, pin: bytes | None) -> None:
    """Returns only where the server can be told from every other one.

    By HTTPS that takes the pin of its CA; plain HTTP goes no further than this machine, and never
    where a pin was given. Raises `AGENT_SERVER_UNTRUSTED`.
    """
    if address.scheme == "https":
        if pin is None:
            raise untrusted("the token names no CA by which this server could be known")
    elif pin is not None:
        raise untrusted("the token names the CA of an HTTPS server, and the address is plain HTTP")
    elif not address.is_loopback:
        raise untrusted("plain HTTP is for a server on this very machine")


def untrusted(why: str, **details: object) -> LotaError:
    """The refusal to speak with a server that is not, or may not be, the one that was meant."""
    detail = f"The server is not spoken with: {why}."
    return LotaError(Kind.AUTHENTICATION, "AGENT_SERVER_UNTRUSTED", detail, **details)
