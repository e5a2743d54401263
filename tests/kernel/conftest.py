"""Keys that are the same in every run, one of each kind."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lotabots.kernel import SigningKey


def p256(secret: int) -> SigningKey:
    return SigningKey(derive_private_key(secret, SECP256R1()))


@pytest.fixture(params=["ES256", "Ed25519"])
def key(request: pytest.FixtureRequest) -> SigningKey:
    if request.param == "ES256":
        return p256(0xC0FFEE)
    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


@pytest.fixture
def other() -> SigningKey:
    return p256(0xBADC0DE)
