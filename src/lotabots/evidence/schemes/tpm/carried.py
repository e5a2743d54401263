"""What was judged of a boot at a full attestation, and holds for the light ones of the same boot.

The PCRs that firmware, boot loader and shim extend stay as they are once the node runs. So a light
attestation need not send again what led to them: while they have the very values that were judged
good, they are as good.
"""

from collections.abc import Mapping

from lotabots.evidence import Fact, Facts, TpmState
from lotabots.evidence.schemes.tpm.boot_checks import LOGGED
from lotabots.kernel import equal, sha256_hex


def boot_of(facts: Facts) -> tuple[tuple[int, ...], str]:
    """The PCRs of the boot that these facts of a TPM call good, and hex SHA-256 over their values.

    None, and an empty text, where there is none.
    """
    pcrs = facts.get("pcrs")
    if not isinstance(pcrs, dict):
        return (), ""
    values = {number: _good(pcrs.get(str(number))) for number in LOGGED}
    good = {number: value for number, value in values.items() if value is not None}
    return tuple(good), _digest(good)


def carried(state: TpmState | None, quoted: Mapping[int, bytes]) -> frozenset[int]:
    """The quoted PCRs that were judged good in this boot, and have the values that they had then.

    All of those that were good then, or none. `state` is None after a reboot.
    """
    if state is None or not state.boot_pcrs or not set(state.boot_pcrs) <= set(LOGGED):
        return frozenset()
    values = {number: quoted.get(number) for number in state.boot_pcrs}
    present = {number: value for number, value in values.items() if value is not None}
    if len(present) < len(values) or not equal(
        _digest(present).encode(), state.boot_digest.encode()
    ):
        return frozenset()
    return frozenset(present)


def _digest(values: Mapping[int, bytes]) -> str:
    return sha256_hex(b"".join(values.values())) if values else ""


def _good(pcr: Fact) -> bytes | None:
    if not isinstance(pcr, dict) or pcr.get("status") != "match":
        return None
    value = pcr.get("value")
    return bytes.fromhex(value) if isinstance(value, str) else None
