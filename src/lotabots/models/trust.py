"""Whose signatures count here, and whether the signatures of one bundle are theirs.

Every signature of an envelope must be by a trusted key: the reference looks at the first only, so a
second, unknown one would be told to whoever reads the bundle and vouched for by nobody.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from lotabots.kernel import LotaError
from lotabots.models.bundle import Bundle, CertificateMaterial, KeylessMaterial, KeyMaterial
from lotabots.models.findings import Finding, Severity, finding
from lotabots.models.signers import ModelKey, Signer, key_signer, load_public_key
from lotabots.models.statement import legacy_pre_authentication, pre_authentication

if TYPE_CHECKING:  # X.509 is slow to load, and a signature by a key alone needs none
    from lotabots.models.chains import Certificate
    from lotabots.models.sigstore import SigstoreTrust

MAX_LEGACY_PAYLOAD = 8 * 1024 * 1024
"""Its encoding is up to four times as long, and no such old manifest is near that."""


class Trust(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Whose signatures count. Empty: nobody's."""

    keys: tuple[ModelKey, ...] = ()
    roots: "tuple[Certificate, ...]" = ()
    """Certificates that a chain may lead to; a self-signed root, or one below it."""
    sigstore: "SigstoreTrust | None" = None


class Leniency(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy lets pass with a warning, that is refused otherwise."""

    legacy: bool = False
    """Statements and signatures of the form before model-signing 1.0."""
    no_hint: bool = False
    """A bundle that does not say which key signed it."""
    symlinks: bool = False
    """Symbolic links to files of the same model, where the signature allows them."""


class Checked(msgspec.Struct, frozen=True, eq=False):
    """Whose signatures over the payload hold, and everything that is wrong with them."""

    signers: tuple[Signer, ...]
    findings: tuple[Finding, ...]


def check_signatures(bundle: Bundle, trust: Trust, leniency: Leniency, now: datetime) -> Checked:
    """Whether every signature of the bundle is by somebody who is trusted at `now`.

    No signer is listed unless no finding rejects.
    """
    checked = _checked(bundle, trust, leniency, now)
    refused = any(one.severity is not Severity.WARNING for one in checked.findings)
    return Checked((), checked.findings) if refused else checked


def _checked(bundle: Bundle, trust: Trust, leniency: Leniency, now: datetime) -> Checked:
    match bundle.material:
        case KeyMaterial() as material:
            return _by_key(bundle, material, trust, leniency)
        case CertificateMaterial() as chain:
            return _by_certificate(bundle, chain.certificates, trust, leniency, now)
        case KeylessMaterial() as keyless:
            return _by_identity(bundle, keyless, trust, leniency)


def _by_key(bundle: Bundle, material: KeyMaterial, trust: Trust, leniency: Leniency) -> Checked:
    found: list[Finding] = []
    named, unnamed = _named(material, trust)
    if unnamed:
        found.append(softened(finding("KEY-HINT-MISSING"), lenient=leniency.no_hint))
    elif not material.hint:
        found.append(finding("KEY-HINT-OLD", expected="a hint", measured="the key itself"))
    if not named:
        known = ", ".join(key.hint[:16] for key in trust.keys[:4]) or "no key is trusted here"
        given = material.hint[:16] or "another key"
        return Checked((), (*found, finding("KEY-UNKNOWN", expected=known, measured=given)))
    signers, flaws = _signed(bundle, (named, trust.keys), leniency)
    return Checked(tuple(map(key_signer, signers)), (*found, *flaws))


def _named(material: KeyMaterial, trust: Trust) -> tuple[tuple[ModelKey, ...], bool]:
    """The trusted keys that the bundle may mean, and whether it names none."""
    if material.hint:
        return tuple(key for key in trust.keys if key.hint == material.hint), False
    if not material.pem:
        return trust.keys, True
    try:
        given = load_public_key(material.pem)
    except LotaError:
        return (), False
    return tuple(key for key in trust.keys if key == given), False


def _by_certificate(
    bundle: Bundle,
    certificates: Sequence[bytes],
    trust: Trust,
    leniency: Leniency,
    now: datetime,
) -> Checked:
    from lotabots.models.chains import (  # noqa: PLC0415  # lazy: X.509 is slow
        certificate_signer,
        leaf_key,
        load_certificate,
        verify_path,
    )

    try:
        chain = [load_certificate(der) for der in certificates]
    except LotaError as error:
        return Checked((), (finding("CHAIN-PARSE", measured=error.detail),))
    path = verify_path(chain, trust.roots, now)
    key = leaf_key(chain[0])
    if key is None:
        return Checked((), path.findings)
    signed, flaws = _signed(bundle, ((key,), (key,)), leniency)
    return Checked(tuple(certificate_signer(path, one) for one in signed), path.findings + flaws)


def _by_identity(
    bundle: Bundle, material: KeylessMaterial, trust: Trust, leniency: Leniency
) -> Checked:
    if trust.sigstore is None:
        return Checked((), (finding("SIGSTORE-UNTRUSTED", expected="a trusted root"),))
    from lotabots.models.sigstore import verify_keyless  # noqa: PLC0415  # lazy: X.509 is slow

    keyless = verify_keyless(bundle, material, trust.sigstore)
    if keyless.key is None:
        return Checked((), (*keyless.findings, finding("CHAIN-ALGORITHM", expected="an EC key")))
    _, flaws = _signed(bundle, ((keyless.key,), (keyless.key,)), leniency)
    signers = () if keyless.signer is None else (keyless.signer,)
    return Checked(signers, keyless.findings + flaws)


def _signed(
    bundle: Bundle, keys: tuple[Sequence[ModelKey], Sequence[ModelKey]], leniency: Leniency
) -> tuple[tuple[ModelKey, ...], tuple[Finding, ...]]:
    """The keys that made the signatures, each once: the first by one of the first keys."""
    data = pre_authentication(bundle.payload)
    old = b""
    signers: list[ModelKey] = []
    found: list[Finding] = []
    for place, signature in enumerate(bundle.signatures):
        candidates = [key for key in keys[min(place, 1)] if key not in signers]
        signer = next((key for key in candidates if key.signed(data, signature)), None)
        if signer is None and len(bundle.payload) <= MAX_LEGACY_PAYLOAD:
            old = old or legacy_pre_authentication(bundle.payload)
            signer = next((key for key in candidates if _signed_old(key, old, signature)), None)
            if signer is not None:
                old_form = finding("SIGNATURE-LEGACY", expected="DSSEv1", measured="DSSEV1")
                found.append(softened(old_form, lenient=leniency.legacy))
        if signer is None:
            measured = f"signature {place + 1} of {len(bundle.signatures)}"
            found.append(
                finding("SIGNATURE-INVALID", expected="by a trusted key", measured=measured)
            )
        else:
            signers.append(signer)
    return tuple(signers), tuple(found)


def _signed_old(key: ModelKey, data: bytes, signature: bytes) -> bool:
    """Before 1.0 keys were used with their own hash, certificates with SHA-256."""
    return key.signed(data, signature) or key.signed(data, signature, legacy=True)


def softened(found: Finding, *, lenient: bool) -> Finding:
    """The finding as a warning, where a policy is lenient."""
    return msgspec.structs.replace(found, severity=Severity.WARNING) if lenient else found
