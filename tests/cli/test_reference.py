"""A bundle is packed, looked at and refused as its signer and its reader would do it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.kernel import SigningKey

Run = Callable[..., Any]


@pytest.fixture
def signer(tmp_path: Path) -> tuple[Path, Path]:
    """The private and the public half of one key, as PEM files."""
    private = generate_private_key(SECP256R1())
    pem, public = tmp_path / "signer.pem", tmp_path / "signer.pub"
    pem.write_bytes(SigningKey(private).to_pem())
    spki = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(spki)
    return pem, public


@pytest.fixture
def bundle(lotabots: Run, signer: tuple[Path, Path], tmp_path: Path) -> Path:
    """A bundle of one file."""
    (tmp_path / "values").mkdir()
    (tmp_path / "values" / "a.txt").write_text("a")
    out = tmp_path / "a.bundle"
    packed = lotabots(
        *("reference", "pack", tmp_path / "values", "--name", "rack", "--number", 1),
        *("--key", signer[0], "--out", out),
    )
    assert packed.status == 0, packed.err
    return out


@pytest.mark.parametrize("half", [0, 1], ids=["private", "public"])
def test_a_bundle_is_inspected_with_either_half_of_its_signers_key(
    lotabots: Run, signer: tuple[Path, Path], bundle: Path, half: int
) -> None:
    shown = lotabots("reference", "inspect", bundle, "--key", signer[half])
    assert (shown.status, "a.txt" in shown.out) == (0, True), shown.err


def test_the_key_set_of_a_signer_is_printed_and_opens_its_bundle(
    lotabots: Run, signer: tuple[Path, Path], bundle: Path, tmp_path: Path
) -> None:
    printed = lotabots("reference", "keys", signer[1])
    assert "d" not in json.loads(printed.out)["keys"][0]
    jwks = tmp_path / "trusted.json"
    jwks.write_text(printed.out)
    assert lotabots("reference", "inspect", bundle, "--jwks", jwks).status == 0


def test_a_bundle_of_another_signer_and_a_file_that_is_no_key_are_refused(
    lotabots: Run, bundle: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(SigningKey(generate_private_key(SECP256R1())).to_pem())
    refused = lotabots("reference", "inspect", bundle, "--key", other)
    assert (refused.status, "REFERENCE_SIGNER_UNKNOWN" in refused.err) == (4, True)
    refused = lotabots("reference", "keys", bundle)
    assert (refused.status, "KEY_MALFORMED" in refused.err) == (4, True)
