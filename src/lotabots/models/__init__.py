"""What an AI model is, byte for byte: its files, tensors, signatures, and what is wrong with it."""

import importlib
from typing import TYPE_CHECKING

from lotabots.models.bundle import MAX_BUNDLE_BYTES
from lotabots.models.findings import Finding, Severity, finding
from lotabots.models.manifest import Manifest, Method, Resource, manifest_of
from lotabots.models.memory import Memory, MemoryTree
from lotabots.models.merkle import (
    TensorProof,
    check_tensor,
    merkle_root,
    prove_tensor,
    strong_root,
    tensor_root,
)
from lotabots.models.paths import GIT_NAMES, collisions, covered, flaw_of, read_by_loaders
from lotabots.models.signers import (
    ModelKey,
    ModelSigningKey,
    Signer,
    load_public_key,
    load_signing_key,
)
from lotabots.models.signing import files_to_sign, sign_manifest, sign_statement, sign_strong
from lotabots.models.strong import Ignored, StrongManifest
from lotabots.models.trust import Leniency, Trust
from lotabots.models.types import (
    Algorithm,
    Content,
    FileEntry,
    FileKind,
    Hashed,
    Listed,
    Parsed,
    TensorEntry,
    Tree,
)
from lotabots.models.verification import (
    Opened,
    OpenedStrong,
    Options,
    Verified,
    needless,
    open_bundle,
    open_strong,
    verify_bundle,
    verify_opened,
)

if TYPE_CHECKING:
    from lotabots.models.chains import Certificate, load_certificates
    from lotabots.models.sigstore import Identity, SigstoreTrust
    from lotabots.models.trusted_roots import load_trusted_root

_CERTIFIED = {
    "Certificate": "chains",
    "Identity": "sigstore",
    "SigstoreTrust": "sigstore",
    "load_certificates": "chains",
    "load_trusted_root": "trusted_roots",
}
"""What is loaded when it is asked for: X.509 is a fifth of the start of a command, and a signature
by a key alone needs none."""


def __getattr__(name: str) -> object:
    """The name from the module that has it (PEP 562)."""
    if name not in _CERTIFIED:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"lotabots.models.{_CERTIFIED[name]}"), name)


__all__ = [
    "GIT_NAMES",
    "MAX_BUNDLE_BYTES",
    "Algorithm",
    "Certificate",
    "Content",
    "FileEntry",
    "FileKind",
    "Finding",
    "Hashed",
    "Identity",
    "Ignored",
    "Leniency",
    "Listed",
    "Manifest",
    "Memory",
    "MemoryTree",
    "Method",
    "ModelKey",
    "ModelSigningKey",
    "Opened",
    "OpenedStrong",
    "Options",
    "Parsed",
    "Resource",
    "Severity",
    "Signer",
    "SigstoreTrust",
    "StrongManifest",
    "TensorEntry",
    "TensorProof",
    "Tree",
    "Trust",
    "Verified",
    "check_tensor",
    "collisions",
    "covered",
    "files_to_sign",
    "finding",
    "flaw_of",
    "load_certificates",
    "load_public_key",
    "load_signing_key",
    "load_trusted_root",
    "manifest_of",
    "merkle_root",
    "needless",
    "open_bundle",
    "open_strong",
    "prove_tensor",
    "read_by_loaders",
    "sign_manifest",
    "sign_statement",
    "sign_strong",
    "strong_root",
    "tensor_root",
    "verify_bundle",
    "verify_opened",
]
