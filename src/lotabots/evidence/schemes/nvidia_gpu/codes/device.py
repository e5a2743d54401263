"""Codes for what a device sends: size, form, certificates, signature, nonce, firmware."""

from lotabots.evidence import Cause
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
