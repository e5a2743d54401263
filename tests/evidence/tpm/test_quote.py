"""A quote counts if the enrolled key signed exactly these bytes over exactly this data."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from evidence.tpm.forge import VALUES, PrivateKey, attest, ec_key, public_area, rsa_key, sign
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence import Caches
from lotabots.evidence.schemes.tpm import PCRS, verify_quote
from lotabots.evidence.schemes.tpm.public import Alg
from lotabots.evidence.schemes.tpm.quote import covers, read_attest
from lotabots.kernel import LotaError

NONCE = b"n" * 32
P384 = ec.SECP384R1()
KINDS = {
    "ECDSA P-256": (ec_key(), None, 0x000B),
    "ECDSA P-384": (ec_key(0, P384), None, 0x000C),
    "RSASSA": (rsa_key(), 0x0014, 0x000B),
    "RSAPSS": (rsa_key(), 0x0016, 0x000B),
}
kinds = pytest.mark.parametrize(("key", "scheme", "digest"), KINDS.values(), ids=KINDS)


def quoted(key: PrivateKey, scheme: int | None, digest: int) -> tuple[bytes, bytes, bytes]:
    """Key, quote and signature."""
    quote = attest(NONCE, digest=digest)
    area = public_area(key, scheme=scheme, digest=digest)
    return area, quote, sign(key, quote, scheme=scheme, digest=digest)


def refusal(*args: bytes, caches: Caches | None = None) -> str:
    with pytest.raises(LotaError) as refused:
        verify_quote(*args, caches=caches or Caches())
    return refused.value.code


@kinds
def test_a_quote_of_each_scheme_verifies_again_and_again(
    key: PrivateKey, scheme: int | None, digest: int
) -> None:
    caches = Caches()
    area, quote, signature = quoted(key, scheme, digest)
    first = verify_quote(area, quote, signature, NONCE, caches)
    assert first == verify_quote(area, quote, signature, NONCE, caches) == read_attest(quote)
    assert (first.pcrs, first.extra) == (PCRS, NONCE)
    assert covers(first, VALUES, Alg(digest))


@kinds
def test_every_flipped_bit_of_quote_and_signature_is_refused(
    key: PrivateKey, scheme: int | None, digest: int
) -> None:
    caches = Caches()
    area, quote, signature = quoted(key, scheme, digest)
    step = 1 if isinstance(key, ec.EllipticCurvePrivateKey) else 3
    for bit in range(0, len(quote) * 8, step):
        changed = _flipped(quote, bit)
        code = refusal(area, changed, signature, NONCE, caches=caches)
        assert code in {"TPM-SIGNATURE-INVALID", "TPM-ATTEST-MALFORMED"}
    for bit in range(0, len(signature) * 8, step):
        changed = _flipped(signature, bit)
        code = refusal(area, quote, changed, NONCE, caches=caches)
        assert code in {"TPM-SIGNATURE-INVALID", "TPM-SIGNATURE-MALFORMED"}
    verify_quote(area, quote, signature, NONCE, caches)


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_another_nonce_a_part_of_it_and_none_are_refused() -> None:
    area, quote, signature = quoted(ec_key(), None, 0x000B)
    for nonce in (b"m" * 32, NONCE[:31], NONCE + b"n", b""):
        assert refusal(area, quote, signature, nonce) == "TPM-NONCE-MISMATCH"
    empty = attest(b"")
    assert refusal(area, empty, sign(ec_key(), empty), b"") == "TPM-NONCE-MISMATCH"


def test_another_key_and_another_scheme_than_the_keys_own_are_refused() -> None:
    area, quote, _ = quoted(ec_key(), None, 0x000B)
    assert refusal(area, quote, sign(ec_key(1), quote), NONCE) == "TPM-SIGNATURE-INVALID"
    assert refusal(area, quote, sign(rsa_key(), quote), NONCE) == "TPM-SIGNATURE-INVALID"
    stronger = sign(ec_key(), quote, digest=0x000C)
    assert refusal(area, quote, stronger, NONCE) == "TPM-SIGNATURE-INVALID"
    for_pss = public_area(rsa_key(), scheme=0x0016)
    assert refusal(for_pss, quote, sign(rsa_key(), quote), NONCE) == "TPM-SIGNATURE-INVALID"


@pytest.mark.parametrize(
    "quote",
    [
        attest(NONCE, head=b"\xffTCG\x80\x17"),
        attest(NONCE, head=b"\xffTCH\x80\x18"),
        attest(NONCE, bank=0x0004),
        attest(NONCE, bank=0x000C),
        attest(NONCE, safe=2),
        attest(NONCE, clock=2**53),
    ],
    ids=["another type", "another magic", "SHA-1 bank", "SHA-384 bank", "no truth", "endless"],
)
def test_what_is_signed_and_no_quote_of_the_sha256_bank_is_refused(quote: bytes) -> None:
    area = public_area(ec_key())
    assert refusal(area, quote, sign(ec_key(), quote), NONCE) == "TPM-ATTEST-MALFORMED"


def test_two_banks_are_not_one() -> None:
    quote = attest(NONCE)
    at = quote.index(b"\x00\x00\x00\x01\x00\x0b\x03")
    selection = quote[at + 4 : at + 10]
    both = quote[:at] + (2).to_bytes(4) + selection * 2 + quote[at + 10 :]
    area = public_area(ec_key())
    assert refusal(area, both, sign(ec_key(), both), NONCE) == "TPM-ATTEST-MALFORMED"


@given(st.integers(min_value=0, max_value=23), st.binary(min_size=32, max_size=32))
def test_one_pcr_with_another_value_or_one_more_or_less_is_not_covered(
    number: int, value: bytes
) -> None:
    quote = read_attest(attest(NONCE))
    other = {**VALUES, number: value}
    assert covers(quote, other, Alg.SHA256) == (other == VALUES)
    fewer = {at: held for at, held in VALUES.items() if at != number}
    assert covers(quote, fewer, Alg.SHA256) == (fewer == VALUES)


def test_ecdsa_numbers_of_zero_or_without_leading_zeros_do_no_harm() -> None:
    area, quote, signature = quoted(ec_key(), None, 0x000B)
    zero = signature[:4] + b"\x00\x20" + bytes(32) + b"\x00\x20" + bytes(32)
    none = signature[:4] + bytes(4)
    for other in (zero, none):
        assert refusal(area, quote, other, NONCE) == "TPM-SIGNATURE-INVALID"
