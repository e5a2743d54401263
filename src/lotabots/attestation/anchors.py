"""The roots that this instance trusts: NVIDIA's, and a simulator's where the operator adds it."""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.evidence import Anchor, Anchors
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS
from lotabots.kernel import LotaError, invalid, sha256

MAX_FILE_BYTES = 64 * 1024
MAX_TPM_CERTIFICATES = 6
"""Those for TPMs are stored with each TPM that needs them, beside its own."""


def trusted_anchors(
    simulated_file: str, extra: Anchors | None = None, simulated_tpms: str = ""
) -> Anchors:
    """NVIDIA's anchors, those in `extra`, and those in the PEM files that the settings name.

    The first file holds the root of device chains, then the root of RIM chains, then what
    endorsement keys of TPMs lead to: any number of roots, and certificates between. The second one
    holds such of TPMs alone, as a software TPM has them. What they verify is marked simulated: no
    setting makes another vendor. Raises `ANCHORS_MALFORMED`: an instance that cannot read its
    anchors does not start.
    """
    anchors = NVIDIA_ANCHORS if extra is None else NVIDIA_ANCHORS.plus(extra)
    if simulated_file:
        device, rim, *_ = _read(simulated_file, 2)
        anchors = anchors.plus(Anchors(device=(_simulated(device),), rim=(_simulated(rim),)))
    roots = (one for one in _of_tpms(simulated_file, simulated_tpms) if one.subject == one.issuer)
    return anchors.plus(Anchors(device=(), rim=(), tpm=tuple(map(_simulated, roots))))


def tpm_certificates(simulated_file: str, simulated_tpms: str = "") -> bytes:
    """PEM of what those files hold for TPMs: no node needs to send it."""
    certificates = _of_tpms(simulated_file, simulated_tpms)
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def _of_tpms(simulated_file: str, simulated_tpms: str) -> list[x509.Certificate]:
    beside = _read(simulated_file, 2)[2:] if simulated_file else []
    return beside + (_read(simulated_tpms, 0) if simulated_tpms else [])


def _read(file: str, others: int) -> list[x509.Certificate]:
    """The certificates in this file, of which so many must be there that are not of TPMs."""
    try:
        with Path(file).open("rb") as opened:
            certificates = x509.load_pem_x509_certificates(opened.read(MAX_FILE_BYTES))
        for one in certificates:
            _simulated(one)
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise _malformed() from error
    if not max(others, 1) <= len(certificates) <= others + MAX_TPM_CERTIFICATES:
        raise _malformed()
    return certificates


def _simulated(root: x509.Certificate) -> Anchor:
    (name,) = root.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    spki = root.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Anchor(spki_sha256=sha256(spki), name=str(name.value), simulated=True)


def _malformed() -> LotaError:
    detail = "A file of simulated roots does not hold as many certificates in PEM as it has to."
    return invalid("ANCHORS_MALFORMED", detail)
