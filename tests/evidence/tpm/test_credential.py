"""A credential opens for the TPM with that endorsement key and attestation key, and no other."""

import hashlib
import hmac
from typing import NamedTuple

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from evidence.tpm.forge import AK, EK, PrivateKey, ec_key, public_area, rsa_key
from hypothesis import given
from hypothesis import strategies as st

from lotabots.evidence.schemes.tpm import (
    RANDOMNESS,
    check_endorsement_key,
    make_credential,
    read_public,
)
from lotabots.kernel import LotaError

SECRET = b"s" * 32
NAME = read_public(public_area(ec_key())).name
RANDOM = bytes(range(RANDOMNESS))
AES128, AES256 = bytes.fromhex("000600800043"), bytes.fromhex("000601000043")


class Kind(NamedTuple):
    """An endorsement key, as one of the TCG's templates makes it."""

    key: PrivateKey
    area: bytes
    digest: HashAlgorithm
    aes: int


def _kind(key: PrivateKey, *, high: bool = False) -> Kind:
    area = public_area(
        key,
        attributes=EK,
        scheme=0x0010,
        symmetric=AES256 if high else AES128,
        name_alg=0x000C if high else 0x000B,
        policy=b"p" * (48 if high else 32),
    )
    return Kind(key, area, SHA384() if high else SHA256(), 32 if high else 16)


KINDS = {
    "RSA 2048": _kind(rsa_key()),
    "ECC P-256": _kind(ec_key(5)),
    "ECC P-384": _kind(ec_key(0, ec.SECP384R1()), high=True),
}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def fields(data: bytes) -> list[bytes]:
    """The TPM2Bs that follow each other in these bytes."""
    found = []
    while data:
        size = int.from_bytes(data[:2])
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return found


def activated(kind: Kind, credential: bytes, name: bytes = NAME) -> bytes:
    """What a TPM with this key gives out: TPM2_ActivateCredential, from the specification alone."""
    identity, encrypted_seed = fields(credential)
    size = int.from_bytes(identity[:2])
    code, sealed = identity[2 : 2 + size], identity[2 + size :]
    seed = _seed(kind, encrypted_seed)
    key = kdfa(kind, seed, b"INTEGRITY", b"", kind.digest.digest_size)
    if not hmac.compare_digest(hmac.digest(key, sealed + name, kind.digest.name), code):
        raise InvalidTag
    aes = Cipher(algorithms.AES(kdfa(kind, seed, b"STORAGE", name, kind.aes)), CFB(bytes(16)))
    (secret,) = fields(aes.decryptor().update(sealed))
    return secret


def _seed(kind: Kind, encrypted: bytes) -> bytes:
    if isinstance(kind.key, rsa.RSAPrivateKey):
        oaep = padding.OAEP(padding.MGF1(kind.digest), kind.digest, b"IDENTITY\0")
        return kind.key.decrypt(encrypted, oaep)
    x, y = (int.from_bytes(number) for number in fields(encrypted))
    point = ec.EllipticCurvePublicNumbers(x, y, kind.key.curve).public_key()
    shared = kind.key.exchange(ec.ECDH(), point)
    size = len(shared)
    own = kind.key.public_key().public_numbers().x.to_bytes(size)
    other = b"IDENTITY\0" + x.to_bytes(size) + own
    return hashlib.new(kind.digest.name, (1).to_bytes(4) + shared + other).digest()


def kdfa(kind: Kind, key: bytes, label: bytes, context: bytes, size: int) -> bytes:
    """KDFa (Part 1, section 11.4.10.2), for outputs of one block."""
    fixed = label + b"\0" + context + (size * 8).to_bytes(4)
    return hmac.digest(key, (1).to_bytes(4) + fixed, kind.digest.name)[:size]


@kinds
def test_the_tpm_that_it_was_made_for_opens_it(kind: Kind) -> None:
    credential = make_credential(read_public(kind.area), NAME, SECRET, RANDOM)
    assert activated(kind, credential) == SECRET
    assert credential == make_credential(read_public(kind.area), NAME, SECRET, RANDOM)


@given(st.binary(min_size=1, max_size=32), st.binary(min_size=RANDOMNESS, max_size=RANDOMNESS))
def test_every_secret_comes_out_whatever_the_randomness(secret: bytes, randomness: bytes) -> None:
    for kind in KINDS.values():
        credential = make_credential(read_public(kind.area), NAME, secret, randomness)
        assert activated(kind, credential) == secret


@kinds
def test_it_does_not_open_for_another_attestation_key_or_when_changed(kind: Kind) -> None:
    credential = make_credential(read_public(kind.area), NAME, SECRET, RANDOM)
    other = read_public(public_area(ec_key(1))).name
    with pytest.raises(InvalidTag):
        activated(kind, credential, other)
    changed = bytearray(credential)
    changed[2 + 2 + kind.digest.digest_size] ^= 1
    with pytest.raises(InvalidTag):
        activated(kind, bytes(changed))


@kinds
def test_other_randomness_makes_another_credential(kind: Kind) -> None:
    made = {make_credential(read_public(kind.area), NAME, SECRET, bytes([n]) * 96) for n in (1, 2)}
    assert len(made) == 2


@pytest.mark.parametrize("lengths", [(96, 34, 0), (96, 34, 33), (95, 34, 32), (96, 32, 32)])
def test_a_secret_name_or_randomness_of_a_wrong_length_is_our_own_fault(
    lengths: tuple[int, int, int],
) -> None:
    randomness, name, secret = map(bytes, lengths)
    with pytest.raises(ValueError, match="a name has 34 or 50 bytes"):
        make_credential(read_public(KINDS["ECC P-256"].area), name, secret, randomness)


def test_a_key_that_signs_or_leaves_its_tpm_is_no_endorsement_key() -> None:
    check_endorsement_key(read_public(KINDS["RSA 2048"].area))
    free = public_area(ec_key(5), attributes=EK & ~(1 << 1), symmetric=AES128, scheme=0x0010)
    bare = public_area(ec_key(5), attributes=EK)
    for area in (public_area(ec_key(), attributes=AK), free, bare):
        with pytest.raises(LotaError, match="TPM-EK-UNFIT"):
            make_credential(read_public(area), NAME, SECRET, RANDOM)
