"""Who a rule trusts to sign, and how many distinct ones of them have signed."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from lotabots.appraisal.models import written
from lotabots.appraisal.models.facts import Signer, SignerKind
from lotabots.kernel import invalid, parse_time, sha256_hex


class TrustedSigner(msgspec.Struct, frozen=True, kw_only=True):
    """One signer that a rule trusts."""

    trusted: tuple[SignerKind, str, str]
    """By what it is known: a fingerprint; a root's digest and a subject; an identity and issuer."""
    pem: str = ""
    """The key itself, where the policy holds it."""
    until: datetime | None = None

    def is_signer(self, signer: Signer) -> bool:
        """Whether this verified signer is the one that is trusted, whatever the time."""
        return self.trusted == _known(signer)

    def lapsed(self, now: datetime) -> bool:
        """Whether the trust has ended."""
        return self.until is not None and now > self.until


def _known(signer: Signer) -> tuple[SignerKind, str, str]:
    match signer.kind:
        case SignerKind.KEY:
            return (signer.kind, signer.key_sha256, "")
        case SignerKind.CERTIFICATE:
            return (signer.kind, signer.root_sha256, signer.id)
        case SignerKind.SIGSTORE:
            return (signer.kind, signer.id, signer.issuer)


def read_signer(signer: written.Signer) -> TrustedSigner:
    """The signer as a rule writes it. Raises MODEL_POLICY_MALFORMED, TIME_MALFORMED."""
    until = None if signer.until is None else parse_time(signer.until)
    match (signer.key, signer.certificate, signer.sigstore):
        case (str(key), None, None):
            fingerprint, pem = _key(key)
            return TrustedSigner(trusted=(SignerKind.KEY, fingerprint, ""), pem=pem, until=until)
        case (None, written.Certificate(root=root, subject=subject), None):
            return TrustedSigner(trusted=(SignerKind.CERTIFICATE, root, subject), until=until)
        case (None, None, written.Sigstore(identity=identity, issuer=issuer)):
            return TrustedSigner(trusted=(SignerKind.SIGSTORE, identity, issuer), until=until)
        case _:
            detail = "a signer is exactly one of `key`, `certificate` and `sigstore`."
            raise invalid("MODEL_POLICY_MALFORMED", detail)


def _key(text: str) -> tuple[str, str]:
    """The fingerprint of a key, and its PEM where that is what was written."""
    if len(text) == 64 and not set(text) - set("0123456789abcdef"):
        return text, ""
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        detail = "a `key` is the PEM of a public key, or 64 lowercase hex digits."
        raise invalid("MODEL_POLICY_MALFORMED", detail) from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise invalid("MODEL_POLICY_MALFORMED", "models are signed with EC keys (P-256, 384, 521).")
    # Written anew: a blank line more in a policy must not make another key of it.
    spki = PublicFormat.SubjectPublicKeyInfo
    fingerprint = sha256_hex(key.public_bytes(Encoding.DER, spki))
    return fingerprint, key.public_bytes(Encoding.PEM, spki).decode()


def count_distinct(trusted: Sequence[TrustedSigner], signers: Sequence[Signer]) -> int:
    """How many of the trusted signers have signed, each with a key that no other one used.

    It is the size of a maximum matching between trusted signers and keys: who signed twice counts
    once, and so does one key that a rule lists under two names.
    """
    keys = {
        index: {signer.key_sha256 for signer in signers if one.is_signer(signer)}
        for index, one in enumerate(trusted)
    }
    owner: dict[str, int] = {}

    def place(index: int, tried: set[str]) -> bool:
        for key in sorted(keys[index] - tried):
            tried.add(key)
            if key not in owner or place(owner[key], tried):
                owner[key] = index
                return True
        return False

    return sum(place(index, set()) for index in keys)
