"""What tests of signatures are made of: keys, authorities, models in memory, and their digests."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from blake3 import blake3
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lotabots.kernel import canonical, strict_json
from lotabots.models import (
    Algorithm,
    Certificate,
    FileEntry,
    FileKind,
    Hashed,
    Listed,
    Manifest,
    MemoryTree,
    Method,
    ModelSigningKey,
    Options,
    Resource,
    StrongManifest,
    TensorEntry,
    Tree,
    Trust,
    Verified,
    load_certificates,
    load_signing_key,
    manifest_of,
    sign_manifest,
    verify_bundle,
)
from lotabots.models.bundle import KeyMaterial, read_bundle, write_bundle
from lotabots.models.statement import pre_authentication

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
HASHERS: dict[Algorithm, Any] = {
    Algorithm.SHA256: hashlib.sha256,
    Algorithm.BLAKE2B: hashlib.blake2b,
    Algorithm.BLAKE3: blake3,
}
MODEL = {
    "config.json": b'{"architectures": ["LlamaForCausalLM"]}',
    "model-1.safetensors": b"first weights",
    "model-2.safetensors": b"second weights",
    "tokenizer/merges.txt": b"a b\n",
    "tokenizer/special": b"",
}


def key_pem(curve: ec.EllipticCurve | None = None) -> bytes:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def new_key(curve: ec.EllipticCurve | None = None) -> ModelSigningKey:
    return load_signing_key(key_pem(curve))


KEY = new_key()
STRANGER = new_key()
TRUST = Trust(keys=(KEY.public,))


class LinkedTree(MemoryTree):
    """A model in memory that also has links, and what is no file at all."""

    def __init__(self, files: Mapping[str, bytes], others: Iterable[Listed]) -> None:
        super().__init__(files)
        self._others = tuple(others)

    @property
    def listed(self) -> tuple[Listed, ...]:
        return tuple(sorted((*super().listed, *self._others), key=lambda entry: entry.path))


def link(path: str, target: str) -> Listed:
    return Listed(path=path, kind=FileKind.SYMLINK, size=0, target=target)


def hashed(
    tree: Tree, algorithm: Algorithm = Algorithm.SHA256, tensors: tuple[TensorEntry, ...] = ()
) -> Hashed:
    files = []
    for entry in tree.listed:
        if entry.kind is FileKind.REGULAR:
            data = tree.content(entry.path).read(0, entry.size)
            digest = HASHERS[algorithm](data).digest()
            files.append(FileEntry(path=entry.path, size=entry.size, digest=digest))
    return Hashed(algorithm=algorithm, files=tuple(files), tensors=tensors)


def signed(
    files: Mapping[str, bytes],
    key: ModelSigningKey = KEY,
    algorithm: Algorithm = Algorithm.SHA256,
    **options: Any,
) -> bytes:
    entries = hashed(MemoryTree(files), algorithm).files
    return sign_manifest(manifest_of("model", entries, algorithm, **options), key)


def sharded(
    files: Mapping[str, bytes],
    size: int,
    algorithm: Algorithm = Algorithm.SHA256,
    **changed: Any,
) -> Manifest:
    """A manifest of shards as the reference makes it: an empty file has none."""
    resources = []
    for path, data in sorted(files.items()):
        for begin in range(0, len(data), size):
            end = min(begin + size, len(data))
            digest = HASHERS[algorithm](data[begin:end]).digest()
            resources.append(Resource(path, digest, begin, end))
    given: dict[str, Any] = {
        "name": "model",
        "method": Method.SHARDS,
        "algorithm": algorithm,
        "resources": tuple(resources),
        "shard_size": size,
        **changed,
    }
    return Manifest(**given)


def strong_of(files: Mapping[str, bytes], **changed: Any) -> StrongManifest:
    entries = hashed(MemoryTree(files)).files
    given: dict[str, Any] = {
        "name": "model",
        "version": "1.0",
        "counter": 1,
        "oms_root": manifest_of("model", entries, Algorithm.SHA256).root,
        "algorithm": Algorithm.SHA256,
        "files": entries,
        "signed_at": NOW,
        **changed,
    }
    return StrongManifest(**given)


def verify(
    bundle: bytes,
    files: Mapping[str, bytes] | Tree,
    trust: Trust = TRUST,
    options: Options | None = None,
    algorithm: Algorithm = Algorithm.SHA256,
    **more: Any,
) -> Verified:
    tree = MemoryTree(files) if isinstance(files, Mapping) else files
    measured = more.pop("measured", None) or hashed(tree, algorithm)
    return verify_bundle(
        bundle, trust, measured, tree, more.pop("now", NOW), options or Options(), **more
    )


def codes(verified: Verified) -> set[str]:
    """What is wrong beside that there is no strong statement."""
    return {one.code for one in verified.findings} - {"STRONG-MISSING"}


def value_of(bundle: bytes) -> Any:
    return strict_json(bundle, max_bytes=len(bundle))


def statement_in(bundle: bytes) -> Any:
    return value_of(read_bundle(bundle).payload)


def resigned(payload: bytes | dict[str, Any], key: ModelSigningKey = KEY) -> bytes:
    """A bundle over any payload: what a trusted signer that is wrong or broken would make."""
    data = payload if isinstance(payload, bytes) else canonical(payload)
    return write_bundle(data, key.sign(pre_authentication(data)), KeyMaterial(key.public.hint, b""))


class Authority:
    """A certificate authority; each certificate can be changed in any one respect."""

    def __init__(
        self, name: str = "root-ca", issuer: "Authority | None" = None, **changed: Any
    ) -> None:
        self.key: Any = changed.pop("key", None) or ec.generate_private_key(ec.SECP384R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = {"digital_signature": False, "key_cert_sign": True}
        above = issuer or self
        made = built(self.name, self.key.public_key(), above, **{"ca": True, **usage, **changed})
        self.certificate = made

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def loaded(self) -> Certificate:
        return load_certificates(self.pem)[0]

    def leaf(self, key: ModelSigningKey, name: str = "signer", **changed: Any) -> Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
        usage = {"digital_signature": True, "key_cert_sign": False}
        given = {"ca": None, "purposes": [ExtendedKeyUsageOID.CODE_SIGNING], **usage, **changed}
        public = given.pop("public", None) or key._key.public_key()
        made = built(subject, public, self, **given)
        return load_certificates(made.public_bytes(Encoding.PEM))[0]


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def built(subject: x509.Name, public: Any, issuer: Authority, **given: Any) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(given.get("start", NOW - timedelta(days=30)))
        .not_valid_after(given.get("end", NOW + timedelta(days=365)))
    )
    if given.get("ca") is not None:
        basic = x509.BasicConstraints(ca=given["ca"], path_length=given.get("path_length"))
        builder = builder.add_extension(basic, critical=True)
    if given.get("usage", True):
        usage = x509.KeyUsage(
            digital_signature=given["digital_signature"],
            key_cert_sign=given["key_cert_sign"],
            **dict.fromkeys(
                (
                    "content_commitment",
                    "key_encipherment",
                    "data_encipherment",
                    "key_agreement",
                    "crl_sign",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            ),
        )
        builder = builder.add_extension(usage, critical=True)
    if given.get("purposes"):
        builder = builder.add_extension(x509.ExtendedKeyUsage(given["purposes"]), critical=False)
    for extension, critical in given.get("extensions", ()):
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer.key, given.get("hash") or SHA256())
