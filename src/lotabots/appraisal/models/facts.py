"""What is known about a model when it is judged: who signed what, as far as that was verified."""

from datetime import datetime
from enum import StrEnum

import msgspec

from lotabots.models import FileEntry, Finding


class SignerKind(StrEnum):
    """By what a signer is known."""

    KEY = "key"
    CERTIFICATE = "certificate"
    SIGSTORE = "sigstore"


class Signer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose signature over this model was verified. Every digest is lowercase hex SHA-256."""

    kind: SignerKind
    id: str
    """The key's fingerprint; the leaf's subject as RFC 4514 writes it; the Sigstore identity."""
    key_sha256: str
    """Of the SubjectPublicKeyInfo (DER): whether two signatures were made with one key."""
    root_sha256: str = ""
    """Of the root certificate (DER) that the chain led to; for certificates."""
    issuer: str = ""
    """Who vouched for the identity to Sigstore's authority."""

    def __str__(self) -> str:
        """The signer in one line, for people."""
        match self.kind:
            case SignerKind.KEY:
                return f"key {self.key_sha256}"
            case SignerKind.CERTIFICATE:
                return f"certificate {self.id} under root {self.root_sha256}"
            case SignerKind.SIGSTORE:
                return f"identity {self.id} of {self.issuer}"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What the verified signatures say about the files that were read.

    Made only from bundles that verified against those files; what did not is a finding.
    """

    signers: tuple[Signer, ...]
    """Those of every signature that verified; whether they count is the policy's to say."""
    root: str
    """The model's identity: the hex root over names, sizes and digests of the files read."""
    files: tuple[FileEntry, ...]
    algorithm: str
    """Of the digests that were signed: `sha256`, `blake2b`, `blake3`."""
    findings: tuple[Finding, ...] = ()
    strong: tuple[Signer, ...] = ()
    """Those of `signers` that signed the statement that binds names, sizes and the root."""
    tensor_root: str = ""
    """The hex root over all tensors, where a strong statement signed it and it was compared."""
    ignored: tuple[str, ...] = ()
    """Paths that the signature leaves out."""
    name: str = ""
    """The model's name in the strong statement; empty where none names it."""
    version: str = ""
    """The model's version in the strong statement."""
    counter: int = 0
    """Never smaller in a later statement about the same model."""
    signed_at: datetime | None = None
    """When it was signed, by a signed statement or a log; the oldest of several."""
    not_after: datetime | None = None
    """Until when the strong statement says that it is valid."""
    derived_from: tuple[str, ...] = ()
    """Roots of the models that the strong statement says this one was made from."""
    cached: bool = False
    """A digest was remembered instead of computed."""


class Previous(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest version of this model that was accepted before."""

    version: str
    root: str
    counter: int = 0
