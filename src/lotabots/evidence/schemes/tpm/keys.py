"""Which key may attest: a restricted signing key that its TPM made and that cannot leave it.

TPM 2.0 Library, Part 1, section on restricted keys: what begins with TPM_GENERATED_VALUE such a key
signs only if the TPM itself made it, so its signature under a quote is the TPM's word.
"""

from lotabots.evidence import Caches, Slot
from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.evidence.schemes.tpm.public import Alg, Attribute, Public, read_public
from lotabots.evidence.schemes.tpm.quote import Quote, require_signed
from lotabots.kernel import LotaError, equal

_NEEDED = (
    Attribute.FIXED_TPM
    | Attribute.FIXED_PARENT
    | Attribute.SENSITIVE_DATA_ORIGIN
    | Attribute.RESTRICTED
    | Attribute.SIGN
)
_REFUSED = Attribute.DECRYPT | Attribute.X509_SIGN | Attribute.ENCRYPTED_DUPLICATION

ATTESTATION_KEYS: Slot[bytes, Public] = Slot("tpm.attestation_keys", 16_384)
"""TPMT_PUBLIC -> the key, of those that may attest."""


def check_attestation_key(data: bytes, caches: Caches) -> Public:
    """The key in this TPMT_PUBLIC, if it may attest. LotaError TPM-PUBLIC-*, TPM-AK-UNFIT."""
    memory = caches.of(ATTESTATION_KEYS)
    known = memory.get(data)
    if known is not None:
        return known
    public = read_public(data)
    attributes = public.attributes
    if attributes & _NEEDED != _NEEDED or attributes & _REFUSED:
        raise _unfit(f"attributes with {_NEEDED:#x} and without {_REFUSED:#x}", f"{attributes:#x}")
    if public.scheme not in (Alg.RSASSA, Alg.RSAPSS, Alg.ECDSA) or public.symmetric_bits:
        raise _unfit("one scheme to sign by, and nothing to encrypt by", public.scheme.name)
    return memory.put(data, public)


def verify_quote(
    ak_public: bytes, attest: bytes, signature: bytes, qualifying: bytes, caches: Caches
) -> Quote:
    """The quote, once this attestation key has signed it over exactly this qualifying data.

    What its PCRs are is not looked at. LotaError TPM-PUBLIC-*, TPM-AK-UNFIT, TPM-ATTEST-MALFORMED,
    TPM-SIGNATURE-MALFORMED, TPM-SIGNATURE-INVALID, TPM-NONCE-MISMATCH.
    """
    quote = require_signed(check_attestation_key(ak_public, caches), attest, signature)
    if not qualifying or not equal(quote.extra, qualifying):
        raise refuse("TPM-NONCE-MISMATCH", expected=qualifying.hex(), measured=quote.extra.hex())
    return quote


def _unfit(expected: str, measured: str) -> LotaError:
    return refuse("TPM-AK-UNFIT", expected=expected, measured=measured)
