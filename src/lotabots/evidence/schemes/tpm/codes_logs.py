"""Every TPM-* code about what was measured: event log, IMA list, and what they are held against."""

from lotabots.evidence import Cause
from lotabots.kernel.codes import Code

_MALICIOUS = Cause.MALICIOUS.value
_MISCONFIGURED = Cause.MISCONFIGURED.value
_COLLATERAL = Cause.COLLATERAL.value
_UNSUPPORTED = Cause.UNSUPPORTED.value

_RECOLLECT = "Collect the evidence again on the node and send the bytes unchanged."
_LIST = (
    "Quote first, then read ascii_runtime_measurements, and send its lines unchanged from the "
    "entry that the challenge names. Kernels before 5.8 extend the SHA-256 bank with padded SHA-1, "
    "which is not followed."
)
_EXPECTED = (
    "Find out what was changed on the node. If the change is wanted, add the value to the "
    "reference file and import it in a signed bundle."
)

EVENT_LOG: tuple[Code, ...] = (
    Code(
        "TPM-LIMIT-EVENTLOG",
        _MALICIOUS,
        "The event log is larger than any firmware makes it.",
        _RECOLLECT,
    ),
    Code(
        "TPM-EVENTLOG-MALFORMED",
        _MALICIOUS,
        "What should be the firmware's event log is not.",
        "Send /sys/kernel/security/tpm0/binary_bios_measurements byte for byte.",
    ),
    Code(
        "TPM-EVENTLOG-SHA1",
        _UNSUPPORTED,
        "The event log has no SHA-256 digests: SHA-1 proves nothing any more.",
        "Enable the SHA-256 bank of PCRs in the firmware's set-up, or update the firmware.",
    ),
    Code(
        "TPM-EVENTLOG-ABSENT",
        _COLLATERAL,
        "A reference file judges the boot by its event log, and none was sent.",
        "Let the agent read /sys/kernel/security/tpm0/binary_bios_measurements and send it.",
    ),
    Code(
        "TPM-EVENTLOG-MISMATCH",
        _MALICIOUS,
        "The event log does not lead to the PCR that the TPM signed.",
        "Send the log of this boot, unchanged. If you did, something extended the PCR and left no "
        "event: reboot the node, and find out what did.",
    ),
    Code(
        "TPM-EVENTLOG-FALSE",
        _MALICIOUS,
        "An event of the log says something else than what was measured.",
        "Send the log as the firmware wrote it; if you did, report it to the firmware's maker.",
    ),
)

BOOT: tuple[Code, ...] = (
    Code(
        "TPM-BOOT-SEPARATOR",
        _MISCONFIGURED,
        "The firmware did not end its measurements, or it reported an error instead.",
        "Look at the firmware's own log, repair or update it, and reboot the node.",
    ),
    Code(
        "TPM-SECURE-BOOT",
        _MISCONFIGURED,
        "Secure boot has to be enabled, and the event log does not prove that it is.",
        "Enable secure boot in the firmware's set-up, and validation in shim; then reboot.",
    ),
    Code(
        "TPM-BOOT-APPLICATION",
        _MISCONFIGURED,
        "The node started a boot application that is not allowed.",
        _EXPECTED,
    ),
    Code(
        "TPM-BOOT-VARIABLE",
        _MISCONFIGURED,
        "Secure boot rests on a key, a list or a signer that is not allowed.",
        _EXPECTED,
    ),
    Code(
        "TPM-PCR-MISMATCH",
        _MISCONFIGURED,
        "The PCR has none of the values that the reference files list for it.",
        _EXPECTED,
    ),
    Code(
        "TPM-REFERENCE-MALFORMED",
        _COLLATERAL,
        "What should be a file of reference values for TPMs is not, so what it denies is unknown.",
        'Write JSON of "format": "lotabots/tpm-reference/v1", and import it again.',
    ),
)

IMA: tuple[Code, ...] = (
    Code(
        "TPM-LIMIT-IMA",
        _MALICIOUS,
        "The list of measured files (IMA) has more entries than one submission may have.",
        "Narrow the kernel's IMA policy; send the list from the entry that the challenge names.",
    ),
    Code(
        "TPM-IMA-MALFORMED",
        _MALICIOUS,
        "What should be the kernel's list of measured files (IMA) is not.",
        _RECOLLECT,
    ),
    Code(
        "TPM-IMA-TEMPLATE",
        _UNSUPPORTED,
        "The kernel measures files by a template that this version does not know.",
        "Boot with ima_template=ima-ng, ima-sig, ima-ngv2 or ima-sigv2.",
    ),
    Code(
        "TPM-IMA-FALSE",
        _MALICIOUS,
        "An entry of the list of measured files has not the hash that stands beside it.",
        _RECOLLECT,
    ),
    Code(
        "TPM-IMA-OFFSET",
        _COLLATERAL,
        "The list of measured files begins at an entry from which it cannot be followed.",
        "Send it from the entry that the challenge names, or whole; after a reboot, whole.",
    ),
    Code(
        "TPM-IMA-MISMATCH",
        _MALICIOUS,
        "The list of measured files does not lead to the PCR 10 that the TPM signed.",
        _LIST,
    ),
    Code(
        "TPM-IMA-DENIED",
        _MISCONFIGURED,
        "The node opened a file that a reference file denies.",
        "Remove the file, find out how it came there, and reboot the node.",
    ),
    Code(
        "TPM-IMA-NOT-ALLOWED",
        _MISCONFIGURED,
        "The node opened a file whose content is none of those allowed at its path.",
        _EXPECTED + " A reboot empties the list.",
    ),
)

CODES: tuple[Code, ...] = EVENT_LOG + BOOT + IMA
RETRYABLE = frozenset({"TPM-IMA-MISMATCH"})
"""Beside those that want for something: the same node may pass a moment later, unchanged."""
