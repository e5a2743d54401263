"""The evidence of a TPM as it is sent: one JSON text with a quote and what the quote is over.

{"format": "lotabots/tpm/v1", "quote": base64 of TPMS_ATTEST, "signature": base64 of TPMT_SIGNATURE,
"pcrs": {"0": hex of SHA-256, ...}, "manifest": the text of `evidence.manifest`,
"event_log": base64 or null, "ima": {"from": line, "log": lines of ascii_runtime_measurements} or
null}
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.evidence.schemes.tpm.quote import MAX_ATTEST, MAX_SIGNATURE
from lotabots.kernel import LotaError, canonical, decode_base64, encode_base64, strict_struct

FORMAT = "lotabots/tpm/v1"
MAX_EVIDENCE = 1024 * 1024
MAX_MANIFEST = 64 * 1024
MAX_IMA_ENTRIES = 2**32 - 1

_Hex = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Pcr = Annotated[str, msgspec.Meta(pattern=r"\A(?:[0-9]|1[0-9]|2[0-3])\Z")]
_Quote = Annotated[str, msgspec.Meta(max_length=(MAX_ATTEST + 2) // 3 * 4)]
_Signature = Annotated[str, msgspec.Meta(max_length=(MAX_SIGNATURE + 2) // 3 * 4)]
_Manifest = Annotated[str, msgspec.Meta(max_length=MAX_MANIFEST)]


class ImaPart(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"start": "from"},
):
    """A part of the kernel's list of what it measured (IMA)."""

    start: Annotated[int, msgspec.Meta(ge=0, le=MAX_IMA_ENTRIES)]
    """How many entries come before it: those that were judged already."""
    log: str
    """Lines of `ascii_runtime_measurements` from there on."""


class _Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal["lotabots/tpm/v1"]
    quote: _Quote
    signature: _Signature
    pcrs: Annotated[dict[_Pcr, _Hex], msgspec.Meta(max_length=24)]
    manifest: _Manifest
    event_log: str | None
    ima: ImaPart | None


class TpmEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a TPM's evidence holds; nothing of it is true before the quote is verified."""

    quote: bytes
    """TPMS_ATTEST."""
    signature: bytes
    """TPMT_SIGNATURE."""
    pcrs: Mapping[int, bytes]
    """The SHA-256 bank's values, 32 bytes each."""
    manifest: bytes
    event_log: bytes | None = None
    """`binary_bios_measurements` as the firmware wrote it."""
    ima: ImaPart | None = None


def write_evidence(evidence: TpmEvidence) -> bytes:
    """The evidence as it is sent. LotaError TPM-LIMIT-EVIDENCE where it would be too large."""
    log = evidence.event_log
    text = canonical(
        {
            "format": FORMAT,
            "quote": encode_base64(evidence.quote),
            "signature": encode_base64(evidence.signature),
            "pcrs": {str(number): value.hex() for number, value in evidence.pcrs.items()},
            "manifest": evidence.manifest.decode(),
            "event_log": None if log is None else encode_base64(log),
            "ima": msgspec.to_builtins(evidence.ima),
        }
    )
    _require_size(text)
    return text


def read_evidence(data: bytes) -> TpmEvidence:
    """The evidence in these bytes. LotaError TPM-EVIDENCE-MALFORMED or TPM-LIMIT-EVIDENCE."""
    _require_size(data)
    try:
        text = strict_struct(data, _Text, max_bytes=MAX_EVIDENCE, max_depth=3)
        return TpmEvidence(
            quote=decode_base64(text.quote),
            signature=decode_base64(text.signature),
            pcrs={int(number): bytes.fromhex(value) for number, value in text.pcrs.items()},
            manifest=text.manifest.encode(),
            event_log=None if text.event_log is None else decode_base64(text.event_log),
            ima=text.ima,
        )
    except LotaError as error:
        raise refuse(
            "TPM-EVIDENCE-MALFORMED", expected=f"JSON of {FORMAT}", measured=error.detail[:200]
        ) from error


def _require_size(data: bytes) -> None:
    if len(data) > MAX_EVIDENCE:
        raise refuse(
            "TPM-LIMIT-EVIDENCE",
            expected=f"at most {MAX_EVIDENCE} bytes",
            measured=f"{len(data)} bytes",
        )
