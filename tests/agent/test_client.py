"""The agent's HTTP: proofs, coded errors, connections, clocks, and servers that misbehave."""

import json
import signal
import socket
import threading
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from agent.tls import Ca, Heard, Served, plainly, served
from hypothesis import given
from hypothesis import strategies as st
from plugins.process import new_key

from lotabots.access import Call, verify_proof
from lotabots.agent import client as client_module
from lotabots.agent.client import Client, Server
from lotabots.kernel import LotaError
from lotabots.kernel.refusals import refusal_of
from lotabots.runtime.clock import utc_now

KEY = new_key()


class Word(msgspec.Struct):
    word: str


def to(state: Served, ahead: timedelta = timedelta()) -> Client:
    """A client whose clock is ahead by so much."""
    return Client(Server(state.url, None), KEY, lambda: utc_now() + ahead)


def proven(heard: Heard, state: Served, token: str | None) -> None:
    """Returns if the server would believe the request's proof."""
    url = state.url + heard.path
    verify_proof(Call(heard.method, url, (heard.headers["dpop"],)), utc_now(), token)


def test_each_call_proves_the_session_key_and_the_token() -> None:
    with served(plainly(b'{"word": "yes", "more": 1}')) as state:
        with to(state) as client:
            assert client.ask("/v1/a", {"b": 1}, Word, "a-token") == Word("yes")
            client.ask("/v1/a", {"b": 1}, Word)
        first, second = state.heard
        assert (first.headers["authorization"], json.loads(first.body)) == (
            "DPoP a-token",
            {"b": 1},
        )
        assert "authorization" not in second.headers
        proven(first, state, "a-token")
        proven(second, state, None)
        assert first.headers["dpop"] != second.headers["dpop"]


def test_one_connection_serves_many_calls() -> None:
    with served(plainly()) as state:
        with to(state) as client:
            for _ in range(5):
                client.call("GET", "/v1/a")
        assert (len(state.heard), state.connections) == (5, 1)


def test_a_connection_that_lay_idle_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "IDLE_SECONDS", -1.0)
    with served(plainly()) as state:
        with to(state) as client:
            client.call("GET", "/v1/a")
            client.call("GET", "/v1/a")
        assert state.connections == 2


def test_an_error_has_the_server_s_own_code_and_wait() -> None:
    body = b'{"message": "later", "code": "WEB_BUSY", "details": {"retry_after_seconds": 7}}'
    with served(plainly(body, 503, retry_after="9")) as state, to(state) as client:
        with pytest.raises(LotaError) as refused:
            client.call("GET", "/v1/a")
        assert refused.value.code == "WEB_BUSY"
        assert refused.value.details == {"retry_after_seconds": 7}


def test_the_wait_that_a_proxy_asks_for_is_known_too() -> None:
    with served(plainly(b"<html>", 503, retry_after="9")) as state, to(state) as client:
        with pytest.raises(LotaError) as refused:
            client.call("GET", "/v1/a")
        assert refused.value.code == "SERVER_ANSWER"
        assert refused.value.details == {"retry_after_seconds": 9}


def test_a_redirect_is_not_followed() -> None:
    with served(plainly()) as other, served(plainly(b"", 302, location=other.url)) as state:
        with to(state) as client, pytest.raises(LotaError) as refused:
            client.call("GET", "/v1/a", token="a-token")
        assert refused.value.code == "SERVER_ANSWER"
        assert other.heard == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"word": 1}', b"{" * 100_000, b"\xff"])
def test_a_strange_answer_is_an_error(body: bytes) -> None:
    with served(plainly(body)) as state, to(state) as client:
        with pytest.raises(LotaError) as refused:
            client.ask("/v1/a", {}, Word)
        assert refused.value.code == "SERVER_ANSWER"


def test_an_answer_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_ANSWER_BYTES", 1000)
    with served(plainly(b" " * 2000)) as state, to(state) as client:
        with pytest.raises(LotaError) as refused:
            client.call("GET", "/v1/a")
        assert refused.value.code == "SERVER_UNREACHABLE"
        state.answer = plainly(b"ok")
        assert client.call("GET", "/v1/a") == b"ok"


def test_a_server_that_trickles_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ANSWER_SECONDS", -1.0)
    with served(plainly(b"slow")) as state, to(state) as client:
        with pytest.raises(LotaError) as refused:
            client.call("GET", "/v1/a")
        assert refused.value.code == "SERVER_UNREACHABLE"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", b"SSH-2"])
def test_a_connection_that_breaks_is_an_error_and_the_next_one_works(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for text in (said, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(text)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Client(Server(url, None), KEY, utc_now) as client:
            with pytest.raises(LotaError) as refused:
                client.call("GET", "/v1/a")
            assert refused.value.code == "SERVER_UNREACHABLE"
            assert client.call("GET", "/v1/a") == b"ok"
        thread.join()


def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with Client(Server(url, None), KEY, utc_now) as client, pytest.raises(LotaError) as refused:
        client.call("GET", "/v1/a")
    assert refused.value.code == "SERVER_UNREACHABLE"


@pytest.mark.parametrize("ahead", [timedelta(hours=-30), timedelta(minutes=5)])
def test_a_wrong_clock_is_known_by_the_server_s_time_and_does_not_stop_us(
    ahead: timedelta,
) -> None:
    def checked(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        try:
            proven(heard, state, None)
        except LotaError as error:
            return 401, {}, json.dumps(error.body()).encode()
        return 200, {}, b"ok"

    with served(checked) as state, to(state, ahead) as client:
        assert client.call("GET", "/v1/a") == b"ok"
        assert len(state.heard) == 2  # refused once, then dated by the server's clock
        assert client.call("GET", "/v1/a") == b"ok"
        assert len(state.heard) == 3
        assert abs(client.skew + ahead) < timedelta(seconds=3)
        assert abs(client.now() - utc_now()) < timedelta(seconds=3)


def test_a_clock_that_was_set_right_meanwhile_is_believed_again() -> None:
    ahead = [timedelta(hours=2)]

    def checked(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        try:
            proven(heard, state, None)
        except LotaError as error:
            return 401, {}, json.dumps(error.body()).encode()
        return 200, {}, b"ok"

    with (
        served(checked) as state,
        Client(Server(state.url, None), KEY, lambda: utc_now() + ahead[0]) as client,
    ):
        client.call("GET", "/v1/a")
        ahead[0] = timedelta()
        client.call("GET", "/v1/a")
        assert abs(client.now() - utc_now()) < timedelta(seconds=3)


def test_a_proof_that_is_refused_for_another_reason_is_not_sent_again() -> None:
    body = b'{"message": "no", "code": "PROOF_INVALID", "details": {}}'
    with served(plainly(body, 401)) as state:
        with to(state) as client, pytest.raises(LotaError) as refused:
            client.call("GET", "/v1/a")
        assert (refused.value.code, len(state.heard)) == ("PROOF_INVALID", 1)


@pytest.mark.parametrize("secure", [False, True])
def test_a_signal_ends_a_call_that_waits(tmp_path: Path, secure: bool) -> None:
    """The handler runs within the call: what it does must have the call return."""
    ca, free = Ca(), threading.Event()

    def slow(_: Heard) -> tuple[int, dict[str, str], bytes]:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        free.wait(30)
        return 200, {}, b"late"

    files = ca.leaf(tmp_path) if secure else None
    with served(slow, files) as state:
        server = Server(state.url, ca.pin if secure else None, ca.pem().decode() if secure else "")
        with Client(server, KEY, utc_now) as client:
            before = signal.signal(signal.SIGUSR1, lambda *_: client.abort())
            try:
                began = time.monotonic()
                with pytest.raises(LotaError) as refused:
                    client.call("GET", "/v1/a")
                assert refused.value.code == "SERVER_UNREACHABLE"
                assert time.monotonic() - began < 10
            finally:
                free.set()
                signal.signal(signal.SIGUSR1, before)


@given(st.integers(300, 599), st.binary(max_size=200))
def test_any_answer_that_refuses_is_an_error_with_a_code_of_ours_or_the_server_s(
    status: int, body: bytes
) -> None:
    error = refusal_of(status, body)
    assert error.code == "SERVER_ANSWER" or error.code.encode() in body


@given(st.text(max_size=80))
def test_a_code_that_is_none_of_ours_is_not_repeated(code: str) -> None:
    body = json.dumps({"message": "m", "code": code, "details": {"kind": 1, "long": "x" * 300}})
    error = refusal_of(400, body.encode())
    assert error.code in (code, "SERVER_ANSWER")
    assert error.code.isascii()
    assert "long" not in error.details
