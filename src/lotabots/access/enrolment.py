"""What a node and the server both compute when the node enrols and renews: one text, three values.

An enrolment token is `lote_` and base64url of: tenant (UUID, 16 bytes), id (UUID, 16 bytes), secret
(32 bytes), and the SHA-256 of the SubjectPublicKeyInfo of the CA that signs the server's HTTPS
certificate (32 bytes), or nothing where the server is reached by plain HTTP on loopback.
"""

from typing import NamedTuple
from uuid import UUID

from lotabots.kernel import (
    Kind,
    LotaError,
    decode_base64url,
    encode_base64url,
    hmac_sha256,
    sha256,
)

PREFIX = "lote_"
SECRET_BYTES = 32
DIGEST_BYTES = 32
_PLAIN_BYTES = 16 + 16 + SECRET_BYTES
_CHARACTERS = {len(PREFIX) + (size * 4 + 2) // 3 for size in (_PLAIN_BYTES, _PLAIN_BYTES + 32)}
_ACTIVATION = b"lotabots/v1/activation/"
_RENEWAL = b"lotabots/v1/renewal/"


class EnrolmentToken(NamedTuple):
    """What an enrolment token says. Whoever has its text can enrol one node, once."""

    tenant: UUID
    id: UUID
    secret: bytes
    server_ca: bytes | None
    """SHA-256 of the CA's SubjectPublicKeyInfo: an agent speaks with no other server."""

    def text(self) -> str:
        """The token as people copy it."""
        data = self.tenant.bytes + self.id.bytes + self.secret + (self.server_ca or b"")
        text = PREFIX + encode_base64url(data)
        if read_enrolment_token(text) != self:
            raise ValueError("a secret has 32 bytes, and so has the digest of a key")
        return text


def read_enrolment_token(text: str) -> EnrolmentToken:
    """The token of this text. Raises `ENROLMENT_TOKEN_INVALID` for what cannot be one."""
    try:
        if not text.startswith(PREFIX) or len(text) not in _CHARACTERS:
            raise _invalid_token()
        data = decode_base64url(text.removeprefix(PREFIX))
    except LotaError as error:
        raise _invalid_token() from error
    return EnrolmentToken(
        tenant=UUID(bytes=data[:16]),
        id=UUID(bytes=data[16:32]),
        secret=data[32:_PLAIN_BYTES],
        server_ca=data[_PLAIN_BYTES:] or None,
    )


def activation_proof(secret: bytes, enrolment: UUID, thumbprint: str) -> bytes:
    """What shows that a node has the secret that was made for its TPM, 32 bytes.

    HMAC-SHA-256(secret, "lotabots/v1/activation/" enrolment thumbprint), the enrolment as 16 bytes,
    the session key's RFC 7638 thumbprint as its 32.
    """
    _require_secret(secret)
    return hmac_sha256(secret, _ACTIVATION + enrolment.bytes + _digest_of(thumbprint))


def renewal_data(nonce: bytes, thumbprint: str) -> bytes:
    """What a quote has to carry (extraData) to renew a credential for this session key, 32 bytes.

    SHA-256("lotabots/v1/renewal/" nonce thumbprint), the nonce 32 bytes, the thumbprint its 32.
    """
    _require_secret(nonce)
    return sha256(_RENEWAL + nonce + _digest_of(thumbprint))


def _digest_of(thumbprint: str) -> bytes:
    digest = decode_base64url(thumbprint)
    if len(digest) != DIGEST_BYTES:
        raise ValueError("a thumbprint is a SHA-256 in base64url")
    return digest


def _require_secret(secret: bytes) -> None:
    if len(secret) != SECRET_BYTES:
        raise ValueError("a secret has 32 bytes, and so has a nonce")


def _invalid_token() -> LotaError:
    detail = "This is no enrolment token, or it was not copied whole."
    return LotaError(Kind.AUTHENTICATION, "ENROLMENT_TOKEN_INVALID", detail)
