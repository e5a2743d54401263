"""Certification authorities and servers of tests: what an agent must, and must not, believe."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from lotabots.kernel import sha256
from lotabots.runtime.clock import utc_now

DAY = timedelta(days=1)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


@dataclass(frozen=True)
class Ca:
    """A CA; `made` signs another certificate around the same key with `changes`."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    name: str = "test CA"

    @property
    def pin(self) -> bytes:
        public = self.key.public_key()
        return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def certificate(
        self,
        *,
        is_ca: bool | None = True,
        may_sign: bool = True,
        since: timedelta = -DAY,
        until: timedelta = DAY,
        by: ec.EllipticCurvePrivateKey | None = None,
        issuer: str | None = None,
    ) -> x509.Certificate:
        now = utc_now()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(self.name))
            .issuer_name(_name(issuer or self.name))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + since)
            .not_valid_after(now + until)
            .add_extension(_usage(sign=may_sign), critical=True)
        )
        if is_ca is not None:
            builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        return builder.sign(by or self.key, SHA256())

    def pem(self, **changes: Any) -> bytes:
        return self.certificate(**changes).public_bytes(Encoding.PEM)

    def leaf(
        self, folder: Path, host: str = "127.0.0.1", until: timedelta = DAY
    ) -> tuple[Path, Path]:
        """The files of a server's certificate for this host, and of its key."""
        key, now = new_key(), utc_now()
        try:
            named: x509.GeneralName = x509.IPAddress(ip_address(host))
        except ValueError:
            named = x509.DNSName(host)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name("server"))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * DAY)
            .not_valid_after(now + until)
            .add_extension(x509.SubjectAlternativeName([named]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self.key, SHA256())
        )
        folder.mkdir(exist_ok=True)
        chain, private = folder / "server.pem", folder / "server.key"
        chain.write_bytes(certificate.public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return chain, private


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


@dataclass
class Heard:
    """One request as a server got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Heard], tuple[int, dict[str, str], bytes]]


@dataclass
class Served:
    """A server on loopback; `answer` says what it answers, and can be changed meanwhile."""

    url: str
    answer: Answer
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    date: Callable[[], datetime] = utc_now


def plainly(body: bytes = b"{}", status: int = 200, **headers: str) -> Answer:
    return lambda _: (status, headers, body)


@contextmanager
def served(
    answer: Answer, files: tuple[Path, Path] | None = None, host: str = "127.0.0.1"
) -> Iterator[Served]:
    """A server that answers by `answer`; by HTTPS where there are files of a certificate."""
    state = Served("", answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            state.connections += 1
            super().setup()

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Heard(self.command, self.path, headers, body)
            state.heard.append(request)
            status, more, content = state.answer(request)
            self.send_response_only(status)
            self.send_header("date", f"{state.date():%a, %d %b %Y %H:%M:%S} GMT")
            for name, value in more.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _any  # noqa: N815 - the names that the library calls

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up, as one does that does not believe us."""

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if files is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        scheme = "https"
    state.url = f"{scheme}://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
