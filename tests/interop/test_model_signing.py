"""The reference implementation verifies what we sign, and we verify what it signs.

It needs 33 packages from an index, so it is long: `make test-long`, or name this file.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from models.signing.material import Authority, hashed, key_pem

from lotabots.kernel import canonical, strict_json
from lotabots.models import (
    Algorithm,
    Identity,
    Leniency,
    MemoryTree,
    Options,
    SigstoreTrust,
    Trust,
    Verified,
    load_signing_key,
    load_trusted_root,
    manifest_of,
    open_bundle,
    sign_manifest,
    verify_bundle,
)

pytestmark = pytest.mark.long

FILES = {
    "config.json": b"{}",
    "weights/a.bin": b"0123456789abcdefghijklmnopqrstuvwxyz",
    "weights-b.bin": b"x" * 1000,
    "weights.c": b"y",
}
NOW = datetime.now(UTC)
SIGN = """
import sys, json
from model_signing import hashing, signing
given = json.loads(sys.argv[1])
config = hashing.Config()
if given["shard"]:
    config.use_shard_serialization(hashing_algorithm=given["hash"], shard_size=given["shard"])
else:
    config.use_file_serialization(hashing_algorithm=given["hash"])
signer = signing.Config().set_hashing_config(config)
if given["chain"]:
    signer.use_certificate_signer(private_key=given["key"], signing_certificate=given["chain"][0],
                                  certificate_chain=given["chain"][1:])
else:
    signer.use_elliptic_key_signer(private_key=given["key"])
signer.sign(given["model"], given["bundle"])
"""
VERIFY = """
import sys, json
from model_signing import verifying
given = json.loads(sys.argv[1])
config = verifying.Config()
if given["roots"]:
    config.use_certificate_verifier(certificate_chain=given["roots"])
else:
    config.use_elliptic_key_verifier(public_key=given["key"])
config.verify(given["model"], given["bundle"])
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).write_bytes(data)
    return tmp_path / "model"


@pytest.fixture
def reference(model_signing: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(program: str, **given: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, json.dumps(given, default=str)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(model_signing)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


Reference = Callable[..., subprocess.CompletedProcess[str]]
CURVES = [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
@pytest.mark.parametrize("algorithm", [Algorithm.SHA256, Algorithm.BLAKE3])
def test_the_reference_verifies_what_we_sign(
    model: Path, tmp_path: Path, reference: Reference, algorithm: Algorithm, curve: ec.EllipticCurve
) -> None:
    key = load_signing_key(key_pem(curve))
    files = hashed(MemoryTree(FILES), algorithm).files
    (tmp_path / "model.sig").write_bytes(sign_manifest(manifest_of("model", files, algorithm), key))
    (tmp_path / "key.pub").write_bytes(key.public.pem)
    given = {
        "roots": [],
        "key": tmp_path / "key.pub",
        "model": model,
        "bundle": tmp_path / "model.sig",
    }
    ran = reference(VERIFY, **given)
    assert ran.returncode == 0, ran.stderr
    (model / "config.json").write_bytes(b"[]")
    assert "Hash mismatch for 'config.json'" in reference(VERIFY, **given).stderr


def test_the_reference_verifies_our_certificates(
    model: Path, tmp_path: Path, reference: Reference
) -> None:
    root = Authority()
    key = load_signing_key(key_pem())
    files = hashed(MemoryTree(FILES)).files
    manifest = manifest_of("model", files, Algorithm.SHA256)
    (tmp_path / "model.sig").write_bytes(sign_manifest(manifest, key, [root.leaf(key)]))
    (tmp_path / "root.pem").write_bytes(root.pem)
    bundle = tmp_path / "model.sig"
    ran = reference(VERIFY, roots=[tmp_path / "root.pem"], model=model, bundle=bundle)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    ("name", "algorithm", "shard"),
    [
        ("sha256", Algorithm.SHA256, 0),
        ("blake2", Algorithm.BLAKE2B, 0),
        ("blake3", Algorithm.BLAKE3, 0),
        ("sha256", Algorithm.SHA256, 16),
        ("blake2", Algorithm.BLAKE2B, 2),
    ],
)
def test_we_verify_what_the_reference_signs(
    model: Path,
    tmp_path: Path,
    reference: Reference,
    name: str,
    algorithm: Algorithm,
    shard: int,
) -> None:
    pem = key_pem(ec.SECP384R1())
    (tmp_path / "key.pem").write_bytes(pem)
    bundle = tmp_path / "model.sig"
    ran = reference(
        SIGN,
        hash=name,
        shard=shard,
        chain=[],
        key=tmp_path / "key.pem",
        model=model,
        bundle=bundle,
    )
    assert ran.returncode == 0, ran.stderr
    trust = Trust(keys=(load_signing_key(pem).public,))
    verified = judged(bundle.read_bytes(), FILES, trust, algorithm)
    assert verified.holds, verified.findings
    assert {one.code for one in verified.findings} == {"STRONG-MISSING"}
    changed = {**FILES, "weights/a.bin": FILES["weights/a.bin"][:-1] + b"!"}
    refused = judged(bundle.read_bytes(), changed, trust, algorithm)
    wrong = [(one.path, one.offset) for one in refused.findings if one.code == "FILE-MODIFIED"]
    last = (len(FILES["weights/a.bin"]) - 1) // shard * shard if shard else None
    assert wrong == [("weights/a.bin", last)]


def test_we_verify_the_certificates_of_the_reference(
    model: Path, tmp_path: Path, reference: Reference
) -> None:
    root = Authority()
    pem = key_pem()
    leaf = root.leaf(load_signing_key(pem))
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "leaf.pem").write_bytes(leaf.parsed.public_bytes(Encoding.PEM))
    (tmp_path / "root.pem").write_bytes(root.pem)
    bundle = tmp_path / "model.sig"
    ran = reference(
        SIGN,
        hash="sha256",
        shard=0,
        chain=[tmp_path / "leaf.pem", tmp_path / "root.pem"],
        key=tmp_path / "key.pem",
        model=model,
        bundle=bundle,
    )
    assert ran.returncode == 0, ran.stderr
    assert judged(bundle.read_bytes(), FILES, Trust(roots=(root.loaded,))).holds
    other = judged(bundle.read_bytes(), FILES, Trust(roots=(Authority().loaded,)))
    assert "CHAIN-UNTRUSTED" in {one.code for one in other.findings}


def judged(
    bundle: bytes, files: dict[str, bytes], trust: Trust, algorithm: Algorithm = Algorithm.SHA256
) -> Verified:
    tree = MemoryTree(files)
    return verify_bundle(bundle, trust, hashed(tree, algorithm), tree, NOW, Options())


@pytest.fixture
def public_sigstore(model_signing: Path) -> bytes:
    """The trusted root of the public instance, as the sigstore package brings it."""
    store = model_signing / "sigstore" / "_store"
    return (store / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev" / "trusted_root.json").read_bytes()


SIGNER = Identity("stefanb@us.ibm.com", "https://sigstore.verify.ibm.com/oauth2")


def test_a_signature_of_the_public_sigstore_holds_without_a_network(
    vectors: Path, public_sigstore: bytes
) -> None:
    path = vectors / "model" / "oms-spec" / "v1.0" / "valid" / "sigstore.bundle.json"
    root = load_trusted_root(public_sigstore)
    trust = Trust(sigstore=SigstoreTrust(root, (SIGNER,)))
    opened = open_bundle(path.read_bytes(), trust, Leniency(), NOW)
    assert opened.findings == ()
    assert [signer.id for signer in opened.signers] == [SIGNER.identity]
    assert opened.signers[0].signed_at == "2025-10-10T02:12:20Z"


def test_a_signature_of_the_public_sigstore_is_refused_with_anything_changed_in_its_log_entry(
    vectors: Path, public_sigstore: bytes
) -> None:
    path = vectors / "model" / "oms-spec" / "v1.0" / "valid" / "sigstore.bundle.json"
    trust = Trust(sigstore=SigstoreTrust(load_trusted_root(public_sigstore), (SIGNER,)))
    for change in (
        {"integratedTime": "1760062341"},
        {"logIndex": "598151087"},
        {"logId": {"keyId": "AAAA"}},
        {"inclusionPromise": {"signedEntryTimestamp": "MEQ="}},
    ):
        value = strict_json(path.read_bytes(), max_bytes=10**6)
        value["verificationMaterial"]["tlogEntries"][0].update(change)  # type: ignore[index, call-overload, union-attr]
        opened = open_bundle(canonical(value), trust, Leniency(), NOW)
        assert opened.findings, change
        assert opened.signers == ()
