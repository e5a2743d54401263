"""The roots that this instance trusts: NVIDIA's, and a simulator's where the operator adds it."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.evidence import Anchor, Anchors
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS
from lotabots.kernel import invalid, sha256

MAX_FILE_BYTES = 64 * 1024


def trusted_anchors(simulated_file: str, extra: Anchors | None = None) -> Anchors:
    """NVIDIA's anchors, those in `extra`, and those in the PEM file that the setting names.

    The file holds two certificates: the root of device chains, then the root of RIM chains. What
    they verify is marked simulated: no setting makes another vendor. Raises `ANCHORS_MALFORMED`: an
    instance that cannot read its anchors does not start.
    """
    anchors = NVIDIA_ANCHORS if extra is None else NVIDIA_ANCHORS.plus(extra)
    if not simulated_file:
        return anchors
    try:
        with Path(simulated_file).open("rb") as opened:
            device, rim = x509.load_pem_x509_certificates(opened.read(MAX_FILE_BYTES))
        return anchors.plus(Anchors(device=(_simulated(device),), rim=(_simulated(rim),)))
    except (OSError, ValueError) as error:
        detail = "The file of attestation.simulated_anchors does not hold two roots in PEM."
        raise invalid("ANCHORS_MALFORMED", detail) from error


def _simulated(root: x509.Certificate) -> Anchor:
    (name,) = root.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    spki = root.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Anchor(spki_sha256=sha256(spki), name=str(name.value), simulated=True)
