"""Small secrets as they rest in the database: sealed under keys that are in no database."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lotabots.kernel import Kind, LotaError, hkdf_sha512
from lotabots.runtime.keyring import Keyring

_NONCE_BYTES = 12  # of AES-GCM (NIST SP 800-38D), random; a key seals far fewer than 2**32 texts


class Seal:
    """Seals under a key that every process derives from the keyring's; `name` says what for."""

    def __init__(self, keyring: Keyring, name: str) -> None:
        self._key = keyring.derive(name)

    def sealed(self, text: bytes, bound_to: bytes, also: bytes = b"") -> bytes:
        """The text, to be opened in the same place only, and only by whoever has `also`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher(also).encrypt(nonce, text, bound_to)

    def opened(self, sealed: bytes, bound_to: bytes, also: bytes = b"") -> bytes:
        """The text. Raises `SEAL_BROKEN`."""
        try:
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._cipher(also).decrypt(nonce, rest, bound_to)
        except (InvalidTag, ValueError) as error:
            detail = "A sealed secret does not open: another master key, or changed bytes."
            raise LotaError(Kind.INTERNAL, "SEAL_BROKEN", detail) from error

    def _cipher(self, also: bytes) -> AESGCM:
        return AESGCM(hkdf_sha512(self._key + also, b"lotabots/v1/identity-seal", 32))
