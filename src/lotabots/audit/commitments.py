"""Persons as the log knows them: commitments that only their own secret opens, and sealed texts.

A commitment is SHA-256(salt || text in UTF-8), and the salt is 32 bytes of HMAC-SHA-512(secret,
"lotabots/v1/commitment/" || entry id, 16 bytes || "/" || field). So whoever is shown one salt can
check one field of one entry; without the secret no two fields can be told to be of one person; and
with the secret destroyed nothing leads from the log to anyone, not even a right guess.
"""

import secrets
from collections.abc import Mapping
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lotabots.audit.types import Person
from lotabots.kernel import Kind, LotaError, hmac_sha512, sha256

SECRET_BYTES = 32

_SALT = b"lotabots/v1/commitment/"
_NONCE_BYTES = 12  # of AES-GCM (NIST SP 800-38D), random; a key seals few texts


class Secret:
    """What one person's commitments are salted with, and their texts sealed under."""

    __slots__ = ("_seal", "bytes")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError("the secret of a person has 32 bytes")
        self.bytes = secret
        self._seal = AESGCM(hmac_sha512(secret, b"lotabots/v1/seal")[:SECRET_BYTES])

    @classmethod
    def new(cls) -> "Secret":
        """One that nobody had before."""
        return cls(secrets.token_bytes(SECRET_BYTES))

    def salt(self, entry: UUID, field: str) -> bytes:
        """The salt of one field of one entry, 32 bytes: shown to an auditor, it opens no other."""
        return hmac_sha512(self.bytes, _SALT + entry.bytes + b"/" + field.encode())[:32]

    def commitment(self, entry: UUID, field: str, text: str) -> str:
        """What stands in the entry in the place of the text: 64 hex digits."""
        return sha256(self.salt(entry, field) + text.encode()).hex()

    def sealed(self, text: bytes, bound_to: bytes) -> bytes:
        """The text, to be opened with this secret in the same place only."""
        return seal(self._seal, text, bound_to)

    def opened(self, sealed: bytes, bound_to: bytes) -> bytes:
        """The text that was sealed. Raises `AUDIT_SEAL_BROKEN`."""
        return unseal(self._seal, sealed, bound_to)


class Disclosed(msgspec.Struct, frozen=True):
    """A personal field of an entry in clear text, with what proves it against the entry."""

    text: str
    salt: str
    """32 bytes in hex: SHA-256(salt || text) is what stands in the entry."""


class PersonKeys:
    """Seals the secrets of persons, and finds persons without saying who they are.

    Both keys are derived from the key that seals the keyring: they are in no database.
    """

    def __init__(self, sealing: bytes, finding: bytes) -> None:
        self._seal = AESGCM(sealing)
        self._finding = finding

    def lookup(self, tenant: UUID, person: Person) -> bytes:
        """By what a person is found, 32 bytes: no guess can be tried without the key."""
        return hmac_sha512(self._finding, tenant.bytes + person.ref.encode())[:32]

    def sealed(self, secret: Secret, person: UUID) -> bytes:
        """The secret of the person with this row."""
        return seal(self._seal, secret.bytes, person.bytes)

    def opened(self, sealed: bytes, person: UUID) -> Secret:
        """The secret of the person with this row. Raises `AUDIT_SEAL_BROKEN`."""
        return Secret(unseal(self._seal, sealed, person.bytes))


def disclosed(secret: Secret, entry: UUID, fields: Mapping[str, str]) -> dict[str, Disclosed]:
    """These fields of the entry, each with its salt."""
    return {name: Disclosed(text, secret.salt(entry, name).hex()) for name, text in fields.items()}


def seal(key: AESGCM, text: bytes, bound_to: bytes) -> bytes:
    """Nonce and ciphertext."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + key.encrypt(nonce, text, bound_to)


def unseal(key: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    """The text. Raises `AUDIT_SEAL_BROKEN`."""
    try:
        return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as error:
        detail = "Sealed data of a person does not open: another master key, or changed bytes."
        raise LotaError(Kind.INTERNAL, "AUDIT_SEAL_BROKEN", detail) from error
