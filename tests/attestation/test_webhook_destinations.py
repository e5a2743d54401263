"""What a webhook's URL may be, which addresses are called, and that no others ever are."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from plugins.receiver import Answer, babble, hang_up, ramble, receiving, say_nothing, status

from lotabots.attestation.webhooks import sending
from lotabots.attestation.webhooks.destination import is_public, read_destination
from lotabots.attestation.webhooks.sending import Sender
from lotabots.kernel import LotaError
from lotabots.runtime.clock import utc_now

HEADERS = {"webhook-id": "1"}
INSIDE = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
    "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
    "2002:a00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1", "fe80::1",
    "fe80::1%eth0", "2600::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
)  # fmt: skip
OUTSIDE = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255",
    "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
    "223.255.255.255", "168.63.129.15", "2001:4860:4860::8888", "2606:4700::1111", "2a00::1",
)  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_not_everybody_reaches_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_no_address_inside_another_is_public(address: object) -> None:
    number = int(address)  # type: ignore[call-overload] - an IPv4Address
    for carried in (
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
        f"2001:0:{number >> 16:x}:{number & 0xFFFF:x}::",
    ):
        assert not is_public(carried), carried


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://a.example", "a.example", 443, "/", "a.example"),
        ("https://A.Example/Hook", "a.example", 443, "/Hook", "a.example"),
        ("https://a.example:8443/h?x=1", "a.example", 8443, "/h?x=1", "a.example:8443"),
        ("https://a.example?x=1", "a.example", 443, "/?x=1", "a.example"),
        ("https://1.1.1.1/h", "1.1.1.1", 443, "/h", "1.1.1.1"),
        ("https://[2606:4700::1111]/", "2606:4700::1111", 443, "/", "[2606:4700::1111]"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", None),
    ],
)
def test_a_plain_url_is_read(
    url: str, host: str, port: int, target: str, authority: str | None
) -> None:
    read = read_destination(url, insecure=False)
    assert (read.tls, read.host, read.port, read.target) == (True, host, port, target)
    assert authority in (None, read.authority)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "//a.example/",
        "http://a.example/",
        "HTTPS://a.example/",
        "file:///etc/passwd",
        "gopher://a.example/",
        "https://",
        "https:///path",
        "https://a.example:0/",
        "https://a.example:80/",
        "https://a.example:22/",
        "https://a.example:1023/",
        "https://a.example:65536/",
        "https://a.example:0443/",
        "https://a.example:/",
        "https://me@a.example/",
        "https://me:secret@a.example/",
        "https://a.example@10.0.0.1/",
        "https://a.example\\@10.0.0.1/",
        "https://a.example#@b.example/",
        "https://a.example/#x",
        "https://a.example/ x",
        "https://a.example/\r\nhost: b.example",
        "https://a.example/\t",
        "https://a.example/ü",
        "https://ä.example/",
        "https://127.1/",
        "https://2130706433/",
        "https://1.1.1/",
        "https://[::1",
        "https://[::1%25eth0]/",
        "https://[v1.x]/",
        "https://a_b.example/",
        "https://-a.example/",
        "https://a.example/" + "a" * 2048,
    ],
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(LotaError) as caught:
        read_destination(url, insecure=False)
    assert caught.value.code == "WEBHOOK_URL"


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::ffff:10.0.0.1]:8443/"])
def test_an_url_with_an_address_inside_is_refused(url: str) -> None:
    with pytest.raises(LotaError) as caught:
        read_destination(url, insecure=False)
    assert caught.value.code == "WEBHOOK_ADDRESS_FORBIDDEN"


def test_for_tests_this_machine_may_be_called_and_still_nothing_else_inside() -> None:
    assert not read_destination("http://127.0.0.1:8470/", insecure=True).tls
    with pytest.raises(LotaError) as caught:
        read_destination("http://10.0.0.1:8470/", insecure=True)
    assert caught.value.code == "WEBHOOK_ADDRESS_FORBIDDEN"


@given(st.text(max_size=80) | st.from_regex(r"https://[ -~]{1,60}", fullmatch=True))
def test_whatever_the_url_it_is_read_or_refused_and_goes_to_one_line(url: str) -> None:
    code, read = "", None
    try:
        read = read_destination(url, insecure=False)
    except LotaError as error:
        code = error.code
    assert code in ("", "WEBHOOK_URL", "WEBHOOK_ADDRESS_FORBIDDEN")
    if read is not None:
        assert read.tls
        assert not set(read.target + read.host) & set(" \r\n\t\\#")
        assert "@" not in read.host


class Names:
    """A resolver that answers what it is told to, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if not answer:
            raise socket.gaierror(-2, "Name or service not known")
        return answer


async def code_of(sender: Sender, url: str) -> str:
    """The code of the refusal to deliver there, or the status as text."""
    to = read_destination(url, insecure=True)
    try:
        return str(await sender.post(to, HEADERS, b"{}"))
    except LotaError as error:
        return error.code


@pytest.mark.anyio
@pytest.mark.parametrize("address", [one for one in INSIDE if "127.0.0.1" not in one])
async def test_a_name_that_stands_for_an_address_inside_is_not_called(address: str) -> None:
    sender = Sender(insecure=False, resolve=Names([address]))
    assert await code_of(sender, "https://a.example/") == "WEBHOOK_ADDRESS_FORBIDDEN"


@pytest.mark.anyio
@pytest.mark.parametrize("others", [["1.1.1.1"], []])
async def test_one_address_inside_among_others_is_enough_to_call_none(others: list[str]) -> None:
    async with receiving() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        for addresses in ([*others, "127.0.0.1"], ["127.0.0.1", *others]):
            sender = Sender(insecure=False, resolve=Names(addresses))
            url = f"http://a.example:{port}/"
            assert await code_of(sender, url) == "WEBHOOK_ADDRESS_FORBIDDEN"
        assert receiver.connections == 0


@pytest.mark.anyio
async def test_a_name_is_resolved_once_and_what_it_says_a_moment_later_is_not_called() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with receiving() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        assert (
            await code_of(Sender(insecure=True, resolve=names), f"http://a.example:{port}/x")
            == "200"
        )
        got = await receiver.next()
    assert names.asked == [("a.example", port)]
    assert got.line == "POST /x HTTP/1.1"
    assert got.headers["host"] == f"a.example:{port}"


@pytest.mark.anyio
async def test_a_name_whose_answer_does_not_come_holds_up_no_other() -> None:
    answered = threading.Event()
    asked: list[str] = []

    def resolve(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        if host == "slow.example":
            answered.wait()
        return ["127.0.0.1"]

    sender = Sender(insecure=True, resolve=resolve)
    async with receiving() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        slow = [
            asyncio.create_task(code_of(sender, f"http://slow.example:{port}/")) for _ in range(32)
        ]
        await asyncio.sleep(0)
        try:
            assert await code_of(sender, f"http://fast.example:{port}/") == "200"
        finally:
            answered.set()
        assert await asyncio.gather(*slow) == ["200"] * 32
    assert sorted(asked) == ["fast.example", "slow.example"]


@pytest.mark.anyio
async def test_the_next_address_of_a_name_is_tried_where_nobody_answers_at_the_first() -> None:
    async with receiving() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        sender = Sender(insecure=True, resolve=Names(["127.0.0.2", "127.0.0.1"]))
        assert await code_of(sender, f"http://a.example:{port}/") == "200"


@pytest.mark.anyio
async def test_a_redirect_is_not_followed() -> None:
    async with receiving() as receiver, receiving() as elsewhere:
        for code in (301, 302, 303, 307, 308):
            receiver.answers.append(status(code, f"location: {elsewhere.url}"))
            assert await code_of(Sender(insecure=True), receiver.url) == str(code)
        assert elsewhere.connections == 0


@pytest.mark.anyio
async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, receiving() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        assert await code_of(Sender(insecure=True), receiver.url) == "200"
        assert proxy.connections == 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (status(200), "200"),
        (status(500), "500"),
        (hang_up, "WEBHOOK_ANSWER"),
        (babble, "WEBHOOK_ANSWER"),
        (ramble, "WEBHOOK_ANSWER"),
        (say_nothing, "WEBHOOK_TIMEOUT"),
    ],
)
async def test_however_a_receiver_answers_it_is_a_status_or_a_code(
    answer: Answer, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.5)
    async with receiving() as receiver:
        receiver.answers.append(answer)
        assert await code_of(Sender(insecure=True), receiver.url) == code


@pytest.mark.anyio
async def test_interim_answers_are_read_over_and_an_endless_row_of_them_is_not() -> None:
    async def early(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)

    async with receiving() as receiver:
        receiver.answers.extend([early, endless])
        sender = Sender(insecure=True)
        assert await code_of(sender, receiver.url) == "204"
        assert await code_of(sender, receiver.url) == "WEBHOOK_ANSWER"


@pytest.mark.anyio
async def test_a_name_that_nobody_knows_and_a_port_that_nobody_listens_on_have_codes() -> None:
    sender = Sender(insecure=True, resolve=Names([]))
    assert await code_of(sender, "https://a.example/") == "WEBHOOK_HOST_UNKNOWN"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        assert await code_of(Sender(insecure=True), url) == "WEBHOOK_UNREACHABLE"


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server with a certificate for that name, and of a client that trusts it."""
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    both = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(private + made.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    client = ssl.create_default_context(cadata=made.public_bytes(Encoding.PEM).decode())
    return server, client


@pytest.mark.anyio
async def test_over_tls_the_name_is_asked_for_and_the_certificate_held_against_it(
    tmp_path: Path,
) -> None:
    server, client = certificate(tmp_path, "hooks.example")
    asked: list[str | None] = []
    server.sni_callback = lambda _connection, name, _context: asked.append(name)
    async with receiving(server) as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        sender = Sender(insecure=True, resolve=Names(["127.0.0.1"]), tls=client)
        assert await code_of(sender, f"https://hooks.example:{port}/") == "200"
        assert asked == ["hooks.example"]
        assert await code_of(sender, f"https://other.example:{port}/") == "WEBHOOK_TLS"
        strict = Sender(insecure=True, resolve=Names(["127.0.0.1"]))
        assert await code_of(strict, f"https://hooks.example:{port}/") == "WEBHOOK_TLS"
        assert receiver.got.qsize() == 1
