"""Codes for what evidence is held against, and for what only exists between devices."""

from lotabots.evidence import Cause
from lotabots.kernel.codes import Code

_MALICIOUS = Cause.MALICIOUS.value
_MISCONFIGURED = Cause.MISCONFIGURED.value
_COLLATERAL = Cause.COLLATERAL.value
_RECOLLECT = "Collect the evidence again on the node and send the bytes unchanged."
_FRESH = "Ask for a new challenge, collect evidence with its nonce, and send that."

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
        _COLLATERAL,
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
