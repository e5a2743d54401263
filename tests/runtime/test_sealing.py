"""Small secrets sealed: opened in their place only, under the same master key and name only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.kernel import LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.sealing import Seal

DATABASE: Database = None  # type: ignore[assignment] - a name is derived without one
MASTER = bytes(range(32))
SEAL = Seal(Keyring(DATABASE, MASTER), "tests")


def opens(seal: Seal, sealed: bytes, bound_to: bytes, also: bytes = b"") -> bool:
    code = ""
    try:
        seal.opened(sealed, bound_to, also)
    except LotaError as error:
        code = error.code
    assert code in ("", "SEAL_BROKEN")
    return not code


@given(st.binary(max_size=200), st.binary(max_size=20), st.binary(max_size=20))
def test_what_is_sealed_is_opened_and_looks_different_each_time(
    text: bytes, bound_to: bytes, also: bytes
) -> None:
    sealed = SEAL.sealed(text, bound_to, also)
    assert SEAL.opened(sealed, bound_to, also) == text
    assert SEAL.sealed(text, bound_to, also) != sealed


def test_it_opens_nowhere_else_for_nobody_else_and_under_no_other_name() -> None:
    sealed = SEAL.sealed(b"secret", b"here", b"mine")
    assert not opens(SEAL, sealed, b"there", b"mine")
    assert not opens(SEAL, sealed, b"here", b"yours")
    assert not opens(Seal(Keyring(DATABASE, MASTER), "others"), sealed, b"here", b"mine")
    assert not opens(Seal(Keyring(DATABASE, bytes(32)), "tests"), sealed, b"here", b"mine")


@given(st.binary(max_size=60))
def test_what_was_not_sealed_does_not_open(sealed: bytes) -> None:
    assert not opens(SEAL, sealed, b"here")


@pytest.mark.parametrize("at", [0, 11, 12, 17, 18, -1])
def test_a_changed_byte_is_seen(at: int) -> None:
    sealed = bytearray(SEAL.sealed(b"secret", b"here"))
    sealed[at] ^= 1
    assert not opens(SEAL, bytes(sealed), b"here")
