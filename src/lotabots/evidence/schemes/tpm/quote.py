"""What a TPM signs when it quotes, and the signature: taken apart exactly, then verified.

TPM 2.0 Library, Part 2: TPMS_ATTEST is section 10.12.12, TPMS_CLOCK_INFO 10.11.1, TPMS_QUOTE_INFO
10.12.4, TPML_PCR_SELECTION 10.9.7, TPMT_SIGNATURE 11.3.4. Offsets in bytes:

attest     0 magic ff"TCG" | 4 type 0x8018: quote | 6 qualifiedSigner (TPM2B) | extraData (TPM2B)
           | clock (8, milliseconds) | resetCount (4) | restartCount (4) | safe (1)
           | firmwareVersion (8) | number of banks (4): 1
           | bank (2): SHA-256 | 3 | PCR bitmap (3), PCR n is bit n mod 8 of byte n / 8
           | pcrDigest (TPM2B): the PCRs' values in ascending order, by the signature's hash
signature  0 algorithm (2) | 2 hash (2) | RSA: signature (TPM2B); ECDSA: r and s (TPM2B each)
"""

import hashlib
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm

from lotabots.evidence.schemes.tpm.codes import refuse
from lotabots.evidence.schemes.tpm.public import HASHES, Alg, Public
from lotabots.evidence.schemes.tpm.reader import Reader
from lotabots.kernel import equal

MAX_ATTEST = 1_024
MAX_SIGNATURE = 1_024
PCR_SIZE = 32
PCRS = (*range(11), 14)
"""What a node's quote covers, of the SHA-256 bank: firmware and boot, IMA, and shim's keys."""

_MAGIC_QUOTE = bytes.fromhex("ff5443478018")
_MOST = 2**53 - 1
"""Of milliseconds: what JSON can say exactly; 285,000 years."""
_HASHES: Mapping[Alg, HashAlgorithm] = {Alg.SHA256: SHA256(), Alg.SHA384: SHA384()}
_ECDSA: Mapping[Alg, ec.ECDSA] = {alg: ec.ECDSA(made) for alg, made in _HASHES.items()}


class Quote(msgspec.Struct, frozen=True):
    """A TPMS_ATTEST of type quote taken apart. Nothing in it is true before its signature is."""

    extra: bytes
    """extraData: what the verifier asked to be signed."""
    clock: int
    """Milliseconds that the TPM has run."""
    reset_count: int
    restart_count: int
    safe: bool
    """Whether no later clock value can have been given before."""
    firmware: int
    pcrs: tuple[int, ...]
    """Which PCRs of the SHA-256 bank it covers, ascending."""
    pcr_digest: bytes


class Signature(msgspec.Struct, frozen=True):
    """A TPMT_SIGNATURE taken apart."""

    scheme: Alg
    hash: Alg
    value: bytes
    """As the scheme has it: RSA's octets, or ECDSA's r and s in DER."""


def read_attest(data: bytes) -> Quote:
    """The quote in exactly these bytes. LotaError TPM-ATTEST-MALFORMED."""
    reader = Reader(data, "TPM-ATTEST-MALFORMED", MAX_ATTEST)
    head = reader.take(6)
    if head != _MAGIC_QUOTE:
        raise reader.misfit(f"{_MAGIC_QUOTE.hex()}: made by a TPM, a quote", head.hex())
    # The qualified name of the key: what its parents add to the name that is checked.
    reader.sized(66)
    extra = reader.sized(64)
    clock, resets, restarts, safe = (reader.number(size) for size in (8, 4, 4, 1))
    if clock > _MOST or safe > 1:
        raise reader.misfit(f"a clock of at most {_MOST} and a truth value", f"{clock}, {safe}")
    firmware = reader.number(8)
    banks, bank, size = reader.number(4), reader.number(2), reader.number(1)
    if (banks, bank, size) != (1, Alg.SHA256, 3):
        raise reader.misfit("one bank, SHA-256, 24 PCRs", f"{banks} banks, {bank:#06x}, {size}")
    bits = int.from_bytes(reader.take(3), "little")
    digest = reader.sized(48)
    reader.end()
    return Quote(
        extra=extra,
        clock=clock,
        reset_count=resets,
        restart_count=restarts,
        safe=safe == 1,
        firmware=firmware,
        pcrs=tuple(number for number in range(24) if bits >> number & 1),
        pcr_digest=digest,
    )


def read_signature(data: bytes) -> Signature:
    """The signature in exactly these bytes. LotaError TPM-SIGNATURE-MALFORMED."""
    reader = Reader(data, "TPM-SIGNATURE-MALFORMED", MAX_SIGNATURE)
    scheme, digest = reader.number(2), reader.number(2)
    if scheme not in (Alg.RSASSA, Alg.RSAPSS, Alg.ECDSA) or digest not in HASHES:
        measured = f"{scheme:#06x} with {digest:#06x}"
        raise reader.misfit("RSASSA, RSAPSS or ECDSA with SHA-256 or SHA-384", measured)
    if scheme == Alg.ECDSA:
        r, s = (int.from_bytes(reader.sized(48)) for _ in range(2))
        value = encode_dss_signature(r, s)
    else:
        value = reader.sized(512)
    reader.end()
    return Signature(scheme=Alg(scheme), hash=Alg(digest), value=value)


def verifies(public: Public, attest: bytes, signature: Signature) -> bool:
    """Whether this key signed these bytes, in the scheme and with the hash that the key is for."""
    if (signature.scheme, signature.hash) != (public.scheme, public.scheme_hash):
        return False
    key = public.key
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature.value, attest, _ECDSA[signature.hash])
        else:
            chosen = _HASHES[signature.hash]
            key.verify(signature.value, attest, _padding(signature.scheme, chosen), chosen)
    except InvalidSignature:
        return False
    return True


def covers(quote: Quote, values: Mapping[int, bytes], digest: Alg) -> bool:
    """Whether these are the PCRs, each with the value, that the quote's digest is over."""
    if tuple(sorted(values)) != quote.pcrs:
        return False
    joined = b"".join(values[number] for number in quote.pcrs)
    return equal(hashlib.new(HASHES[digest], joined).digest(), quote.pcr_digest)


def require_signed(public: Public, attest: bytes, signature: bytes) -> Quote:
    """The quote, once this key has signed it. LotaError TPM-*-MALFORMED, TPM-SIGNATURE-INVALID."""
    quote, signed = read_attest(attest), read_signature(signature)
    if not verifies(public, attest, signed):
        raise refuse(
            "TPM-SIGNATURE-INVALID", expected="a signature of this key", measured="another"
        )
    return quote


def _padding(scheme: Alg, digest: HashAlgorithm) -> padding.AsymmetricPadding:
    if scheme is Alg.RSASSA:
        return padding.PKCS1v15()
    # How long the salt is differs between TPMs (Part 1, annex B, RSAPSS).
    return padding.PSS(mgf=padding.MGF1(digest), salt_length=padding.PSS.AUTO)
