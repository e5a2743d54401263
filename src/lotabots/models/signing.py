"""Bundles made: a statement signed by a key, alone or with the certificates that vouch for it."""

from collections.abc import Sequence

from lotabots.kernel import canonical, invalid
from lotabots.models.bundle import CertificateMaterial, KeyMaterial, write_bundle
from lotabots.models.chains import Certificate, leaf_key
from lotabots.models.manifest import Manifest
from lotabots.models.signers import ModelSigningKey
from lotabots.models.statement import Statement, pre_authentication
from lotabots.models.strong import StrongManifest


def sign_manifest(
    manifest: Manifest, key: ModelSigningKey, chain: Sequence[Certificate] = ()
) -> bytes:
    """The bundle of OMS v1.0 over this manifest. Raises `MODEL_CERTIFICATE_KEY`."""
    return sign_statement(manifest.statement(), key, chain)


def sign_strong(
    strong: StrongManifest, key: ModelSigningKey, chain: Sequence[Certificate] = ()
) -> bytes:
    """The bundle over our second statement. Raises `MODEL_CERTIFICATE_KEY`."""
    return sign_statement(strong.statement(), key, chain)


def sign_statement(
    statement: Statement, key: ModelSigningKey, chain: Sequence[Certificate] = ()
) -> bytes:
    """The bundle over this statement in canonical JSON (RFC 8785), the leaf first in the chain."""
    payload = canonical(statement.payload())
    material: KeyMaterial | CertificateMaterial
    if chain:
        if leaf_key(chain[0]) != key.public:
            detail = "The first certificate of the chain is not that of the key that signs."
            raise invalid("MODEL_CERTIFICATE_KEY", detail)
        material = CertificateMaterial(tuple(certificate.der for certificate in chain))
    else:
        material = KeyMaterial(key.public.hint, b"")
    return write_bundle(payload, key.sign(pre_authentication(payload)), material)
