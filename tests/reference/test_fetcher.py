"""The fetcher takes what it asked for from the server that was named, and nothing else."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, derive_private_key
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import load_der_ocsp_request
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import LotaError
from lotabots.reference.fetcher import (
    MAX_OCSP_BYTES,
    Sources,
    device_links,
    fetch,
    fetch_ocsp,
    fetch_rim,
    ocsp_request,
    rim_links,
)

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RIM_ID = "NV_GPU_DRIVER_GH100_550.90.07"


def chain(length: int) -> list[x509.Certificate]:
    """Certificates leaf first, each signed by the next, the last by itself."""
    keys = [derive_private_key(100 + n, SECP384R1()) for n in range(length)]
    names = [
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"c{n}")]) for n in range(length)
    ]
    certificates = []
    for n in range(length):
        up = min(n + 1, length - 1)
        builder = x509.CertificateBuilder(names[up], names[n], keys[n].public_key(), n + 1, NOW,
                                          NOW + timedelta(days=1))  # fmt: skip
        certificates.append(builder.sign(keys[up], SHA384()))
    return certificates


CHAIN = chain(5)


def der_text(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


RIM = (
    "<SoftwareIdentity><ds:KeyInfo>"
    + "".join(f"<ds:X509Certificate>\n{der_text(c)}\n</ds:X509Certificate>" for c in CHAIN[1:])
    + "</ds:KeyInfo></SoftwareIdentity>"
).encode()


class Server(BaseHTTPRequestHandler):
    """Answers by path; remembers what OCSP was asked for."""

    asked: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        known = {
            "id": RIM_ID,
            "rim": base64.b64encode(RIM).decode(),
            "sha256": hashlib.sha256(RIM).hexdigest(),
        }
        answers = {
            f"/rim/{RIM_ID}": json.dumps(known).encode(),
            "/other/wrong-id": json.dumps(known).encode(),
            "/other/wrong-hash": json.dumps(
                {**known, "id": "wrong-hash", "sha256": "0" * 64}
            ).encode(),
            "/other/no-json": b"<html>",
            "/other/deep": b"[" * 5000,
            "/crl": b"\x30\x03crl",
        }
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/crl")
            self.end_headers()
            return
        self.answer(200 if self.path in answers else 404, answers.get(self.path, b"nothing"))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.asked.append(body)
        self.answer(200, bytes(MAX_OCSP_BYTES + 1) if self.path == "/large" else b"answer")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_everything_that_the_sources_name_is_fetched(base: str) -> None:
    Server.asked.clear()
    sources = Sources(rim=f"{base}/rim/", ocsp=f"{base}/ocsp", crls=(f"{base}/crl",))
    fetched = fetch(sources, chains=[CHAIN], rim_ids=[RIM_ID])
    files = dict(fetched.files.files)
    assert fetched.failures == ()
    assert files[f"rim/{RIM_ID}.xml"] == RIM
    assert b"\x30\x03crl" in files.values()
    # Certificates 2 to 4 of the device. The RIM here holds the same, so nothing is asked twice.
    serials = sorted(load_der_ocsp_request(asked).serial_number for asked in Server.asked)
    assert serials == [2, 3, 4]


def test_a_failure_costs_one_file_and_is_named(base: str) -> None:
    sources = Sources(rim=f"{base}/rim", crls=(f"{base}/none", f"{base}/crl", f"{base}/moved"))
    fetched = fetch(sources, chains=[], rim_ids=[RIM_ID, "missing"])
    assert len(fetched.files.files) == 2
    assert [failure.code for failure in fetched.failures] == ["REFERENCE_FETCH_REFUSED"] * 3


def test_an_empty_source_is_not_asked() -> None:
    assert fetch(Sources(), chains=[CHAIN], rim_ids=[RIM_ID]).files.files == ()


@pytest.mark.parametrize("rim_id", ["wrong-id", "wrong-hash", "no-json", "deep", "../crl", ""])
def test_a_rim_answer_that_is_not_what_was_asked_is_refused(base: str, rim_id: str) -> None:
    with pytest.raises(LotaError, match="REFERENCE_FETCH_REFUSED"):
        fetch_rim(f"{base}/other", rim_id)


def test_an_answer_over_the_limit_is_refused(base: str) -> None:
    with pytest.raises(LotaError, match="more than"):
        fetch_ocsp(f"{base}/large", device_links(CHAIN)[0])


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://127.0.0.1:1/x", "REFERENCE_FETCH_FAILED"),
        ("file:///etc/passwd", "REFERENCE_FETCH_REFUSED"),
        ("http://127.0.0.1:99999/", "REFERENCE_FETCH_REFUSED"),
        ("//127.0.0.1/", "REFERENCE_FETCH_REFUSED"),
        ("http://", "REFERENCE_FETCH_REFUSED"),
        ("http://[bad", "REFERENCE_FETCH_REFUSED"),
        ("http://127.0.0.1/a b\r\nx: y", "REFERENCE_FETCH_REFUSED"),
    ],
)
def test_an_address_that_cannot_be_asked_is_a_coded_failure(address: str, code: str) -> None:
    with pytest.raises(LotaError) as caught:
        fetch_ocsp(address, device_links(CHAIN)[0])
    assert caught.value.code == code


def test_an_ocsp_request_names_the_certificate_by_sha_384() -> None:
    request = load_der_ocsp_request(ocsp_request(device_links(CHAIN)[0]))
    assert request.serial_number == 2
    assert isinstance(request.hash_algorithm, SHA384)


def test_the_leaf_and_the_root_of_a_device_are_not_asked_about() -> None:
    assert [link[0].serial_number for link in device_links(CHAIN)] == [2, 3, 4]
    assert device_links(CHAIN[:1]) == []


def test_the_chain_in_a_rim_is_found_in_any_order() -> None:
    parts = RIM.split(b"<ds:X509Certificate>")
    reversed_rim = b"<ds:X509Certificate>".join([parts[0], *parts[:0:-1]])
    assert sorted(link[0].serial_number for link in rim_links(reversed_rim)) == [2, 3, 4]


@given(st.binary(max_size=200))
def test_any_bytes_as_a_rim_give_some_links(data: bytes) -> None:
    assert rim_links(b"<X509Certificate>" + data + b"</X509Certificate>") == []
