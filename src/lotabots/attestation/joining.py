"""The address by which a node joins, and the CA by whose key its agent will know the server."""

import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.attestation.settings import AttestationSettings
from lotabots.kernel import Kind, LotaError, invalid, sha256
from lotabots.runtime.web import TokenSettings

MAX_FILE_BYTES = 64 * 1024
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}(/[A-Za-z0-9._~/-]{0,255})?")


class Joining:
    """What an enrolment token says of this server. One for each process."""

    def __init__(self, settings: AttestationSettings, tokens: TokenSettings) -> None:
        """Raises `ENROLMENT_CA_FILE`: an instance that cannot read its CA does not start."""
        self._public_url = tokens.public_url or settings.public_url
        ca = _read(Path(settings.ca_file)) if settings.ca_file else None
        self._ca = None if ca is None else _spki_sha256(ca)
        self._pem = None if ca is None else ca.public_bytes(Encoding.PEM)

    def authority(self) -> bytes:
        """The CA's certificate in PEM. Raises `ENROLMENT_CA_ABSENT`."""
        if self._pem is None:
            detail = "No setting names the CA of this server's certificate."
            raise LotaError(Kind.CONFLICT, "ENROLMENT_CA_ABSENT", detail)
        return self._pem

    def place(self, origin: str) -> tuple[str, bytes | None]:
        """Where to join, and the digest of the CA's key; None for plain HTTP on this machine.

        `origin` is where the caller met us, for where no setting says how nodes do. Raises
        `ENROLMENT_ADDRESS`, `ENROLMENT_CA_ABSENT`, `ENROLMENT_UNPROTECTED`.
        """
        address = (self._public_url or origin).rstrip("/")
        if not _ADDRESS.fullmatch(address):
            raise invalid("ENROLMENT_ADDRESS", "No node could join by this server's address.")
        if address.startswith("https://"):
            if self._ca is None:
                detail = "No setting names the CA by which nodes would know this server."
                raise LotaError(Kind.CONFLICT, "ENROLMENT_CA_ABSENT", detail, address=address)
            return address, self._ca
        if not is_loopback(address):
            detail = "A node may join by plain HTTP on this very machine only."
            raise LotaError(Kind.CONFLICT, "ENROLMENT_UNPROTECTED", detail, address=address)
        return address, None


def is_loopback(address: str) -> bool:
    """Whether the address, a URL, is one of the machine that uses it."""
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _read(file: Path) -> x509.Certificate:
    try:
        with file.open("rb") as opened:
            (ca,) = x509.load_pem_x509_certificates(opened.read(MAX_FILE_BYTES))
        ca.public_key()  # of a kind that we know
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        detail = "The file of attestation.ca_file does not hold one certificate in PEM."
        raise invalid("ENROLMENT_CA_FILE", detail) from error
    return ca


def _spki_sha256(ca: x509.Certificate) -> bytes:
    key = ca.public_key()
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
