"""Every TPM-* code with its cause, meaning and fix, and how a finding is made from one."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.evidence import Cause, Finding, coded
from lotabots.evidence.schemes.tpm import codes_logs
from lotabots.kernel import Kind, LotaError
from lotabots.kernel.codes import Code

_MALICIOUS = Cause.MALICIOUS.value
_MISCONFIGURED = Cause.MISCONFIGURED.value
_COLLATERAL = Cause.COLLATERAL.value
_UNSUPPORTED = Cause.UNSUPPORTED.value

_RECOLLECT = "Collect the evidence again on the node and send the bytes unchanged."
_FRESH = "Ask for a new challenge, quote with what follows from it, and send that."
_LEAVES = (
    "Send exactly the evidence that the quote's manifest lists, each piece in its place and "
    "unchanged. If you did, something between node and server changes it."
)
_NEW_KEY = (
    "Let the agent make its attestation key anew, under the endorsement key, and enrol again."
)
_OWN_CHAIN = (
    "Send the endorsement key's own certificate first, then what leads to the vendor's root."
)

FORMAT: tuple[Code, ...] = (
    Code(
        "TPM-LIMIT-EVIDENCE",
        _MALICIOUS,
        "The evidence is larger than any TPM makes it.",
        _RECOLLECT,
    ),
    Code(
        "TPM-EVIDENCE-MALFORMED",
        _MALICIOUS,
        "What should be a TPM's evidence is not.",
        _RECOLLECT,
    ),
    Code(
        "TPM-PUBLIC-MALFORMED",
        _MALICIOUS,
        "The key is no TPMT_PUBLIC of exactly its length.",
        "Send the public area as the TPM gives it, without the size in front of it.",
    ),
    Code(
        "TPM-PUBLIC-UNSUPPORTED",
        _UNSUPPORTED,
        "The key is of a kind that this version does not use.",
        "Use ECC P-256 or P-384, or RSA with 2048 to 4096 bits, and SHA-256 or SHA-384.",
    ),
    Code(
        "TPM-SIGNATURE-MALFORMED",
        _MALICIOUS,
        "The signature is no TPMT_SIGNATURE of exactly its length.",
        _RECOLLECT,
    ),
    Code(
        "TPM-ATTEST-MALFORMED",
        _MALICIOUS,
        "What was signed is no quote of a TPM: no TPMS_ATTEST of that type and length.",
        _RECOLLECT,
    ),
)

QUOTE: tuple[Code, ...] = (
    Code(
        "TPM-NOT-ENROLLED",
        _COLLATERAL,
        "No TPM that the node enrolled is declared in this place.",
        "Enrol the node with this TPM, then attest again.",
    ),
    Code(
        "TPM-AK-UNFIT",
        _MALICIOUS,
        "The attestation key is not one that signs only what its TPM made.",
        _NEW_KEY,
    ),
    Code(
        "TPM-EK-UNFIT",
        _MALICIOUS,
        "The endorsement key is not one that protects other keys of its TPM and nothing else.",
        "Send the public area of the endorsement key as the TPM gives it.",
    ),
    Code(
        "TPM-SIGNATURE-INVALID",
        _MALICIOUS,
        "The quote is not signed by the attestation key that the node enrolled.",
        "Quote with the enrolled key; if the TPM was replaced or cleared, enrol the node again.",
    ),
    Code(
        "TPM-NONCE-MISMATCH",
        _MALICIOUS,
        "The quote answers another challenge, or covers another manifest.",
        _FRESH,
    ),
    Code(
        "TPM-PCR-SELECTION",
        _MISCONFIGURED,
        "The quote covers other PCRs or another bank than those asked for.",
        "Quote PCRs 0 to 10 and 14 of the SHA-256 bank, and nothing else.",
    ),
    Code(
        "TPM-PCR-DIGEST",
        _MALICIOUS,
        "The PCR values that were sent are not those that the TPM signed.",
        "Read the PCRs and quote them again; a measurement between the two makes them differ.",
    ),
    Code(
        "TPM-CLOCK-BACKWARDS",
        _MALICIOUS,
        "The TPM's clock or its counters lie before those of its newest quote.",
        "Find out whether the TPM was cleared or replaced. If it was you, enrol the node again.",
    ),
)

MANIFEST: tuple[Code, ...] = (
    Code(
        "TPM-MANIFEST-MALFORMED",
        _MALICIOUS,
        "The manifest that the quote covers is no manifest.",
        _RECOLLECT,
    ),
    Code(
        "TPM-MANIFEST-REPLAYED",
        _MALICIOUS,
        "The manifest is of another challenge, node or session key.",
        _FRESH,
    ),
    Code(
        "TPM-MANIFEST-COUNTERS",
        _MALICIOUS,
        "The boot counters of the manifest are not those that the TPM signed.",
        "Read the TPM's clock before each quote; after a restart, ask for a new challenge.",
    ),
    Code(
        "TPM-LEAF-REMOVED",
        _MALICIOUS,
        "Evidence that the TPM's quote covers was not sent.",
        _LEAVES,
    ),
    Code(
        "TPM-LEAF-ADDED",
        _MALICIOUS,
        "Evidence was sent that the TPM's quote does not cover.",
        _LEAVES,
    ),
    Code(
        "TPM-LEAF-REPLACED",
        _MALICIOUS,
        "Evidence was sent in the place of that which the TPM's quote covers.",
        _LEAVES,
    ),
    Code(
        "TPM-LEAF-REORDERED",
        _MALICIOUS,
        "Evidence that the TPM's quote covers was sent in another place.",
        _LEAVES,
    ),
)

CHAIN: tuple[Code, ...] = (
    Code(
        "TPM-CHAIN-ABSENT",
        _COLLATERAL,
        "The TPM has no certificate of its endorsement key, so nobody says who made it.",
        "Ask the TPM's maker for its certificate, and enrol the node with it.",
    ),
    Code(
        "TPM-CHAIN-MALFORMED",
        _MALICIOUS,
        "The endorsement key's certificates are none, or too many, or too large.",
        _OWN_CHAIN,
    ),
    Code(
        "TPM-ROOTS-MALFORMED",
        _COLLATERAL,
        "What should be a file of TPM makers' roots is not.",
        'Write JSON {"format": "lotabots/tpm-roots/v1", "roots": [PEM], "intermediates": [PEM]}.',
    ),
    Code(
        "TPM-CHAIN-KEY",
        _MALICIOUS,
        "The certificate is of another endorsement key than the one that was enrolled.",
        _OWN_CHAIN,
    ),
    Code(
        "TPM-CHAIN-USE",
        _MALICIOUS,
        "The certificate is not made for an endorsement key.",
        _OWN_CHAIN,
    ),
    Code(
        "TPM-CHAIN-UNTRUSTED",
        _COLLATERAL,
        "The endorsement key's certificate does not lead to a root that is trusted here.",
        "Import a reference bundle with the roots of this TPM's maker, and send the "
        "intermediate certificates too.",
    ),
    Code(
        "TPM-CHAIN-TIME",
        _COLLATERAL,
        "A certificate between endorsement key and root is not valid at this time.",
        "Compare the clocks; then ask the TPM's maker for current certificates.",
    ),
)

CODES: tuple[Code, ...] = FORMAT + QUOTE + MANIFEST + CHAIN + codes_logs.CODES
BY_NAME: Mapping[str, Code] = MappingProxyType({code.name: code for code in CODES})

_RETRYABLE = frozenset(code.name for code in CODES if code.about == _COLLATERAL) | {
    *codes_logs.RETRYABLE,
    "TPM-NONCE-MISMATCH",
    "TPM-PCR-DIGEST",
    "TPM-MANIFEST-COUNTERS",
}


def finding(name: str, subject: str, *, expected: str, measured: str) -> Finding:
    """The finding with this code about this subject."""
    again = name in _RETRYABLE
    return coded(BY_NAME[name], subject, expected=expected, measured=measured, retryable=again)


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
