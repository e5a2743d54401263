"""The reference values of good simulated machines: PCRs, boot applications, measured files."""

from collections.abc import Iterable

from lotabots.kernel import canonical
from lotabots.simulator.tpm.boot import GOOD_BOOT, application_digest
from lotabots.simulator.tpm.faults import TpmFault
from lotabots.simulator.tpm.ima import AT_BOOT, Measured

FORMAT = "lotabots/tpm-reference/v1"
REFERENCE_NAME = "tpm-reference.json"
DENIED = Measured.of("/usr/bin/miner", b"something that an operator does not want")
_PCRS = (*range(10), 14)


def tpm_reference(faults: Iterable[TpmFault] = ()) -> bytes | None:
    """The file that judges every simulated TPM; None where its absence is the fault."""
    faults = tuple(faults)
    if TpmFault.REFERENCE_MISSING in faults:
        return None
    good = GOOD_BOOT
    left_out = {2} if TpmFault.PCR_UNJUDGED in faults else set()
    return canonical(
        {
            "format": FORMAT,
            "name": "LotaBots simulated machines",
            "pcrs": {
                str(number): [good.pcrs[number].hex()] for number in _PCRS if number not in left_out
            },
            "secure_boot": True,
            "boot": {"allow": [application_digest(one).hex() for one in good.applications]},
            "ima": {
                "allow": [{"path": one.path, "digests": [one.digest.hex()]} for one in AT_BOOT],
                "deny": [{"path": "*", "digests": [DENIED.digest.hex()]}],
            },
        }
    )
