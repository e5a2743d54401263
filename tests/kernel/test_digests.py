"""Digests against published vectors."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import equal, hkdf_sha512, hmac_sha256, hmac_sha512, sha256, sha256_hex


def test_sha256_gives_the_example_of_fips_180() -> None:
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_hex(b"abc") == expected
    assert sha256(b"abc").hex() == expected


def test_hmac_sha256_gives_test_case_2_of_rfc_4231() -> None:
    assert hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_hmac_sha512_gives_test_case_2_of_rfc_4231() -> None:
    assert hmac_sha512(b"Jefe", b"what do ya want for nothing?").hex() == (
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    )


@given(st.binary(max_size=100), st.binary(max_size=100), st.integers(1, 200))
def test_hkdf_is_extract_and_expand_of_rfc_5869_written_out(
    key: bytes, info: bytes, length: int
) -> None:
    extracted = hmac.digest(bytes(64), key, hashlib.sha512)
    expanded, block = b"", b""
    for counter in range(1, 5):
        block = hmac.digest(extracted, block + info + bytes([counter]), hashlib.sha512)
        expanded += block
    assert hkdf_sha512(key, info, length) == expanded[:length]


def test_equal_compares_content_and_length() -> None:
    assert equal(b"same", bytearray(b"same"))
    assert not equal(b"same", b"sama")
    assert not equal(b"same", b"same ")
    assert equal(b"", b"")
