"""Sigstore's root of trust as a file: its authorities, its logs, and when each was in use.

Source: sigstore_trustroot.proto (protobuf-specs), as JSON of version 0.1 or 0.2. The file comes
from the operator and is trusted; what cannot be used of it is left out, so what needs it fails.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import load_der_public_key

from lotabots.kernel import Json, LotaError, decode_base64, invalid, parse_time, sha256, strict_json
from lotabots.models.chains import Certificate, load_certificate

MAX_TRUSTED_ROOT_BYTES = 1024 * 1024


class LogKey:
    """A key that signs for a log of Sigstore: ECDSA on P-256 or P-384, or Ed25519."""

    def __init__(self, key: EllipticCurvePublicKey | Ed25519PublicKey) -> None:
        self._key = key

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Whether this key made the signature."""
        try:
            if isinstance(self._key, Ed25519PublicKey):
                self._key.verify(signature, data)
            else:
                hashed = SHA384() if self._key.curve.name == "secp384r1" else SHA256()
                self._key.verify(signature, data, ECDSA(hashed))
        except InvalidSignature:
            return False
        return True


class Period(msgspec.Struct, frozen=True):
    """When something was in use; open at its end if that is not known."""

    start: datetime
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies in it, both ends included."""
        return self.start <= moment and (self.end is None or moment <= self.end)


class TrustedLog(msgspec.Struct, frozen=True, eq=False):
    """A transparency log, of signatures or of certificates."""

    id: bytes
    key: LogKey
    period: Period


class Authority(msgspec.Struct, frozen=True, eq=False):
    """A certificate authority: its certificates, the root last."""

    certificates: tuple[Certificate, ...]
    period: Period


class TrustedRoot(msgspec.Struct, frozen=True, eq=False):
    """Whom a Sigstore signature is checked against."""

    authorities: tuple[Authority, ...]
    logs: tuple[TrustedLog, ...]
    certificate_logs: tuple[TrustedLog, ...]


def load_trusted_root(data: bytes) -> TrustedRoot:
    """The root of trust in this file. Raises `MODEL_TRUSTED_ROOT`."""
    try:
        value = strict_json(data, max_bytes=MAX_TRUSTED_ROOT_BYTES)
        if not isinstance(value, dict) or "trustedroot" not in str(value.get("mediaType")):
            raise _malformed("it has no mediaType of a trusted root")
        return TrustedRoot(
            tuple(_authority(one) for one in _list(value, "certificateAuthorities")),
            _logs(value, "tlogs"),
            _logs(value, "ctlogs"),
        )
    except LotaError as error:
        if error.code == "MODEL_TRUSTED_ROOT":
            raise
        raise _malformed(error.code) from error


def _logs(value: Mapping[str, Json], name: str) -> tuple[TrustedLog, ...]:
    logs = []
    for one in _list(value, name):
        match one:
            case {"publicKey": {"rawBytes": str(raw), "validFor": dict(period)}, **rest}:
                key = _log_key(decode_base64(raw))
                if key is not None:
                    given = rest.get("logId")
                    text = given.get("keyId") if isinstance(given, dict) else None
                    known = decode_base64(text) if isinstance(text, str) else b""
                    logs.append(
                        TrustedLog(known or sha256(decode_base64(raw)), key, _period(period))
                    )
            case _:
                raise _malformed(f"an entry of {name} has no key with its period")
    return tuple(logs)


def _log_key(der: bytes) -> LogKey | None:
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _malformed("a key of a log is none") from error
    usable = isinstance(key, Ed25519PublicKey) or (
        isinstance(key, EllipticCurvePublicKey) and key.curve.name in {"secp256r1", "secp384r1"}
    )
    return LogKey(key) if usable else None  # type: ignore[arg-type]  # narrowed by `usable`


def _authority(value: Json) -> Authority:
    match value:
        case {"certChain": {"certificates": [_, *_] as chain}, "validFor": dict(period)}:
            texts = [one.get("rawBytes") for one in chain if isinstance(one, dict)]
            certificates = [load_certificate(decode_base64(str(text))) for text in texts]
            return Authority(tuple(certificates), _period(period))
        case _:
            raise _malformed("an authority has no certificates with their period")


def _period(value: Mapping[str, Json]) -> Period:
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, str) or not (end is None or isinstance(end, str)):
        raise _malformed("a period has no start")
    return Period(parse_time(start), parse_time(end) if end else None)


def _list(value: Mapping[str, Json], name: str) -> list[Json]:
    found = value.get(name, [])
    if not isinstance(found, list):
        raise _malformed(f"{name} is no list")
    return found


def _malformed(why: str) -> LotaError:
    return invalid("MODEL_TRUSTED_ROOT", f"This is no trusted root of Sigstore: {why}.")
