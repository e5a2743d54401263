"""Which server an agent speaks with: the one whose CA has the pinned key, by name and by time."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from agent.tls import DAY, Answer, Ca, Served, new_key, plainly, served
from hypothesis import given
from hypothesis import strategies as st
from plugins.process import new_key as session_key

from lotabots.agent.address import check_known, read_address, read_join
from lotabots.agent.authority import PATH, checked_authority
from lotabots.agent.client import Client, Server, known_server
from lotabots.kernel import LotaError
from lotabots.runtime.clock import utc_now

UNTRUSTED = "AGENT_SERVER_UNTRUSTED"
CA = Ca()


def code(error: "pytest.ExceptionInfo[LotaError]") -> str:
    return error.value.code


def answering(ca_pem: bytes, body: bytes = b"{}") -> Answer:
    """The CA's certificate at its address, and the body at all others."""
    return lambda heard: (200, {}, ca_pem if heard.path.endswith(PATH) else body)


def join(state: Served, pin: bytes = CA.pin) -> Client:
    server = known_server(read_address(state.url), pin, utc_now())
    return Client(server, session_key(), utc_now)


def test_a_server_under_the_pinned_ca_is_spoken_with(tmp_path: Path) -> None:
    answer = answering(CA.pem(), b'{"good": true}')
    with served(answer, CA.leaf(tmp_path)) as state, join(state) as client:
        assert client.call("GET", "/v1/anything") == b'{"good": true}'
        client.call("GET", "/v1/anything")
    assert "dpop" not in state.heard[0].headers  # nothing is said before the server is known
    assert "dpop" in state.heard[1].headers
    assert state.connections == 2  # one to learn the CA, one that is kept


def test_a_server_whose_ca_has_another_key_is_refused_and_told_nothing(tmp_path: Path) -> None:
    other = Ca()
    with (
        served(answering(other.pem()), other.leaf(tmp_path)) as state,
        pytest.raises(LotaError) as refused,
    ):
        join(state)
    assert code(refused) == UNTRUSTED
    assert [heard.path for heard in state.heard] == [PATH]


def test_a_stranger_who_shows_the_right_ca_still_lacks_a_certificate_under_it(
    tmp_path: Path,
) -> None:
    stranger = Ca(name=CA.name)
    with served(answering(CA.pem()), stranger.leaf(tmp_path)) as state:
        client = join(state)
        with pytest.raises(LotaError) as refused:
            client.call("POST", "/v1/enrolments", b"secret")
    assert code(refused) == UNTRUSTED
    assert {heard.path for heard in state.heard} == {PATH}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "lotabots.example"])
def test_a_certificate_for_another_name_is_refused(tmp_path: Path, host: str) -> None:
    with served(answering(CA.pem()), CA.leaf(tmp_path, host)) as state:
        client = join(state)
        with pytest.raises(LotaError) as refused:
            client.call("GET", "/v1/anything")
    assert code(refused) == UNTRUSTED


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    with served(answering(CA.pem()), CA.leaf(tmp_path, until=-DAY)) as state:
        client = join(state)
        with pytest.raises(LotaError) as refused:
            client.call("GET", "/v1/anything")
    assert code(refused) == UNTRUSTED
    assert "expired" in refused.value.detail


def test_a_public_ca_of_the_machine_is_not_believed(tmp_path: Path) -> None:
    """The pinned CA is the only root: what else the machine trusts does not count."""
    context = ssl.create_default_context()
    assert context.cert_store_stats()["x509_ca"] >= 0
    server = Server("https://127.0.0.1:1", CA.pin, CA.pem().decode())
    client = Client(server, session_key(), utc_now)
    assert client._connection._context.cert_store_stats()["x509_ca"] == 1  # type: ignore[attr-defined]


def test_a_ca_that_another_issued_is_enough(tmp_path: Path) -> None:
    above = new_key()
    pem = CA.pem(by=above, issuer="root above")
    with served(answering(pem), CA.leaf(tmp_path)) as state, join(state) as client:
        assert client.call("GET", "/v1/anything") == b"{}"


def test_a_renewed_certificate_of_the_same_ca_is_learned(tmp_path: Path) -> None:
    """A CA's certificate ends one day; its key is what was pinned."""
    with served(answering(CA.pem()), CA.leaf(tmp_path)) as state:
        old = CA.pem(until=timedelta(hours=-1)).decode()
        with Client(Server(state.url, CA.pin, old), session_key(), utc_now) as client:
            assert client.call("GET", "/v1/anything") == b"{}"
        assert client.server.authority not in ("", old)


def test_a_self_signed_ca_around_the_pinned_key_that_the_key_did_not_sign_is_refused() -> None:
    with pytest.raises(LotaError) as refused:
        checked_authority(CA.pem(by=new_key()), CA.pin, utc_now())
    assert code(refused) == UNTRUSTED


@pytest.mark.parametrize(
    "changes",
    [
        {"is_ca": False},
        {"is_ca": None},
        {"may_sign": False},
        {"until": timedelta(hours=-1)},
        {"since": timedelta(hours=1)},
    ],
    ids=str,
)
def test_a_certificate_with_the_pinned_key_that_is_no_ca_of_this_time_is_refused(
    changes: dict[str, object],
) -> None:
    with pytest.raises(LotaError) as refused:
        checked_authority(CA.pem(**changes), CA.pin, utc_now())
    assert code(refused) == UNTRUSTED


def test_two_certificates_are_refused() -> None:
    with pytest.raises(LotaError) as refused:
        checked_authority(CA.pem() + CA.pem(), CA.pin, utc_now())
    assert code(refused) == UNTRUSTED


@given(st.binary(max_size=300))
def test_any_bytes_are_the_pinned_ca_or_refused_with_the_code(data: bytes) -> None:
    for pem in (data, b"-----BEGIN CERTIFICATE-----\n" + data):
        with pytest.raises(LotaError) as refused:
            checked_authority(pem, CA.pin, utc_now())
        assert code(refused) == UNTRUSTED


@given(st.integers(0, len(CA.pem()) - 1), st.integers(0, 7))
def test_a_changed_bit_of_the_ca_is_refused_or_changes_nothing(place: int, bit: int) -> None:
    pem = CA.pem()
    changed = bytearray(pem)
    changed[place] ^= 1 << bit
    try:
        assert checked_authority(bytes(changed), CA.pin, utc_now()).encode() == pem
    except LotaError as error:
        assert error.code == UNTRUSTED  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("url", "pin"),
    [
        ("https://lotabots.example", None),  # by HTTPS, and nothing to know it by
        ("http://lotabots.example", None),  # in clear over a network
        ("http://10.0.0.1:8470", None),
        ("http://127.0.0.1:8470", CA.pin),  # the token is of an HTTPS server
    ],
)
def test_a_server_that_cannot_be_known_is_refused_before_anything_is_sent(
    url: str, pin: bytes | None
) -> None:
    with pytest.raises(LotaError) as refused:
        check_known(read_address(url), pin)
    assert code(refused) == UNTRUSTED


@pytest.mark.parametrize("url", ["http://127.0.0.1:8470", "http://localhost", "http://[::1]:1"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    check_known(read_address(url), None)


def test_a_server_that_does_not_say_its_ca_is_refused(tmp_path: Path) -> None:
    with (
        served(plainly(b"{}", 404), CA.leaf(tmp_path)) as state,
        pytest.raises(LotaError) as refused,
    ):
        join(state)
    assert code(refused) == UNTRUSTED


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("lote_x@https://a.example", "https://a.example"),
        (" lote_x@https://a.example/ \n", "https://a.example"),
        ("lote_x@https://a.example:443/api/", "https://a.example/api"),
        ("lote_x@http://[::1]:8470", "http://[::1]:8470"),
    ],
)
def test_what_an_operator_hands_over_is_token_and_server(text: str, url: str) -> None:
    token, address = read_join(text)
    assert (token, address.url) == ("lote_x", url)


@given(st.text(max_size=80))
def test_any_text_joins_or_is_refused_with_a_code(text: str) -> None:
    for each in (text, f"lote_x@{text}", f"lote_x@https://{text}"):
        try:
            read_join(each)
        except LotaError as error:
            assert error.code in ("AGENT_JOIN_TEXT", "AGENT_ADDRESS")  # noqa: PT017


@pytest.mark.parametrize(
    "server",
    [
        "https://user@host",
        "https://host?x",
        "https://host#x",
        "ftp://host",
        "https://",
        "host",
        "https://host:99999",
        "https://ho st",
    ],
)
def test_an_address_with_more_than_host_and_path_is_refused(server: str) -> None:
    with pytest.raises(LotaError) as refused:
        read_join(f"lote_x@{server}")
    assert code(refused) == "AGENT_ADDRESS"
