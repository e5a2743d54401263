"""Bundles made: a statement signed by a key, alone or with the certificates that vouch for it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lotabots.kernel import LotaError, canonical, invalid
from lotabots.models.bundle import CertificateMaterial, KeyMaterial, write_bundle
from lotabots.models.manifest import Manifest
from lotabots.models.paths import GIT_NAMES, covered, read_by_loaders
from lotabots.models.signers import ModelSigningKey
from lotabots.models.statement import Statement, pre_authentication
from lotabots.models.strong import StrongManifest
from lotabots.models.types import FileKind, Listed

if TYPE_CHECKING:
    from lotabots.models.chains import Certificate


def files_to_sign(
    listed: Sequence[Listed], ignore: Sequence[str], excluded: frozenset[str]
) -> tuple[str, ...]:
    """The paths that a signature of this model is over; git's own and the signatures are not.

    Raises `MODEL_IGNORE` for what is no regular file, and for what loaders read though it was to be
    ignored: no verifier of ours would accept that.
    """
    signed = []
    for entry in listed:
        if entry.path in excluded or covered(entry.path, GIT_NAMES):
            continue
        if covered(entry.path, ignore):
            if read_by_loaders(entry.path):
                raise _not_signed(entry, "loaders read files of such a name, so it must be signed")
        elif entry.kind is not FileKind.REGULAR:
            raise _not_signed(entry, "it is no regular file")
        else:
            signed.append(entry.path)
    return tuple(signed)


def _not_signed(entry: Listed, why: str) -> LotaError:
    return invalid("MODEL_IGNORE", f"{entry.path[:200]!r} cannot be left out or in: {why}.")


def sign_manifest(
    manifest: Manifest, key: ModelSigningKey, chain: "Sequence[Certificate]" = ()
) -> bytes:
    """The bundle of OMS v1.0 over this manifest. Raises `MODEL_CERTIFICATE_KEY`."""
    return sign_statement(manifest.statement(), key, chain)


def sign_strong(
    strong: StrongManifest, key: ModelSigningKey, chain: "Sequence[Certificate]" = ()
) -> bytes:
    """The bundle over our second statement. Raises `MODEL_CERTIFICATE_KEY`."""
    return sign_statement(strong.statement(), key, chain)


def sign_statement(
    statement: Statement, key: ModelSigningKey, chain: "Sequence[Certificate]" = ()
) -> bytes:
    """The bundle over this statement in canonical JSON (RFC 8785), the leaf first in the chain."""
    payload = canonical(statement.payload())
    material: KeyMaterial | CertificateMaterial
    if chain:
        from lotabots.models.chains import leaf_key  # noqa: PLC0415  # lazy: X.509 is slow

        if leaf_key(chain[0]) != key.public:
            detail = "The first certificate of the chain is not that of the key that signs."
            raise invalid("MODEL_CERTIFICATE_KEY", detail)
        material = CertificateMaterial(tuple(certificate.der for certificate in chain))
    else:
        material = KeyMaterial(key.public.hint, b"")
    return write_bundle(payload, key.sign(pre_authentication(payload)), material)
