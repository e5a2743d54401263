"""Every NV-* code with its cause, meaning and fix, and how a finding is made from one."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.evidence.types import Cause, Finding
from lotabots.kernel import Kind, LotaError
from lotabots.kernel.codes import Code

_MALICIOUS = Cause.MALICIOUS.value
_MISCONFIGURED = Cause.MISCONFIGURED.value
_COLLATERAL = Cause.COLLATERAL.value
_UNSUPPORTED = Cause.UNSUPPORTED.value

_RECOLLECT = "Collect the evidence again on the node and send the bytes unchanged."
_WHOLE_CHAIN = "Send the device's own chain as NVML returns it: leaf first, five certificates."
_FRESH = "Ask for a new challenge, collect evidence with its nonce, and send that."

LIMITS: tuple[Code, ...] = (
    Code(
        "NV-LIMIT-EVIDENCE",
        _MALICIOUS,
        "The evidence is larger than any device makes it.",
        _RECOLLECT,
    ),
    Code(
        "NV-LIMIT-CHAIN",
        _MALICIOUS,
        "The certificate chain is larger than any device makes it.",
        _WHOLE_CHAIN,
    ),
    Code(
        "NV-LIMIT-DEVICES",
        _MALICIOUS,
        "There are more devices than one node can have.",
        "Send the evidence of one node at a time, at most 64 devices.",
    ),
)

PARSING: tuple[Code, ...] = (
    Code(
        "NV-PARSE-FILE",
        _MALICIOUS,
        "The evidence file is none of the known forms: raw bytes, hex text, NVIDIA's JSON.",
        "Save the report as raw bytes or hex, or use NVIDIA's JSON list of devices.",
    ),
    Code(
        "NV-PARSE-JSON",
        _MALICIOUS,
        "The evidence file is JSON, but not the list of devices that NVIDIA's tools write.",
        "Each entry needs `evidence` and `certificate`, base64 or hex, and each key once.",
    ),
    Code(
        "NV-PARSE-EMPTY",
        _MALICIOUS,
        "There is no evidence to judge.",
        "Send the evidence of at least one device.",
    ),
    Code(
        "NV-PARSE-TRUNCATED",
        _MALICIOUS,
        "The report ends before it is complete.",
        _RECOLLECT,
    ),
    Code(
        "NV-PARSE-TRAILING",
        _MALICIOUS,
        "There are bytes after the end of the report.",
        _RECOLLECT,
    ),
    Code(
        "NV-PARSE-REQUEST",
        _MALICIOUS,
        "The report does not answer a request for all measurements, signed, from slot 0.",
        "Collect the evidence through NVML, which asks for exactly that.",
    ),
    Code(
        "NV-PARSE-RESPONSE",
        _MALICIOUS,
        "The response header is not that of an SPDM 1.1 MEASUREMENTS message.",
        _RECOLLECT,
    ),
    Code(
        "NV-PARSE-BLOCK",
        _MALICIOUS,
        "A measurement block is malformed, repeated or out of order.",
        _RECOLLECT,
    ),
    Code(
        "NV-PARSE-OPAQUE",
        _MALICIOUS,
        "The opaque data is malformed, or a field in it is repeated or has a wrong size.",
        _RECOLLECT,
    ),
)

CHAIN: tuple[Code, ...] = (
    Code(
        "NV-CHAIN-PARSE",
        _MALICIOUS,
        "The certificate chain is not a list of well-formed X.509 certificates in PEM.",
        _WHOLE_CHAIN,
    ),
    Code(
        "NV-CHAIN-LENGTH",
        _MALICIOUS,
        "The chain does not have exactly five certificates.",
        _WHOLE_CHAIN,
    ),
    Code(
        "NV-CHAIN-ALGORITHM",
        _MALICIOUS,
        "A certificate is not P-384 signed with ECDSA and SHA-384.",
        _WHOLE_CHAIN,
    ),
    Code(
        "NV-CHAIN-ISSUER",
        _MALICIOUS,
        "A certificate does not name the next one in the chain as its issuer.",
        _WHOLE_CHAIN,
    ),
    Code(
        "NV-CHAIN-CA",
        _MALICIOUS,
        "A certificate signs another without the right to, or the leaf has that right.",
        _WHOLE_CHAIN,
    ),
    Code(
        "NV-CHAIN-SIGNATURE",
        _MALICIOUS,
        "A certificate's signature is not that of the next one in the chain.",
        _WHOLE_CHAIN,
    ),
    Code(
        "NV-CHAIN-ROOT",
        _MALICIOUS,
        "The chain does not end at a root that is trusted here.",
        "Only hardware under NVIDIA's Device Identity CA is trusted; a simulator's root never is.",
    ),
    Code(
        "NV-CHAIN-TIME",
        _MISCONFIGURED,
        "A device certificate is not valid at the time of judgement.",
        "Check the time given or the verifier's clock; NVIDIA's device certificates do not expire.",
    ),
    Code(
        "NV-CLASS-UNKNOWN",
        _UNSUPPORTED,
        "The certificates are of a chip that this version does not know.",
        "Supported: Hopper GH100, Blackwell GB100, NVSwitch LS10. Update LotaBots for others.",
    ),
    Code(
        "NV-CLASS-MISMATCH",
        _MALICIOUS,
        "Certificates, report and declared kind do not speak of one and the same chip.",
        "Send each device's report with its own chain, under its own kind.",
    ),
    Code(
        "NV-CLASS-IDENTITY",
        _MALICIOUS,
        "The device's identity in its certificates is missing or malformed.",
        _WHOLE_CHAIN,
    ),
)

REPORT: tuple[Code, ...] = (
    Code(
        "NV-SIG-FORMAT",
        _MALICIOUS,
        "The report's signature is not a pair of numbers that P-384 can make.",
        _RECOLLECT,
    ),
    Code(
        "NV-SIG-INVALID",
        _MALICIOUS,
        "The report was not signed by the device that the certificates name.",
        "Send the report and the chain of the same device, unchanged.",
    ),
    Code(
        "NV-NONCE-MISMATCH",
        _MALICIOUS,
        "The report answers another challenge than the one it was sent for.",
        _FRESH,
    ),
    Code(
        "NV-NONCE-UNEXPECTED",
        _MALICIOUS,
        "No challenge was made for this device.",
        "Declare the device in the node's inventory, then ask for a new challenge.",
    ),
    Code(
        "NV-FWID-MISMATCH",
        _MALICIOUS,
        "The firmware that runs is not the one that the leaf certificate was made for.",
        "Reset the GPU so that it measures its firmware and makes a new leaf certificate.",
    ),
    Code(
        "NV-VERSION-OPAQUE",
        _UNSUPPORTED,
        "The report uses a newer layout of its opaque data than this version knows.",
        "Update LotaBots; an unknown layout is never a pass.",
    ),
    Code(
        "NV-VERSION-MISSING",
        _MALICIOUS,
        "The report does not say which driver or VBIOS it measures.",
        _RECOLLECT,
    ),
    Code(
        "NV-VERSION-BELOW",
        _MISCONFIGURED,
        "The driver or VBIOS is older than the oldest version that is allowed here.",
        "Update the driver or firmware, or lower the minimum in the approved versions.",
    ),
    Code(
        "NV-VERSION-DENIED",
        _MISCONFIGURED,
        "The driver or VBIOS is a version that is denied here.",
        "Install an approved version.",
    ),
    Code(
        "NV-VERSION-UNLISTED",
        _MISCONFIGURED,
        "The driver or VBIOS is not one of the approved versions.",
        "Install an approved version, or approve this one.",
    ),
    Code(
        "NV-VERSION-UNREADABLE",
        _COLLATERAL,
        "A file of approved versions cannot be read, so what it denies is not known.",
        "Correct the file or take it out of the reference files.",
    ),
    Code(
        "NV-MODE-UNKNOWN",
        _UNSUPPORTED,
        "The report names a confidential-computing mode that this version does not know.",
        "Set the GPU to single-GPU, multi-GPU or protected PCIe mode, or update LotaBots.",
    ),
)

REFERENCE: tuple[Code, ...] = (
    Code(
        "NV-RIM-MISSING",
        _COLLATERAL,
        "There are no reference values (RIM) for this driver or VBIOS.",
        "Fetch the RIM with this id from NVIDIA's RIM service and add it to the reference files.",
    ),
    Code(
        "NV-RIM-EXPIRED",
        _COLLATERAL,
        "The reference values were signed with a certificate that has expired.",
        "Fetch the RIM again: NVIDIA signs the same values anew. Or judge --at an earlier time.",
    ),
    Code(
        "NV-RIM-NOT-YET-VALID",
        _COLLATERAL,
        "The reference values were signed with a certificate that is not valid yet.",
        "Check the time given or the verifier's clock.",
    ),
    Code(
        "NV-RIM-SCHEMA",
        _MALICIOUS,
        "The RIM file is not a well-formed SWID tag with one signature over all of it.",
        "Fetch the RIM again and add it unchanged.",
    ),
    Code(
        "NV-RIM-SIG",
        _MALICIOUS,
        "The RIM's signature does not cover what it says.",
        "Fetch the RIM again and add it unchanged; a changed RIM is never used.",
    ),
    Code(
        "NV-RIM-CHAIN",
        _MALICIOUS,
        "The RIM's signer does not lead to NVIDIA's root for reference values.",
        "Fetch the RIM again from NVIDIA; nobody else's reference values are used.",
    ),
    Code(
        "NV-RIM-PRODUCT",
        _COLLATERAL,
        "The RIM describes another chip than the one that signed the report.",
        "Add the RIM for this chip.",
    ),
    Code(
        "NV-RIM-VERSION",
        _COLLATERAL,
        "The RIM describes another version than the one that the report names.",
        "Add the RIM for this version.",
    ),
    Code(
        "NV-RIM-CONFLICT",
        _MALICIOUS,
        "Two RIMs both claim to say what one measurement must be.",
        "Remove the wrong RIM; driver and VBIOS never describe the same index.",
    ),
    Code(
        "NV-MEAS-MISMATCH",
        _MISCONFIGURED,
        "A measurement is none of the values that NVIDIA signed for this version.",
        "Reinstall the driver and firmware from NVIDIA, turn DevTools off, reset the GPU, retry.",
    ),
    Code(
        "NV-MEAS-MISSING",
        _MALICIOUS,
        "The report lacks a measurement that the reference values require.",
        _RECOLLECT,
    ),
    Code(
        "NV-MEAS-NONE",
        _COLLATERAL,
        "The reference values require no measurement at all, so nothing was compared.",
        "Add the RIM for this version that NVIDIA publishes.",
    ),
    Code(
        "NV-MEAS-NVDEC0",
        _MALICIOUS,
        "The report's NVDEC0 status is neither on nor off.",
        _RECOLLECT,
    ),
    Code(
        "NV-REV-REVOKED",
        _MALICIOUS,
        "NVIDIA has revoked a certificate in the chain of the device or of its reference values.",
        "Take the device out of service and ask NVIDIA; it cannot be trusted again as it is.",
    ),
    Code(
        "NV-REV-HOLD",
        _MALICIOUS,
        "NVIDIA has put a certificate on hold.",
        "Wait for NVIDIA to lift the hold, fetch revocation data again, then retry.",
    ),
    Code(
        "NV-REV-UNKNOWN",
        _COLLATERAL,
        "The revocation responder does not know a certificate.",
        "Fetch OCSP responses or CRLs from NVIDIA for this chain.",
    ),
    Code(
        "NV-REV-STALE",
        _COLLATERAL,
        "The newest revocation data is older than allowed.",
        "Fetch OCSP responses or CRLs again, or allow a greater age with --max-revocation-age.",
    ),
    Code(
        "NV-REV-MISSING",
        _COLLATERAL,
        "There is no revocation data for a certificate.",
        "Add OCSP responses or CRLs for the device's chain and the RIMs' chains.",
    ),
    Code(
        "NV-REV-INVALID",
        _COLLATERAL,
        "The only revocation data for a certificate is not validly signed by its issuer.",
        "Fetch OCSP responses or CRLs again from NVIDIA.",
    ),
)

NODE: tuple[Code, ...] = (
    Code(
        "NV-TOPO-PDI",
        _MALICIOUS,
        "A switch signs another identity (PDI) than its certificates carry.",
        "Send each switch's report with its own chain.",
    ),
    Code(
        "NV-TOPO-SWITCH-ABSENT",
        _COLLATERAL,
        "The GPUs say which switches connect them, but no switch was presented.",
        "Collect the evidence of the node's NVSwitches as well and send all of it together.",
    ),
    Code(
        "NV-TOPO-GPU-ABSENT",
        _COLLATERAL,
        "The switches say which GPUs they connect, but no GPU was presented.",
        "Collect the evidence of the node's GPUs as well and send all of it together.",
    ),
    Code(
        "NV-TOPO-SWITCH-MISSING",
        _MALICIOUS,
        "A switch that connects the GPUs was not presented.",
        "Send the evidence of every NVSwitch of the node.",
    ),
    Code(
        "NV-TOPO-SWITCH-FOREIGN",
        _MALICIOUS,
        "A presented switch does not connect the GPUs of this node.",
        "Send only the switches of this node.",
    ),
    Code(
        "NV-TOPO-GPU-MISSING",
        _MALICIOUS,
        "A GPU that the switches connect was not presented.",
        "Send the evidence of every GPU of the node.",
    ),
    Code(
        "NV-TOPO-GPU-FOREIGN",
        _MALICIOUS,
        "A presented GPU is not one that this node's switches connect: it belongs elsewhere.",
        "Send only GPUs of this node; a genuine GPU of another node proves nothing here.",
    ),
    Code(
        "NV-TOPO-SET-DIFFERS",
        _MALICIOUS,
        "Devices of the node sign different views of how it is connected.",
        "Collect the evidence of all devices at one time, on one node.",
    ),
    Code(
        "NV-TOPO-NONCE",
        _MALICIOUS,
        "The devices do not all answer the same challenge.",
        _FRESH,
    ),
    Code(
        "NV-TOPO-MODE",
        _MISCONFIGURED,
        "The GPUs of the node are in different confidential-computing modes.",
        "Set all GPUs of the node to the same mode and restart the node.",
    ),
    Code(
        "NV-DUP-DEVICE",
        _MALICIOUS,
        "One device is presented more than once.",
        "Send the evidence of each device once.",
    ),
    Code(
        "NV-DUP-SUBJECT",
        _MALICIOUS,
        "Two pieces of evidence have the same name.",
        "Name each device once.",
    ),
)

CODES: tuple[Code, ...] = LIMITS + PARSING + CHAIN + REPORT + REFERENCE + NODE
BY_NAME: Mapping[str, Code] = MappingProxyType({code.name: code for code in CODES})

# A later attempt with other evidence or newer collateral may pass without touching the device.
_RETRYABLE = frozenset(code.name for code in CODES if code.about == _COLLATERAL) | {
    "NV-NONCE-MISMATCH",
    "NV-TOPO-NONCE",
    "NV-REV-HOLD",
    "NV-PARSE-TRUNCATED",
}


def finding(name: str, subject: str, *, expected: str, measured: str) -> Finding:
    """The finding with this code about this subject."""
    code = BY_NAME[name]
    return Finding(
        code=name,
        cause=Cause(code.about),
        subject=subject,
        title=code.meaning,
        expected=expected,
        measured=measured,
        fix=code.fix,
        retryable=name in _RETRYABLE,
    )


def refuse(name: str, *, expected: str, measured: str) -> LotaError:
    """An error with this code, for parsers to raise; `as_finding` makes it a finding."""
    detail = f"{BY_NAME[name].meaning} Expected {expected}, found {measured}."
    return LotaError(Kind.VALIDATION, name, detail, expected=expected, measured=measured)


def as_finding(error: LotaError, subject: str) -> Finding:
    """What a parser refused, as a finding about this subject."""
    return finding(
        error.code,
        subject,
        expected=str(error.details["expected"]),
        measured=str(error.details["measured"]),
    )
