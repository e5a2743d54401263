"""Where a node joins, and by which CA it will know the server: never one that anybody could be."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from plugins.enroller import HERE, Joiner
from plugins.stage import staged

from lotabots.access import EnrolmentToken, read_enrolment_token
from lotabots.attestation import AttestationSettings
from lotabots.attestation.joining import Joining, is_loopback
from lotabots.kernel import LotaError, Role, sha256
from lotabots.runtime.database import Database
from lotabots.runtime.web import TokenSettings
from lotabots.simulator import roots_pem

CA = x509.load_pem_x509_certificates(roots_pem())[0]
SPKI = CA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
OVER_HTTPS = "https://lotabots.example"


@pytest.fixture
def ca_file(tmp_path: Path) -> str:
    file = tmp_path / "ca.pem"
    file.write_bytes(CA.public_bytes(Encoding.PEM))
    return str(file)


def place(origin: str, ca_file: str = "", public: str = "", status: str = "") -> object:
    settings = AttestationSettings(ca_file=ca_file, public_url=status)
    try:
        return Joining(settings, TokenSettings(public_url=public)).place(origin)
    except LotaError as error:
        return error.code


def test_a_node_joins_over_https_a_server_whose_ca_it_is_told(ca_file: str) -> None:
    for address in (OVER_HTTPS, f"{OVER_HTTPS}:8443", f"{OVER_HTTPS}/lotabots"):
        assert place(address, ca_file) == (address, sha256(SPKI))


def test_without_a_ca_no_node_joins_over_https() -> None:
    assert place(OVER_HTTPS) == "ENROLMENT_CA_ABSENT"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.7.6:80", "localhost:8470", "[::1]:8470"])
def test_a_node_joins_by_plain_http_on_this_machine(host: str, ca_file: str) -> None:
    assert place(f"http://{host}") == (f"http://{host}", None)
    assert place(f"http://{host}", ca_file) == (f"http://{host}", None)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "lotabots.example", "0.0.0.0", "localhost.evil.example", "127.0.0.1.evil.example",
     "[fe80::1]", "2130706433"],
)  # fmt: skip
def test_a_node_joins_no_other_machine_by_plain_http(host: str, ca_file: str) -> None:
    assert not is_loopback(f"http://{host}")
    assert place(f"http://{host}", ca_file) == "ENROLMENT_UNPROTECTED"


@pytest.mark.parametrize(
    "origin", ["", "http://", "ftp://x", "http://a b", "http://x@y", "http://127.0.0.1\n", "x"]
)
def test_what_is_no_address_is_refused(origin: str) -> None:
    assert place(origin) in {"ENROLMENT_ADDRESS", "ENROLMENT_UNPROTECTED"}


def test_the_address_of_the_settings_comes_before_the_word_of_a_client(ca_file: str) -> None:
    found = place("http://127.0.0.1", ca_file, public=f"{OVER_HTTPS}/")
    assert found == (OVER_HTTPS, sha256(SPKI))
    assert place("http://127.0.0.1", ca_file, status=OVER_HTTPS) == (OVER_HTTPS, sha256(SPKI))


@pytest.mark.parametrize("content", [None, b"", b"no pem", roots_pem()])
def test_a_file_that_does_not_hold_one_ca_stops_the_start(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    assert place(OVER_HTTPS, str(file)) == "ENROLMENT_CA_FILE"


@pytest.mark.anyio
async def test_a_token_names_the_key_of_the_ca_and_is_refused_with_another(
    database: Database, ca_file: str
) -> None:
    settings = AttestationSettings(ca_file=ca_file), TokenSettings(public_url=OVER_HTTPS)
    async with staged(database, *settings) as stage:
        made = (await stage.api.post("/v1/enrolment-tokens", {}, as_=Role.OPERATOR)).json()
        assert made["join"] == f"{made['token']}@{OVER_HTTPS}"
        token = read_enrolment_token(made["token"])
        assert token.server_ca == sha256(SPKI)
        agent = Joiner(stage.api, origin=OVER_HTTPS)
        for ca in (None, bytes(32)):
            answer = await agent.begin(EnrolmentToken(*token[:3], ca).text())
            assert answer.json()["code"] == "ENROLMENT_TOKEN_INVALID"
        assert (await agent.begin(made["token"])).status_code == 201


@pytest.mark.anyio
async def test_an_address_that_no_node_could_use_makes_no_token(database: Database) -> None:
    async with staged(database, TokenSettings(public_url="http://10.0.0.1")) as stage:
        answer = await stage.api.post("/v1/enrolment-tokens", {}, as_=Role.OPERATOR)
        assert (answer.status_code, answer.json()["code"]) == (409, "ENROLMENT_UNPROTECTED")
        assert answer.json()["details"] == {"address": "http://10.0.0.1"}
    async with staged(database, TokenSettings(public_url=HERE)) as stage:
        answer = await stage.api.post("/v1/enrolment-tokens", {}, as_=Role.OPERATOR)
        assert answer.status_code == 201
