"""A published quote, its keys and a credential made by another program are read as they are."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from lotabots.evidence import Caches
from lotabots.evidence.schemes.tpm import (
    check_attestation_key,
    check_endorsement_key,
    make_credential,
    read_public,
    verify_quote,
    without_size,
)
from lotabots.kernel import LotaError

HEADER = bytes.fromhex("badcc0de00000001")
"""What tpm2-tools write before the two fields of a credential."""


@pytest.fixture
def folder(vectors: Path) -> Path:
    return vectors / "tpm" / "keylime-tpm-quote"


def spki(pem: Path) -> bytes:
    key = load_pem_public_key(pem.read_bytes())
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_the_published_keys_have_the_names_and_numbers_that_their_tpm_gave_them(
    folder: Path,
) -> None:
    ak = read_public(without_size((folder / "ak.pub").read_bytes()))
    ek = read_public(without_size((folder / "ek.pub").read_bytes()))
    assert ak.name == (folder / "ak.name").read_bytes()
    assert (ak.spki, ek.spki) == (spki(folder / "akpub.pem"), spki(folder / "ekpub.pem"))
    check_attestation_key(ak.data, Caches())
    check_endorsement_key(ek)


def test_the_published_quote_verifies_with_its_key_and_its_nonce(folder: Path) -> None:
    ak = without_size((folder / "ak.pub").read_bytes())
    quote, signature = ((folder / name).read_bytes() for name in ("quote.out", "quotesig.out"))
    nonce = (folder / "rand.out").read_bytes()
    found = verify_quote(ak, quote, signature, nonce, Caches())
    assert (found.pcrs, found.clock, found.safe) == ((15, 16, 22), 5994, True)
    ek = without_size((folder / "ek.pub").read_bytes())
    for other in ((ak, quote, signature, nonce[1:]), (ek, quote, signature, nonce)):
        with pytest.raises(LotaError, match=r"TPM-NONCE-MISMATCH|TPM-AK-UNFIT"):
            verify_quote(*other, Caches())


def test_a_credential_has_the_fields_and_sizes_of_one_that_tpm2_tools_made(folder: Path) -> None:
    ak = read_public(without_size((folder / "ak.pub").read_bytes()))
    ek = read_public(without_size((folder / "ek.pub").read_bytes()))
    published = (folder / "mkcred.out").read_bytes()
    secret = (folder / "actcred.out").read_bytes()
    ours = HEADER + make_credential(ek, ak.name, secret, bytes(96))
    assert len(ours) == len(published)
    # The header, the size of the whole identity and of its HMAC, and the size of the seed.
    size = 10 + 2 + 32 + 2 + len(secret)
    assert ours[:12] == published[:12]
    assert ours[size : size + 2] == published[size : size + 2] == (256).to_bytes(2)
