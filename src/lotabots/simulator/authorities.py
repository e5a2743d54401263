"""The certification authorities of the simulator: roots that real ones are never confused with.

Their private keys follow from a seed in this file, so anyone can make simulated evidence. That is
the point: it proves nothing, its roots are marked as simulated, and no default policy accepts it.
"""

from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.evidence import Anchor, Anchors
from lotabots.kernel import sha256
from lotabots.simulator.certificates import (
    ORGANIZATION,
    Authority,
    Extensions,
    Validity,
    build,
    ca,
    crl_at,
    key_ids,
    name,
    responder,
    usage,
)
from lotabots.simulator.chips import Model
from lotabots.simulator.seeds import private_key, serial_number

SEED = b"lotabots/simulator: these keys are public"
DEVICE_ROOT_NAME = "LotaBots Simulated Device Identity CA"
RIM_ROOT_NAME = "LotaBots Simulated RIM Root CA"
TPM_ROOT_NAME = "LotaBots Simulated TPM Root CA"
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The notAfter that means no expiry (RFC 5280, section 4.1.2.5)."""

_ROOT_SINCE = datetime(2021, 11, 5, tzinfo=UTC)
TPM_SINCE = datetime(2023, 1, 1, tzinfo=UTC)
_RIM_SINCE = datetime(2023, 1, 1, tzinfo=UTC)
_RIM_UNTIL = datetime(2053, 1, 1, tzinfo=UTC)


@cache
def device_root(label: str = "device-root") -> Authority:
    """The root of device chains. Another label gives a root of the same name, but not its key."""
    key = private_key(SEED, label)
    subject = name(CN=DEVICE_ROOT_NAME, O="LotaBots")
    extensions: Extensions = (
        (ca(), True),
        (usage(sign_crls=True), True),
        *key_ids(key.public_key(), key.public_key()),
    )
    serial = serial_number(SEED, label)
    return Authority(
        build(subject, key.public_key(), serial, (_ROOT_SINCE, NEVER), extensions, subject, key),
        key,
    )


@cache
def identity(model: Model) -> Authority:
    """The identity CA that a chip chains through."""
    return _identity(model.identity, device_root(), model)


def _identity(chip: str, root: Authority, model: Model) -> Authority:
    label = f"identity/{chip}"
    key = private_key(SEED, label)
    certificate = root.issue(
        name(CN=f"LotaBots Simulated {chip} Identity", O=ORGANIZATION),
        key.public_key(),
        serial_number(SEED, label),
        (model.certified, NEVER),
        (
            (ca(), True),
            (usage(sign_crls=True), True),
            (crl_at("l1-root.crl"), False),
            (responder(), False),
            *key_ids(key.public_key(), root.key.public_key()),
        ),
    )
    return Authority(certificate, key)


@cache
def provisioner(model: Model) -> Authority:
    """The CA that issues the BROM certificates of a chip."""
    issuer = identity(model)
    label = f"provisioner/{model.certificate_name}"
    key = private_key(SEED, label)
    certificate = issuer.issue(
        name(CN=f"LotaBots Simulated {model.provisioner}", O=ORGANIZATION, C="US"),
        key.public_key(),
        serial_number(SEED, label),
        (model.certified, NEVER),
        (
            (ca(), True),
            (usage(sign_crls=True), True),
            (crl_at(f"l2-{model.identity.lower()}.crl"), False),
            (responder(), False),
            *key_ids(key.public_key(), issuer.key.public_key()),
        ),
    )
    return Authority(certificate, key)


def forged_identity(model: Model) -> tuple[Authority, Authority]:
    """Identity CA and root with the right names, under a root of somebody else's making."""
    root = device_root("forged-root")
    return _identity(model.identity, root, model), root


@cache
def rim_root(label: str = "rim-root") -> Authority:
    """The root of chains that sign reference values; by another label, a forged one."""
    key = private_key(SEED, label)
    subject = name(C="US", O="LotaBots", CN=RIM_ROOT_NAME)
    extensions: Extensions = (
        *key_ids(key.public_key(), key.public_key()),
        (ca(), True),
        (usage(sign_crls=True), True),
    )
    validity = (_RIM_SINCE, _RIM_UNTIL)
    serial = serial_number(SEED, label)
    return Authority(
        build(subject, key.public_key(), serial, validity, extensions, subject, key), key
    )


@cache
def rim_chain(product: str, root_label: str = "rim-root") -> tuple[Authority, Authority, Authority]:
    """The two CAs that sign a product's reference values, lower first, and their root."""
    root = rim_root(root_label)
    label = f"{root_label}/{product}"
    upper_key, lower_key = private_key(SEED, f"{label}/2"), private_key(SEED, f"{label}/3")
    common = "LotaBots Simulated Reference Value"
    upper = Authority(
        root.issue(
            name(CN=f"{common} {product} CA", O=ORGANIZATION, C="US"),
            upper_key.public_key(),
            serial_number(SEED, f"{label}/2"),
            (_RIM_SINCE, _RIM_UNTIL),
            (
                (ca(), True),
                (usage(sign_crls=True), True),
                (crl_at("l1-rim.crl"), False),
                (responder(), False),
                *key_ids(upper_key.public_key(), root.key.public_key()),
            ),
        ),
        upper_key,
    )
    lower = Authority(
        upper.issue(
            name(CN=f"{common} L3 {product} 001", O=ORGANIZATION, C="US"),
            lower_key.public_key(),
            serial_number(SEED, f"{label}/3"),
            (_RIM_SINCE, _RIM_UNTIL),
            (
                (ca(path_length=0), True),
                (usage(sign_crls=True), True),
                (responder(), False),
                *key_ids(lower_key.public_key(), upper_key.public_key()),
            ),
        ),
        lower_key,
    )
    return lower, upper, root


def rim_signer(
    product: str, validity: Validity, root_label: str = "rim-root"
) -> tuple[Authority, tuple[x509.Certificate, ...]]:
    """Who signs a product's manifests, and its chain of four: leaf, lower CA, upper CA, root."""
    lower, upper, root = rim_chain(product, root_label)
    label = f"{root_label}/{product}/4"
    key = private_key(SEED, label)
    leaf = lower.issue(
        name(C="US", ST="CA", L="Nowhere", O=ORGANIZATION, CN="LotaBots Simulated RIM L4 Signer"),
        key.public_key(),
        serial_number(SEED, label),
        validity,
        (
            *key_ids(key.public_key(), lower.key.public_key()),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage(sign_data=True), True),
            (responder(), False),
        ),
    )
    chain = (leaf, lower.certificate, upper.certificate, root.certificate)
    return Authority(leaf, key), chain


@cache
def tpm_root(label: str = "tpm-root") -> Authority:
    """The root of endorsement keys' chains; by another label, a forged one."""
    key = private_key(SEED, label)
    subject = name(C="US", O="LotaBots", CN=TPM_ROOT_NAME)
    extensions: Extensions = (
        *key_ids(key.public_key(), key.public_key()),
        (ca(), True),
        (usage(sign_crls=True), True),
    )
    validity = (_ROOT_SINCE, NEVER)
    serial = serial_number(SEED, label)
    return Authority(
        build(subject, key.public_key(), serial, validity, extensions, subject, key), key
    )


@cache
def tpm_issuer(root_label: str = "tpm-root") -> Authority:
    """The CA that issues the certificates of endorsement keys."""
    root = tpm_root(root_label)
    label = f"{root_label}/issuer"
    key = private_key(SEED, label)
    certificate = root.issue(
        name(CN="LotaBots Simulated TPM Issuing CA", O=ORGANIZATION, C="US"),
        key.public_key(),
        serial_number(SEED, label),
        (TPM_SINCE, NEVER),
        (
            (ca(path_length=0), True),
            (usage(sign_crls=True), True),
            (crl_at("tpm-root.crl"), False),
            *key_ids(key.public_key(), root.key.public_key()),
        ),
    )
    return Authority(certificate, key)


@cache
def secure_boot_signer() -> Authority:
    """Whom the firmware of simulated machines lets sign what it starts."""
    label = "secure-boot"
    key = private_key(SEED, label)
    subject = name(CN="LotaBots Simulated Secure Boot", O=ORGANIZATION)
    extensions: Extensions = ((ca(), True), (usage(), True))
    validity = (TPM_SINCE, NEVER)
    serial = serial_number(SEED, label)
    return Authority(
        build(subject, key.public_key(), serial, validity, extensions, subject, key), key
    )


def anchors() -> Anchors:
    """The three simulated roots. Whatever they verify is simulated, whatever it says of itself."""
    return Anchors(
        device=(_anchor(device_root()),), rim=(_anchor(rim_root()),), tpm=(_anchor(tpm_root()),)
    )


def roots_pem() -> bytes:
    """The roots as PEM: of devices, of reference values (RIM), of TPMs."""
    roots = (device_root(), rim_root(), tpm_root())
    return b"".join(root.certificate.public_bytes(Encoding.PEM) for root in roots)


def _anchor(root: Authority) -> Anchor:
    spki = root.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Anchor(spki_sha256=sha256(spki), name=root.name, simulated=True)
