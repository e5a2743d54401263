"""The roots that this instance trusts: NVIDIA's, and a simulator's where the operator adds it."""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.evidence import Anchor, Anchors
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS
from lotabots.kernel import LotaError, invalid, sha256

MAX_FILE_BYTES = 64 * 1024
MAX_CERTIFICATES = 2 + 6
"""Those for TPMs are stored with each TPM that needs them, beside its own."""


def trusted_anchors(simulated_file: str, extra: Anchors | None = None) -> Anchors:
    """NVIDIA's anchors, those in `extra`, and those in the PEM file that the setting names.

    The file holds the root of device chains, then the root of RIM chains, then what endorsement
    keys of TPMs lead to: any number of roots, and certificates between. What they verify is marked
    simulated: no setting makes another vendor. Raises `ANCHORS_MALFORMED`: an instance that cannot
    read its anchors does not start.
    """
    anchors = NVIDIA_ANCHORS if extra is None else NVIDIA_ANCHORS.plus(extra)
    if not simulated_file:
        return anchors
    device, rim, *tpm = _read(simulated_file)
    roots = tuple(_simulated(one) for one in tpm if one.subject == one.issuer)
    return anchors.plus(Anchors(device=(_simulated(device),), rim=(_simulated(rim),), tpm=roots))


def tpm_certificates(simulated_file: str) -> bytes:
    """PEM of what that file holds for TPMs: no node needs to send it."""
    tpm = _read(simulated_file)[2:] if simulated_file else []
    return b"".join(one.public_bytes(Encoding.PEM) for one in tpm)


def _read(file: str) -> list[x509.Certificate]:
    try:
        with Path(file).open("rb") as opened:
            certificates = x509.load_pem_x509_certificates(opened.read(MAX_FILE_BYTES))
        for one in certificates:
            _simulated(one)
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise _malformed() from error
    if not 2 <= len(certificates) <= MAX_CERTIFICATES:
        raise _malformed()
    return certificates


def _simulated(root: x509.Certificate) -> Anchor:
    (name,) = root.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    spki = root.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Anchor(spki_sha256=sha256(spki), name=str(name.value), simulated=True)


def _malformed() -> LotaError:
    detail = "The file of attestation.simulated_anchors does not hold two roots and more in PEM."
    return invalid("ANCHORS_MALFORMED", detail)
