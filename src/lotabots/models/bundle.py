"""Sigstore bundles around a signed statement: JSON of versions 0.1 to 0.3, read and written.

Sources: sigstore_bundle.proto, sigstore_common.proto, sigstore_rekor.proto (protobuf-specs);
OpenSSF Model Signing v1.0, section 4, and its section 11 for what older writers wrote.
"""

import msgspec

from lotabots.kernel import Json, LotaError, canonical, decode_base64, encode_base64
from lotabots.models.statement import PAYLOAD_TYPE, read_json, refuse

MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_BUNDLE_MARKS = 50_000
"""The statement inside is base64: all that is left outside it is small."""
MAX_SIGNATURES = 8
MAX_CERTIFICATES = 16
MAX_LOG_ENTRIES = 4

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_VERSIONS = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
    MEDIA_TYPE: "0.3",
}


class KeyMaterial(msgspec.Struct, frozen=True):
    """Which key signed: a hint, or (model-signing 0.3.1 to 1.0) the key itself as PEM."""

    hint: str
    """SHA-256 of the PEM text in hexadecimal; empty where none was given."""
    pem: bytes
    """The key as the bundle gives it; never trusted."""


class CertificateMaterial(msgspec.Struct, frozen=True):
    """X.509 certificates in DER, the leaf first, of an authority of the signer's choice."""

    certificates: tuple[bytes, ...]


class KeylessMaterial(msgspec.Struct, frozen=True):
    """A short-lived certificate of Sigstore's authority; what it is worth stands in the log."""

    certificates: tuple[bytes, ...]
    entries: tuple[Json, ...]
    """Entries of the transparency log, not looked at yet."""


Material = KeyMaterial | CertificateMaterial | KeylessMaterial


class Bundle(msgspec.Struct, frozen=True):
    """One bundle. Parsed is not trusted."""

    version: str
    material: Material
    payload: bytes
    signatures: tuple[bytes, ...]
    timestamps: bool
    """It carries RFC 3161 timestamps, which are not read here."""


def read_bundle(data: bytes) -> Bundle:
    """The bundle in these bytes. LotaError BUNDLE-*."""
    value = read_json(
        data, "BUNDLE-JSON", max_bytes=MAX_BUNDLE_BYTES, max_depth=10, max_marks=MAX_BUNDLE_MARKS
    )
    match value:
        case {
            "mediaType": str(media_type),
            "verificationMaterial": dict(material),
            "dsseEnvelope": dict(envelope),
            **rest,
        } if not rest:
            pass
        case _:
            parts = "mediaType, verificationMaterial and dsseEnvelope, and nothing else"
            raise _malformed(parts)
    version = _VERSIONS.get(media_type)
    if version is None:
        raise refuse("BUNDLE-VERSION", expected=MEDIA_TYPE, measured=media_type)
    payload, signatures = _envelope(envelope)
    return Bundle(
        version=version,
        material=_material(material, version),
        payload=payload,
        signatures=signatures,
        timestamps="timestampVerificationData" in material,
    )


def _envelope(value: dict[str, Json]) -> tuple[bytes, tuple[bytes, ...]]:
    match value:
        case {
            "payload": str(payload),
            "payloadType": str(payload_type),
            "signatures": [_, *_] as signatures,
            **rest,
        } if payload and not rest and len(signatures) <= MAX_SIGNATURES:
            pass
        case _:
            raise _malformed(f"a payload, its type and 1 to {MAX_SIGNATURES} signatures")
    if payload_type != PAYLOAD_TYPE:
        raise refuse("BUNDLE-PAYLOAD-TYPE", expected=PAYLOAD_TYPE, measured=payload_type)
    return _base64(payload), tuple(map(_signature, signatures))


def _signature(value: Json) -> bytes:
    # keyid is not used by model signing: it may be absent, null or any text (v1.0, section 5.1).
    match value:
        case {"sig": str(signature), **rest} if signature and set(rest) <= {"keyid"}:
            if rest.get("keyid") is None or isinstance(rest["keyid"], str):
                return _base64(signature)
    raise _malformed("signatures with sig and keyid")


def _material(value: dict[str, Json], version: str) -> Material:
    entries = value.get("tlogEntries", [])
    if not isinstance(entries, list) or len(entries) > MAX_LOG_ENTRIES:
        raise _malformed(f"at most {MAX_LOG_ENTRIES} entries of a log")
    kinds = [kind for kind in _KINDS if kind in value]
    unknown = set(value) - {*_KINDS, "tlogEntries", "timestampVerificationData"}
    if len(kinds) != 1 or unknown:
        raise _malformed(f"exactly one of {', '.join(_KINDS)}")
    match value[kinds[0]]:
        case {"certificates": [_, *_] as chain} if kinds == ["x509CertificateChain"]:
            if len(chain) > MAX_CERTIFICATES:
                raise _malformed(f"at most {MAX_CERTIFICATES} certificates")
            certificates = tuple(map(_certificate, chain))
            # Before 0.3 Sigstore wrote its certificate as a chain too; the log tells them apart.
            if entries and version != "0.3":
                return KeylessMaterial(certificates, tuple(entries))
            return CertificateMaterial(certificates)
        case {"rawBytes": str()} as one if kinds == ["certificate"]:
            return KeylessMaterial((_certificate(one),), tuple(entries))
        case dict(key) if kinds == ["publicKey"]:
            return _key(key)
    raise _malformed(f"a {kinds[0]} as model signing writes it")


_KINDS = ("publicKey", "x509CertificateChain", "certificate")


def _key(value: dict[str, Json]) -> KeyMaterial:
    hint, raw = value.get("hint") or "", value.get("rawBytes") or ""
    if not isinstance(hint, str) or not isinstance(raw, str) or len(hint) > 256:
        raise _malformed("a hint or the raw bytes of a key")
    return KeyMaterial(hint, _base64(raw))


def _certificate(value: Json) -> bytes:
    match value:
        case {"rawBytes": str(text)} if text:
            return _base64(text)
    raise _malformed("certificates as rawBytes")


def _base64(text: str) -> bytes:
    try:
        return decode_base64(text)
    except LotaError as error:
        raise _malformed("base64 in its canonical form") from error


def _malformed(expected: str) -> LotaError:
    return refuse("BUNDLE-SHAPE", expected=expected)


def write_bundle(payload: bytes, signature: bytes, material: Material) -> bytes:
    """The bundle of version 0.3 as canonical JSON, as the reference implementation reads it."""
    return canonical(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {**_written(material), "tlogEntries": _entries(material)},
            "dsseEnvelope": {
                "payload": encode_base64(payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"keyid": "", "sig": encode_base64(signature)}],
            },
        }
    )


def _written(material: Material) -> dict[str, Json]:
    match material:
        case KeyMaterial(hint):
            return {"publicKey": {"hint": hint}}
        case CertificateMaterial(certificates):
            chain: list[Json] = [{"rawBytes": encode_base64(der)} for der in certificates]
            return {"x509CertificateChain": {"certificates": chain}}
        case KeylessMaterial(certificates):
            return {"certificate": {"rawBytes": encode_base64(certificates[0])}}


def _entries(material: Material) -> list[Json]:
    return list(material.entries) if isinstance(material, KeylessMaterial) else []
