"""Keys of logs and witnesses, and the three kinds of signature they put under a note.

C2SP signed-note (0x01) and tlog-cosignature (0x04, 0x06). A log signs with 0x01 and 0x06, a witness
with 0x04 or 0x06; the ML-DSA kind says under which name and at what time, and holds against a
quantum computer.
"""

from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from lotabots.kernel import LotaError, decode_base64, encode_base64, invalid
from lotabots.tlog.heads import Checkpoint

MAX_NAME_BYTES = 255
MAX_VKEY = 4096
"""Letters in a written key: a name, 8 digits and 1,313 bytes in base64."""
MAX_TIME = 2**63 - 1
SEED_BYTES = 32


class Algorithm(IntEnum):
    """The byte that names a kind of signature (C2SP signed-note, Signature types)."""

    ED25519 = 0x01
    """Over the text of the note, without a time."""
    COSIGNATURE = 0x04
    """Ed25519 with the time at which a witness saw the checkpoint."""
    ML_DSA_44 = 0x06
    """The same with ML-DSA-44, and over the name of the signer too; of witnesses and logs."""


KEY_BYTES = {Algorithm.ED25519: 32, Algorithm.COSIGNATURE: 32, Algorithm.ML_DSA_44: 1312}
SIGNATURE_BYTES = {Algorithm.ED25519: 64, Algorithm.COSIGNATURE: 72, Algorithm.ML_DSA_44: 2428}
"""With the 8 bytes of the time, where there is one."""


class NoteVerifier:
    """A public key, its name and its one kind of signature. Raises `TLOG_KEY`."""

    __slots__ = ("_key", "algorithm", "key_id", "name", "public")

    def __init__(self, algorithm: Algorithm, name: str, public: bytes) -> None:
        if not is_name(name):
            raise _no_key("its name is not 1 to 255 bytes without spaces and plus signs")
        if len(public) != KEY_BYTES[algorithm]:
            raise _no_key(f"{len(public)} bytes are not one of its kind")
        self.algorithm, self.name, self.public = algorithm, name, public
        self.key_id = sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]
        self._key: Ed25519PublicKey | MLDSA44PublicKey
        try:
            if algorithm is Algorithm.ML_DSA_44:
                self._key = MLDSA44PublicKey.from_public_bytes(public)
            else:
                self._key = Ed25519PublicKey.from_public_bytes(public)
        except ValueError as error:
            raise _no_key("it is no public key") from error

    def vkey(self) -> str:
        """The key as C2SP signed-note writes it: name, key id in hex, kind and key in base64."""
        material = encode_base64(bytes([self.algorithm]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{material}"

    @classmethod
    def parse(cls, vkey: str) -> "NoteVerifier":
        """The key of which `vkey` is the writing. Raises `TLOG_KEY`."""
        name, key_id, material = (*vkey.split("+", 2), "", "")[:3]
        if len(vkey) > MAX_VKEY:
            raise _no_key("it is too long")
        try:
            kind, *_ = data = decode_base64(material)
            verifier = cls(Algorithm(kind), name, data[1:])
        except (ValueError, LotaError) as error:
            if isinstance(error, LotaError) and error.code == "TLOG_KEY":
                raise
            raise _no_key("it is of no kind that is known here") from error
        if verifier.key_id.hex() != key_id:
            raise _no_key("its key id is that of another key")
        return verifier

    def verify(self, text: str, signature: bytes) -> int:
        """The time of a true signature, in seconds since 1970 (0: it says none).

        Raises `TLOG_SIGNATURE` for any other.
        """
        try:
            if len(signature) != SIGNATURE_BYTES[self.algorithm]:
                raise _no_signature(self.name)
            at = 0 if self.algorithm is Algorithm.ED25519 else _time(signature[:8])
            start = 0 if self.algorithm is Algorithm.ED25519 else 8
            self._key.verify(signature[start:], _message(self.algorithm, self.name, text, at))
        except InvalidSignature as error:
            raise _no_signature(self.name) from error
        except LotaError as error:  # no checkpoint, no time: nothing that was ever signed
            raise _no_signature(self.name) from error
        return at


class NoteSigner:
    """A private key from its seed of 32 bytes; `verifier` is the public half."""

    __slots__ = ("_key", "verifier")

    def __init__(self, algorithm: Algorithm, name: str, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise _no_key("its seed has not 32 bytes")
        self._key: Ed25519PrivateKey | MLDSA44PrivateKey
        if algorithm is Algorithm.ML_DSA_44:
            self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        else:
            self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = NoteVerifier(algorithm, name, self._key.public_key().public_bytes_raw())

    def sign(self, text: str, at: int = 0) -> str:
        """The signature line under this text, made at that time (seconds since 1970).

        `at` goes into a cosignature; 0 says no time. An ML-DSA key signs checkpoints only: raises
        `TLOG_CHECKPOINT` for any other text.
        """
        ours = self.verifier
        signature = self._key.sign(_message(ours.algorithm, ours.name, text, at))
        when = b"" if ours.algorithm is Algorithm.ED25519 else at.to_bytes(8, "big")
        return f"\u2014 {ours.name} {encode_base64(ours.key_id + when + signature)}\n"


def is_name(name: str) -> bool:
    """Whether a key may be called this (C2SP signed-note, Format)."""
    plain = name.isprintable() and "+" not in name and not any(c.isspace() for c in name)
    return plain and 1 <= len(name.encode()) <= MAX_NAME_BYTES


def _message(algorithm: Algorithm, name: str, text: str, at: int) -> bytes:
    """The bytes under the signature (C2SP tlog-cosignature, Signed message)."""
    match algorithm:
        case Algorithm.ED25519:
            return text.encode()
        case Algorithm.COSIGNATURE:
            return f"cosignature/v1\ntime {at}\n{text}".encode()
        case Algorithm.ML_DSA_44:
            head = Checkpoint.parse(text)
            return b"".join(
                (
                    b"subtree/v1\n\0",
                    _short(name),
                    at.to_bytes(8, "big"),
                    _short(head.origin),
                    bytes(8),  # the first leaf: a checkpoint is about all of them
                    head.size.to_bytes(8, "big"),
                    head.root,
                )
            )


def _short(text: str) -> bytes:
    """A byte for the length, and the text (RFC 8446 section 3.4)."""
    data = text.encode()
    return bytes([len(data)]) + data


def _time(data: bytes) -> int:
    at = int.from_bytes(data, "big")
    if at > MAX_TIME:
        raise invalid("TLOG_SIGNATURE", "A signature says a time beyond all calendars.")
    return at


def _no_key(why: str) -> LotaError:
    return invalid("TLOG_KEY", f"This is no key of a log or witness: {why}.")


def _no_signature(name: str) -> LotaError:
    return invalid("TLOG_SIGNATURE", f"The signature of {name} is not one over this text.")
