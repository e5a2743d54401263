"""The agent's HTTP: one kept connection to one known server, a proof with each call, coded errors.

What fails raises LotaError with the server's own code, or `SERVER_UNREACHABLE`; a server that is
not the pinned one `AGENT_SERVER_UNTRUSTED`. Redirects are not followed. A wrong clock does not stop
the agent: by the server's own time (the Date header, RFC 9110 section 6.6.1) it dates its proofs.
"""

import http.client
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Self, TypeVar

import msgspec

from lotabots.access import make_proof
from lotabots.agent.address import Address, check_known, read_address, untrusted
from lotabots.agent.authority import context_of, fetch_authority
from lotabots.kernel import Kind, LotaError, SigningKey, refusal_of

SILENT_SECONDS = 20.0
"""Without a byte from the server: it is gone."""
ANSWER_SECONDS = 60.0
"""From the request to the last byte of its answer, however it trickles."""
IDLE_SECONDS = 10.0
"""A connection that lay idle for longer is not used again: the server may be closing it."""
MAX_ANSWER_BYTES = 8 * 1024 * 1024
MAX_SKEW = timedelta(seconds=5)
"""Clocks that differ by no more are the same: a Date header has whole seconds."""

T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """A server that can be told from every other one."""

    url: str
    pin: bytes | None
    """SHA-256 of the CA's SubjectPublicKeyInfo; None for plain HTTP on this machine."""
    authority: str = ""
    """The CA's certificate in PEM, with the pinned key."""

    @property
    def address(self) -> Address:
        """The URL in its parts. Raises `AGENT_ADDRESS`."""
        return read_address(self.url)


def known_server(address: Address, pin: bytes | None, now: datetime) -> Server:
    """The server at this address, once its CA was fetched and is the pinned one.

    Raises `AGENT_SERVER_UNTRUSTED`, `SERVER_UNREACHABLE`.
    """
    check_known(address, pin)
    authority = "" if pin is None else fetch_authority(address, pin, now)
    return Server(address.url, pin, authority)


class Client:
    """Speaks JSON with one server, and proves with each call that we hold the session key."""

    def __init__(self, server: Server, key: SigningKey, clock: Callable[[], datetime]) -> None:
        """Raises `AGENT_SERVER_UNTRUSTED`, `AGENT_ADDRESS`."""
        check_known(server.address, server.pin)
        self.server = server
        """What it was given, or with a newer certificate of the same CA."""
        self.skew = timedelta()
        """How far the server's clock is ahead of ours, by its newest answer."""
        self._address = server.address
        self._key = key
        self._clock = clock
        self._correction = timedelta()
        self._aborted = False
        self._connection = self._made()
        self._used = monotonic()

    def now(self) -> datetime:
        """The present moment: by our clock, or by the server's where it did not take ours."""
        return self._clock() + self._correction

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; another call would open it again."""
        self._connection.close()

    def abort(self) -> None:
        """Ends all calls, also one that waits for the server; for a signal's handler."""
        self._aborted = True
        with suppress(OSError, AttributeError):
            self._connection.sock.shutdown(socket.SHUT_RDWR)

    def ask(self, path: str, body: object, into: type[T], token: str | None = None) -> T:
        """The answer to a JSON body. Raises the server's code, or `SERVER_ANSWER`."""
        answer = self.call("POST", path, msgspec.json.encode(body), token)
        try:
            return msgspec.json.decode(answer, type=into)
        except (msgspec.DecodeError, RecursionError) as error:
            detail = f"the server answered {path} with something else than it should"
            raise LotaError(Kind.INTERNAL, "SERVER_ANSWER", detail) from error

    def call(
        self, method: str, path: str, body: bytes | None = None, token: str | None = None
    ) -> bytes:
        """The answer's bytes."""
        dated_by = self._correction
        try:
            return self._proven(method, path, body, token)
        except LotaError as error:
            # Refused before anything was done with it: the proof was dated by a clock that the
            # server's is too far from. Its own time is as good, and it is the one that checks it.
            if error.code != "PROOF_INVALID" or abs(self.skew - dated_by) <= MAX_SKEW:
                raise
            self._correction = self.skew
            return self._proven(method, path, body, token)

    def _proven(self, method: str, path: str, body: bytes | None, token: str | None) -> bytes:
        try:
            return self._sent(method, path, body, token)
        except ssl.SSLCertVerificationError as error:
            if not self._renewed():
                why = f"its certificate is refused: {error.verify_message}"
                raise untrusted(why, server=self.server.url) from error
        try:
            return self._sent(method, path, body, token)
        except ssl.SSLCertVerificationError as error:
            why = f"its certificate is refused: {error.verify_message}"
            raise untrusted(why, server=self.server.url) from error

    def _renewed(self) -> bool:
        """Whether the CA has another certificate for the same key by now, which then counts."""
        if self.server.pin is None:
            return False
        authority = fetch_authority(self._address, self.server.pin, self._clock())
        if authority == self.server.authority:
            return False
        self.server = replace(self.server, authority=authority)
        self._connection = self._made()
        return True

    def _sent(self, method: str, path: str, body: bytes | None, token: str | None) -> bytes:
        """One request. Raises SSLCertVerificationError besides LotaError."""
        if self._aborted:
            raise LotaError(Kind.UNAVAILABLE, "SERVER_UNREACHABLE", "we were told to stop")
        if monotonic() - self._used > IDLE_SECONDS:
            self._connection.close()
        headers = {"accept": "application/json", **self._credentials(method, path, token)}
        if body is not None:
            headers["content-type"] = "application/json"
        ends = monotonic() + ANSWER_SECONDS
        asked_at = self._clock()
        try:
            if self._connection.sock is None:
                self._connection.connect()
            self._connection.request(method, self._address.base + path, body, headers)
            response = self._connection.getresponse()
            answer = _read(response, ends)
        except ssl.SSLCertVerificationError:
            self._connection.close()
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            detail = f"no answer from {self.server.url}: {error}"
            raise LotaError(Kind.UNAVAILABLE, "SERVER_UNREACHABLE", detail) from error
        self._used = monotonic()
        self._compare(response.headers.get("date"), asked_at)
        if response.status >= 300:
            raise _refusal(response, answer)
        return answer

    def _made(self) -> http.client.HTTPConnection:
        host, port = self._address.host, self._address.port
        if self.server.pin is None:
            return http.client.HTTPConnection(host, port, timeout=SILENT_SECONDS)
        context = context_of(self.server.authority)
        return http.client.HTTPSConnection(host, port, timeout=SILENT_SECONDS, context=context)

    def _credentials(self, method: str, path: str, token: str | None) -> Mapping[str, str]:
        url = self._address.url + path
        proof = make_proof(self._key, method, url, self.now(), secrets.token_urlsafe(16), token)
        return {"dpop": proof} | ({} if token is None else {"authorization": f"DPoP {token}"})

    def _compare(self, date: str | None, asked_at: datetime) -> None:
        """Takes the time of an answer: it was dated between our question and now."""
        with suppress(TypeError, ValueError, OverflowError):
            dated = parsedate_to_datetime(date or "")
            middle = asked_at + (self._clock() - asked_at) / 2
            self.skew = dated + timedelta(milliseconds=500) - middle
            if self._correction and abs(self.skew) <= MAX_SKEW:
                self._correction = timedelta()


def _read(response: http.client.HTTPResponse, ends: float) -> bytes:
    """The whole body, if it is no longer and takes no longer than an answer may."""
    parts: list[bytes] = []
    size = 0
    while part := response.read1(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES or monotonic() > ends:
            raise ValueError("its answer does not end")
    if response.length:  # of what was announced, so much never came
        raise ValueError("its answer was cut off")
    response.close()  # all was read: the connection is free for the next call
    return b"".join(parts)


def _refusal(response: http.client.HTTPResponse, answer: bytes) -> LotaError:
    error = refusal_of(response.status, answer)
    wait = response.headers.get("retry-after", "")
    if wait.isascii() and wait.isdigit() and len(wait) < 7:
        error.details.setdefault("retry_after_seconds", int(wait))
    return error
