"""This machine's TPM as the root of trust of its node."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lotabots.agent.wire import TpmKeys, TpmPlace
from lotabots.evidence import DerivedChallenge, Evidence, Leaf
from lotabots.evidence.schemes.tpm.collect import DEFAULT_TCTI, Judged, Tools, TpmDevice
from lotabots.kernel import LotaError, encode_base64, invalid

MAX_CERTIFICATES = 32 * 1024


class TpmRoot:
    """A TPM that tpm2-tools reach. Everything here raises `TPM_*` where the TPM fails."""

    def __init__(self, device: TpmDevice) -> None:
        self._device = device

    def keys(self) -> TpmKeys:
        """Endorsement key, its certificates, and an attestation key that is kept from then on."""
        keys = self._device.keys()
        return TpmKeys(
            ek_certificates=keys.ek_certificates.decode("ascii", "replace"),
            ek_public=encode_base64(keys.ek_public),
            ak_public=encode_base64(keys.ak_public),
        )

    def opened(self, blob: bytes) -> bytes:
        """What TPM2_ActivateCredential gives."""
        return self._device.opened(blob)

    def quoted(self, data: bytes) -> tuple[bytes, bytes]:
        """What TPM2_Quote gives."""
        quoted = self._device.quoted(data)
        return quoted.attest, quoted.signature

    def pcrs(self) -> Mapping[int, bytes]:
        """What the PCRs hold that a node is asked for, of the SHA-256 bank."""
        return self._device.quoted(b"lotabots").pcrs

    def evidence(
        self, challenge: DerivedChallenge, leaves: Sequence[Leaf], place: TpmPlace | None
    ) -> Evidence:
        """The root quote, with the logs since `place`."""
        judged = None
        if place is not None:
            judged = Judged(
                place.reset_count, place.restart_count, place.ima_entries, not place.event_log
            )
        return self._device.evidence(challenge, leaves, judged)


def has_tpm(tcti: str) -> bool:
    """Whether there is a TPM to use: one that was named, or the kernel's own."""
    return bool(tcti) or Path(DEFAULT_TCTI.partition(":")[2]).exists()


def open_root(
    folder: Path, tcti: str, certificates: str, failed: Callable[[LotaError], None]
) -> TpmRoot:
    """The TPM, whose attestation key lies in this folder; nothing is asked of it yet.

    `certificates` names a PEM file of issuers that the TPM does not hold itself, or is empty.
    Raises `TPM_TCTI`, `SETTINGS_INVALID`.
    """
    tools = Tools(tcti or DEFAULT_TCTI)
    above = _certificates(certificates) if certificates else b""
    return TpmRoot(TpmDevice(tools, folder, failed=failed, certificates=above))


def _certificates(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_CERTIFICATES + 1)
    except OSError as error:
        detail = f"agent.tpm_certificates: {path}: {error.strerror or error}"
        raise invalid("SETTINGS_INVALID", detail) from error
    if len(data) > MAX_CERTIFICATES or not data.isascii():
        raise invalid("SETTINGS_INVALID", f"agent.tpm_certificates: {path} is no PEM file")
    return data
