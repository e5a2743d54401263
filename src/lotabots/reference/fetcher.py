"""Gets RIMs, OCSP responses and CRLs over the network; never part of verification.

What is fetched is as untrusted as a file on a disk: verification says later whether it is of use.
So nothing is verified here, and a failure costs one file, never the others.
"""

import http.client
import re
import ssl
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequestBuilder

from lotabots.evidence import ReferenceFiles
from lotabots.kernel import (
    Kind,
    LotaError,
    decode_base64,
    equal,
    invalid,
    sha256_hex,
    strict_struct,
)

MAX_ANSWER_BYTES = 6 * 1024 * 1024
"""A RIM of 4 MiB in base64."""
MAX_OCSP_BYTES = 64 * 1024
MAX_CHAIN = 8
SECONDS = 10.0
"""For connecting, and for each read."""

Link: TypeAlias = tuple[x509.Certificate, x509.Certificate]
"""A certificate and its issuer."""

_RIM_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)
_RIM_CERTIFICATE = re.compile(rb"<(?:\w+:)?X509Certificate>([A-Za-z0-9+/=\s]{1,16384})<")


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """Where to ask. An empty address leaves that kind of file out."""

    rim: str = ""
    """Base address: `<rim>/<id>` answers JSON `{id, rim, sha256}`, `rim` in base64."""
    ocsp: str = ""
    """Takes OCSP requests by POST (RFC 6960 appendix A.1)."""
    crls: tuple[str, ...] = ()
    """Whole addresses of CRLs in DER."""


class Failure(msgspec.Struct, frozen=True):
    """What could not be fetched, and why."""

    name: str
    code: str
    detail: str


class Fetched(msgspec.Struct, frozen=True):
    """What came, and what did not."""

    files: ReferenceFiles
    failures: tuple[Failure, ...]


def fetch(
    sources: Sources, *, chains: Iterable[Sequence[x509.Certificate]], rim_ids: Iterable[str]
) -> Fetched:
    """RIMs by id, then OCSP for the device chains and for the chains inside those RIMs, and CRLs.

    Blocks: call it in a thread. `chains` are leaf first, as devices give them.
    """
    files: dict[str, bytes] = {}
    failures: list[Failure] = []

    def keep(name: str, get: Callable[[], bytes]) -> None:
        try:
            files[name] = get()
        except LotaError as error:
            failures.append(Failure(name, error.code, error.detail))

    for rim_id in sorted(set(rim_ids)) if sources.rim else ():
        keep(f"rim/{rim_id}.xml", partial(fetch_rim, sources.rim, rim_id))
    if sources.ocsp:
        links = [link for chain in chains for link in device_links(chain)]
        links += [link for rim in files.values() for link in rim_links(rim)]
        for link in dict.fromkeys(links):
            keep(f"ocsp/{_fingerprint(link[0])}.der", partial(fetch_ocsp, sources.ocsp, link))
    for address in sources.crls:
        name = f"crl/{sha256_hex(address.encode())[:16]}.crl"
        keep(name, partial(_ask, address, "GET", MAX_ANSWER_BYTES))
    return Fetched(ReferenceFiles.of(files), tuple(failures))


class _RimAnswer(msgspec.Struct):
    id: str
    rim: str
    sha256: str


def fetch_rim(base: str, rim_id: str) -> bytes:
    """The RIM of this id. Raises `REFERENCE_FETCH_FAILED`, `REFERENCE_FETCH_REFUSED`."""
    if not _RIM_ID.fullmatch(rim_id):
        raise _refused("This is no RIM id.")
    answer = _ask(f"{base.rstrip('/')}/{rim_id}", "GET", MAX_ANSWER_BYTES)
    try:
        told = strict_struct(answer, _RimAnswer, max_bytes=MAX_ANSWER_BYTES, max_depth=4)
        rim = decode_base64(told.rim)
    except LotaError as error:
        raise _refused("The RIM service's answer cannot be read.") from error
    # The digest guards against a broken transfer only; the RIM's own signature is what counts.
    if told.id != rim_id or not equal(sha256_hex(rim).encode(), told.sha256.lower().encode()):
        raise _refused("The RIM service answered with another file.")
    return rim


def fetch_ocsp(responder: str, link: Link) -> bytes:
    """The responder's answer about one certificate, in DER."""
    return _ask(responder, "POST", MAX_OCSP_BYTES, ocsp_request(link))


def ocsp_request(link: Link) -> bytes:
    """An OCSP request in DER, its CertID by SHA-384 as NVIDIA's responders answer (RFC 6960)."""
    certificate, issuer = link
    request = OCSPRequestBuilder().add_certificate(certificate, issuer, SHA384()).build()
    return request.public_bytes(Encoding.DER)


def device_links(chain: Sequence[x509.Certificate]) -> list[Link]:
    """The certificates of a device chain that a responder knows: all but the leaf and the root."""
    return list(pairwise(chain[1:])) if len(chain) <= MAX_CHAIN else []


def rim_links(rim: bytes) -> list[Link]:
    """Certificate and issuer for what is in a RIM's KeyInfo, but for the root; in any order.

    Read without an XML parser and without trust: it only decides what we ask about.
    """
    certificates = []
    for text in _RIM_CERTIFICATE.findall(rim)[:MAX_CHAIN]:
        try:
            der = decode_base64(b"".join(text.split()).decode())
            certificates.append(x509.load_der_x509_certificate(der))
        except (LotaError, ValueError):
            continue
    by_subject = {certificate.subject: certificate for certificate in certificates}
    return [
        (certificate, by_subject[certificate.issuer])
        for certificate in certificates
        if certificate.issuer in by_subject and certificate.issuer != certificate.subject
    ]


def _ask(address: str, method: str, max_bytes: int, body: bytes | None = None) -> bytes:
    """The body of a 200. No redirects, no proxies, no cookies: only the server that was named."""
    target = _target(address)
    path = f"{target.path or '/'}{'?' if target.query else ''}{target.query}"
    headers = {"content-type": "application/ocsp-request"} if body else {}
    try:
        connection = _connection(target)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = response.read(max_bytes + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise LotaError(
            Kind.UNAVAILABLE, "REFERENCE_FETCH_FAILED", f"{target.netloc} cannot be reached."
        ) from error
    if response.status != 200:
        raise _refused(f"{target.netloc} answered {response.status}.")
    if len(answer) > max_bytes:
        raise _refused(f"{target.netloc} answered with more than {max_bytes} bytes.")
    return answer


def _target(address: str) -> SplitResult:
    try:
        target = urlsplit(address)
        usable = target.scheme in {"http", "https"} and bool(target.hostname) and target.port != 0
    except ValueError as error:
        raise _refused("The address cannot be read.") from error
    if not usable or not address.isprintable() or " " in address:
        raise _refused("An address begins with https:// or http:// and names a host.")
    return target


def _connection(target: SplitResult) -> http.client.HTTPConnection:
    host = target.hostname or ""
    if target.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, target.port, timeout=SECONDS, context=context)
    return http.client.HTTPConnection(host, target.port, timeout=SECONDS)


def _fingerprint(certificate: x509.Certificate) -> str:
    return sha256_hex(certificate.public_bytes(Encoding.DER))[:32]


def _refused(detail: str) -> LotaError:
    return invalid("REFERENCE_FETCH_REFUSED", detail)
