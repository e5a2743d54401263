"""Models of 2 GiB in one, four and 64 files, and of 40 tiny ones, signed by the peer and by us."""

import json
import random
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from benchmarks.peers import BENCH
from lotabots.models import Algorithm, load_signing_key, manifest_of, sign_manifest
from lotabots.models.read import hash_tree, open_folder

FOLDER = BENCH / "models"
GIB = 2**30
SHAPES = {"one": (1, 2 * GIB), "m4": (4, GIB // 2), "m64": (64, GIB // 32), "tiny": (40, 50_000)}
TENSORS = 256
"""In the 2 GiB of each of the large ones together."""


def make(signer: Path) -> Path:
    """The folder with all models, their keys and bundles; made on first use. `signer`: the peer."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    block = random.Random(1).randbytes(2**26)
    for name, (count, size) in SHAPES.items():
        if (FOLDER / f"{name}.done").exists():
            continue
        (FOLDER / name).mkdir(exist_ok=True)
        for at in range(count):
            write(FOLDER / name / f"model-{at:02}.safetensors", size, TENSORS // count, block, at)
        (FOLDER / f"{name}.done").touch()
    if not (FOLDER / "key.pub").exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (FOLDER / "key.pem").write_bytes(pem)
        public = key.public_key()
        (FOLDER / "key.pub").write_bytes(
            public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
    for name in SHAPES:
        sign(signer, name)
    return FOLDER


def write(path: Path, size: int, tensors: int, block: bytes, seed: int) -> None:
    """A safetensors file of about this size; no two have the same bytes."""
    each = size // max(tensors, 1) // 4 * 4
    header = {
        f"model.layers.{seed * tensors + at}.weight": {
            "dtype": "F32",
            "shape": [each // 4],
            "data_offsets": [at * each, (at + 1) * each],
        }
        for at in range(max(tensors, 1))
    }
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        left = each * max(tensors, 1)
        while left:
            piece = (seed.to_bytes(8, "big") + left.to_bytes(8, "big") + block[16:])[:left]
            file.write(piece)
            left -= len(piece)


def sign(signer: Path, name: str) -> None:
    """The peer's bundle with SHA-256 (its default), and ours with BLAKE3."""
    model, plain = FOLDER / name, FOLDER / f"{name}.sha256.json"
    if not plain.exists():
        command = [str(signer), "sign", "key", "--private_key", str(FOLDER / "key.pem")]
        subprocess.run(
            [*command, "--signature", str(plain), str(model)], check=True, stdout=subprocess.DEVNULL
        )
    fast = FOLDER / f"{name}.blake3.json"
    if not fast.exists():
        with open_folder(model) as tree:
            hashed = hash_tree(tree, algorithm=Algorithm.BLAKE3)
        key = load_signing_key((FOLDER / "key.pem").read_bytes())
        fast.write_bytes(sign_manifest(manifest_of(name, hashed.files, Algorithm.BLAKE3), key))
