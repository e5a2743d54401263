"""One delivery sent: to an address that was checked, as the host that was asked for, within limits.

The name is resolved once and every address that it stands for is checked; the connection goes to
one of these, and the certificate is held against the name. No redirect is followed, no proxy used,
and of the answer nothing is read but its head: what a receiver says is for nobody here.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from lotabots import __version__
from lotabots.attestation.webhooks.destination import Destination, require_allowed
from lotabots.kernel import Kind, LotaError

SECONDS = 10.0
"""For all of it: the name, the connection, the answer's head."""
CONNECT_SECONDS = 4.0
"""For each address of a name."""
MAX_HEAD = 16 * 1024
MAX_ADDRESSES = 4
RESOLVERS = 64
"""Names that are resolved at once, in threads of their own. A name is asked for once at a time: who
answers for it can take minutes, and has no more than that one thread."""

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_INTERIM = 4
"""Interim answers (1xx) that are read over."""

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a name, in a thread. Raises OSError."""


def resolved(host: str, port: int) -> Sequence[str]:
    """What the system says that the name stands for."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Sender:
    """Sends deliveries. `insecure` lets it call this machine, too: for tests."""

    def __init__(
        self, *, insecure: bool, resolve: Resolve = resolved, tls: ssl.SSLContext | None = None
    ) -> None:
        self._insecure = insecure
        self._resolve = resolve
        self._tls = ssl.create_default_context() if tls is None else tls
        self._threads = ThreadPoolExecutor(RESOLVERS, "webhook-names")
        self._asked: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def post(self, to: Destination, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer.

        Raises `WEBHOOK_HOST_UNKNOWN`, `WEBHOOK_ADDRESS_FORBIDDEN`, `WEBHOOK_UNREACHABLE`,
        `WEBHOOK_TLS`, `WEBHOOK_ANSWER`, `WEBHOOK_TIMEOUT`.
        """
        try:
            async with asyncio.timeout(SECONDS):
                addresses = await self._addresses(to)
                reader, writer = await self._connected(to, addresses)
                try:
                    writer.write(_head(to, headers, len(body)) + body)
                    await writer.drain()
                    return await _status(reader)
                finally:
                    writer.transport.abort()
        except TimeoutError as error:
            raise _failed("WEBHOOK_TIMEOUT", f"It took longer than {SECONDS:.0f} s.") from error
        except ssl.SSLError as error:
            raise _failed("WEBHOOK_TLS", "TLS with the receiver failed.") from error
        except OSError as error:
            raise _unread() from error

    async def _addresses(self, to: Destination) -> Sequence[str]:
        """What the host stands for, all of it checked."""
        asked = self._asked.get(to.host) or self._ask(to)
        try:
            found = await asyncio.shield(asked)
        except (OSError, UnicodeError) as error:
            raise _failed("WEBHOOK_HOST_UNKNOWN", "The host's name is not known.") from error
        if not found:
            raise _failed("WEBHOOK_HOST_UNKNOWN", "The host's name stands for no address.")
        for address in found:
            require_allowed(address, insecure=self._insecure)
        return list(dict.fromkeys(found))[:MAX_ADDRESSES]

    def _ask(self, to: Destination) -> "asyncio.Future[Sequence[str]]":
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(self._threads, self._resolve, to.host, to.port)

        def ended(_: "asyncio.Future[Sequence[str]]") -> None:
            del self._asked[to.host]
            asked.cancelled() or asked.exception()  # whoever asked may be gone by now

        self._asked[to.host] = asked
        asked.add_done_callback(ended)
        return asked

    async def _connected(
        self, to: Destination, addresses: Sequence[str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        cause: Exception | None = None
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(
                        str(ip_address(address)),
                        to.port,
                        limit=MAX_HEAD,
                        ssl=self._tls if to.tls else None,
                        server_hostname=to.host if to.tls else None,
                    )
            except ssl.SSLError:
                raise
            except (OSError, TimeoutError) as error:
                cause = error
        raise _failed("WEBHOOK_UNREACHABLE", "No connection could be made.") from cause


def _head(to: Destination, headers: Mapping[str, str], length: int) -> bytes:
    said = {
        "host": to.authority,
        "user-agent": f"LotaBots/{__version__}",
        "content-type": "application/json",
        "content-length": str(length),
        "connection": "close",
        **headers,
    }
    lines = [f"POST {to.target} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def _status(reader: asyncio.StreamReader) -> int:
    for _ in range(_INTERIM):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise _unread() from error
        found = _STATUS.match(head)
        if found is None:
            break
        if (status := int(found[1])) >= 200:
            return status
    raise _unread()


def _unread() -> LotaError:
    return _failed("WEBHOOK_ANSWER", "There was no answer that could be read.")


def _failed(code: str, detail: str) -> LotaError:
    return LotaError(Kind.UNAVAILABLE, code, detail)
