"""The CA that a server's certificate must lead to: fetched once, known by its pinned key.

The enrolment token carries the SHA-256 of the CA's SubjectPublicKeyInfo. `fetch_authority` asks the
server for the certificate of that CA, over a connection that nothing is said on and whose answer is
believed in one point alone: whether it is a CA certificate with the pinned key. From then on it is
the only root of every connection, and OpenSSL checks chain, name and time as it does for any other:
whoever answers must hold a certificate, for this name, that the pinned key vouches for.

What a stranger could still do is to hand over another certificate around the same key, with other
names or times. A self-signed one is therefore also held against its own signature.
"""

import http.client
import ssl
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.agent.address import Address, untrusted
from lotabots.kernel import Kind, LotaError, equal, sha256

PATH = "/.well-known/lotabots-ca"
MAX_BYTES = 16 * 1024
CONNECT_SECONDS = 10.0


def fetch_authority(address: Address, pin: bytes, now: datetime) -> str:
    """The CA's certificate in PEM. Raises `AGENT_SERVER_UNTRUSTED`, `SERVER_UNREACHABLE`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent, and the answer is held against the pin
    connection = http.client.HTTPSConnection(
        address.host, address.port, timeout=CONNECT_SECONDS, context=context
    )
    try:
        connection.request("GET", address.base + PATH, headers={"accept": "application/x-pem-file"})
        answer = connection.getresponse()
        pem, status = answer.read(MAX_BYTES + 1), answer.status
    except (OSError, http.client.HTTPException) as error:
        detail = f"no answer from {address.url}: {error}"
        raise LotaError(Kind.UNAVAILABLE, "SERVER_UNREACHABLE", detail) from error
    finally:
        connection.close()
    if status != 200 or len(pem) > MAX_BYTES:
        raise untrusted(f"it does not say by which CA it is known ({PATH} answered {status})")
    return checked_authority(pem, pin, now)


def checked_authority(pem: bytes, pin: bytes, now: datetime) -> str:
    """This certificate in PEM, if it is that of the pinned CA. Raises `AGENT_SERVER_UNTRUSTED`.

    1. one certificate, whose key has the pinned SHA-256
    2. of a CA (RFC 5280 section 4.2.1.9), that may sign certificates where it says what it may
    3. of this time
    4. if it says that it signed itself, it did
    """
    try:
        (certificate,) = x509.load_pem_x509_certificates(pem)
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if not equal(sha256(key), pin):
            raise untrusted("its CA has another key than the token names")
        _check_use(certificate)
        if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
            raise untrusted("the certificate of its CA is not of this time; compare the clocks")
        if certificate.issuer == certificate.subject:
            certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise untrusted("what it calls the certificate of its CA is none") from error
    return certificate.public_bytes(Encoding.PEM).decode()


def context_of(authority: str) -> ssl.SSLContext:
    """TLS with servers whose certificate this CA vouches for: name and time are checked, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The pinned CA may itself be issued by another: the chain ends at it all the same.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=authority)
    return context


def _check_use(certificate: x509.Certificate) -> None:
    extensions = certificate.extensions
    try:
        is_ca = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_ca = False
    try:
        may_sign = extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        may_sign = True
    if not is_ca or not may_sign:
        raise untrusted("the certificate with the pinned key is not that of a CA")
