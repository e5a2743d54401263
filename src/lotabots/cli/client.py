"""A small client of the API: one connection, coded errors, no redirects."""

import http.client
import os
import secrets
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlencode, urlsplit

import click
import msgspec

from lotabots.access import make_proof
from lotabots.cli import kept_session
from lotabots.kernel import Kind, LotaError, SigningKey, invalid, refusal_of

DEFAULT_PORT = 8470
DEFAULT_SERVER = f"http://127.0.0.1:{DEFAULT_PORT}"
TIMEOUT_SECONDS = 60.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_WAIT_SECONDS = 60
UPLOAD_SECONDS = 900.0
"""How long the answer to an uploaded file may take: all of it goes to disk before."""
MAX_EVENT_BYTES = 1024 * 1024

server_option = click.option(
    "--server",
    envvar="LOTABOTS_SERVER",
    default=DEFAULT_SERVER,
    show_default=True,
    help="Base URL of the API (LOTABOTS_SERVER).",
)


class Client:
    """Speaks JSON with one server. Raises LotaError with the server's own code."""

    def __init__(
        self, server: str, token: str | None = None, key: SigningKey | None = None
    ) -> None:
        """With a key, each call proves that we have it (DPoP, RFC 9449), and so does its token."""
        parts = urlsplit(server)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise invalid("SERVER_URL", "the server must be an http or https URL", server=server)
        self.server = server
        self.token = token
        self.key = key
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._base = parts.path.rstrip("/")
        self._connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(
                parts.hostname,
                parts.port,
                timeout=TIMEOUT_SECONDS,
                context=ssl.create_default_context(),
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str, **query: str | int | None) -> bytes:
        """The answer's bytes; a query value of None is left out."""
        given = {name: value for name, value in query.items() if value is not None}
        return self._call("GET", f"{path}?{urlencode(given)}" if given else path, None)

    def get_patiently(self, path: str) -> bytes:
        """The same, for one of very many: where the server says to wait, it is waited for."""
        while True:
            try:
                return self.get(path)
            except LotaError as error:
                wait = error.details.get("retry_after_seconds")
                if error.kind is not Kind.RATE_LIMITED or not isinstance(wait, int):
                    raise
                time.sleep(min(max(wait, 1), MAX_WAIT_SECONDS))

    def post(self, path: str, body: object) -> bytes:
        """The answer's bytes to a JSON body; None for no body."""
        return self._call("POST", path, None if body is None else msgspec.json.encode(body))

    def put(self, path: str, body: object) -> bytes:
        """The answer's bytes to a JSON body that replaces what is there."""
        return self._call("PUT", path, msgspec.json.encode(body))

    def delete(self, path: str) -> bytes:
        """The answer's bytes to the removal of what is there."""
        return self._call("DELETE", path, None)

    def post_bytes(self, path: str, body: bytes) -> bytes:
        """The answer's bytes to a body that is a file."""
        return self._call("POST", path, body, "application/octet-stream")

    def put_file(self, path: str, pieces: Iterable[bytes], size: int) -> bytes:
        """The answer's bytes to a body of this many bytes, sent piece by piece as they are read.

        A server that refuses need not have read it all: what it said is raised, as elsewhere.
        """
        headers = {"accept": "application/json", "content-type": "application/octet-stream"}
        headers |= {"content-length": str(size)} | self._credentials("PUT", self._base + path)
        self._connection.close()
        self._connection.timeout = UPLOAD_SECONDS
        try:
            self._connection.connect()
            with suppress(ConnectionError):  # it has hung up: it may have said why
                self._connection.request("PUT", self._base + path, pieces, headers)
            response = self._connection.getresponse()
            answer = response.read(MAX_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            self._connection.close()
            self._connection.timeout = TIMEOUT_SECONDS
        if response.status >= 300:
            raise refusal_of(response.status, answer)
        return answer

    def events(self, path: str) -> Iterator[bytes]:
        """The data of each server-sent event, until the server ends them or is gone.

        One line of data an event, as our servers write them; comments are left out.
        """
        headers = {"accept": "text/event-stream"} | self._credentials("GET", self._base + path)
        try:
            self._connection.request("GET", self._base + path, None, headers)
            response = self._connection.getresponse()
            if response.status >= 300:
                raise refusal_of(response.status, response.read(MAX_ANSWER_BYTES + 1))
            while line := response.readline(MAX_EVENT_BYTES):
                name, _, value = line.partition(b":")
                if name == b"data":
                    yield value.strip()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            self._connection.close()

    def _call(
        self, method: str, path: str, body: bytes | None, content_type: str = "application/json"
    ) -> bytes:
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = content_type
        headers |= self._credentials(method, self._base + path)
        try:
            self._connection.request(method, self._base + path, body, headers)
            response = self._connection.getresponse()
            answer = response.read(MAX_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._unreachable(error) from error
        if response.status >= 300:
            raise refusal_of(response.status, answer)
        return answer

    def _unreachable(self, error: Exception) -> LotaError:
        detail = f"no answer from {self.server}: {error}"
        return LotaError(Kind.UNAVAILABLE, "SERVER_UNREACHABLE", detail)

    def _credentials(self, method: str, path: str) -> dict[str, str]:
        """The headers that say who we are."""
        if self.key is None:
            return {} if self.token is None else {"authorization": f"Bearer {self.token}"}
        url, now = self._origin + path, datetime.now(UTC)
        proof = make_proof(self.key, method, url, now, secrets.token_urlsafe(16), self.token)
        sent = {} if self.token is None else {"authorization": f"DPoP {self.token}"}
        return {**sent, "dpop": proof}


def connect(server: str) -> Client:
    """A client with the token of LOTABOTS_TOKEN, else of `lotabots login`, refreshed if need be."""
    token = os.environ.get("LOTABOTS_TOKEN")
    if not token and kept_session.kept_for(server) is not None:
        return _in_session(server)
    if not token and kept_session.token_file().is_file():
        token = kept_session.token_file().read_text().strip()
    return Client(server, token or None)


def _in_session(server: str) -> Client:
    """A client in the session with that server, refreshed if need be."""
    with kept_session.alone():
        kept = kept_session.kept_for(server)  # again: whoever was here before may have refreshed it
        if kept is None:
            return Client(server)
        key = kept_session.key_of(kept)
        if kept_session.is_fresh(kept):
            return Client(server, kept.access_token, key)
        with Client(server, key=key) as client:
            answer = client.post("/v1/login/refresh", {"refresh_token": kept.refresh_token})
        tokens = msgspec.json.decode(answer, type=kept_session.Tokens)
        kept_session.keep(server, tokens, key)
        return Client(server, tokens.access_token, key)
