"""A TPM of plain keys: quotes, keys and certificates of one test run, right or wrong at will."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256, sha384

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lotabots.evidence import (
    Anchor,
    Anchors,
    Caches,
    Context,
    DerivedChallenge,
    EnrolledTpm,
    Evidence,
    InventoryItem,
    Leaf,
    ReferenceFiles,
    TpmState,
    manifest,
    root_nonce,
)
from lotabots.evidence.schemes.tpm import PCRS, TpmEvidence, read_public, write_evidence
from lotabots.evidence.schemes.tpm.certificates import EK_CERTIFICATE, read_certificates

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AK = 0x00050072
"""restricted, sign, userWithAuth, sensitiveDataOrigin, fixedParent, fixedTPM."""
EK = 0x000300B2
"""restricted, decrypt, adminWithPolicy, sensitiveDataOrigin, fixedParent, fixedTPM."""
VALUES = {number: bytes([number]) * 32 for number in PCRS}

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_HASHES: dict[int, HashAlgorithm] = {0x000B: SHA256(), 0x000C: SHA384()}
_CURVES: dict[str, tuple[int, int]] = {"secp256r1": (3, 32), "secp384r1": (4, 48)}


def sized(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """An RSA key, made once for each number: it takes a while."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(number: int = 0, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """An EC key on P-256 or another curve, made once for each number."""
    del number
    return ec.generate_private_key(curve or ec.SECP256R1())


def public_area(
    key: PrivateKey,
    *,
    attributes: int = AK,
    scheme: int | None = None,
    digest: int = 0x000B,
    name_alg: int = 0x000B,
    symmetric: bytes = b"\x00\x10",
    policy: bytes = b"",
) -> bytes:
    """TPMT_PUBLIC of this key."""
    public = key.public_key()
    chosen = scheme or (0x0014 if isinstance(public, rsa.RSAPublicKey) else 0x0018)
    named = chosen.to_bytes(2) + (b"" if chosen == 0x0010 else digest.to_bytes(2))
    head = name_alg.to_bytes(2) + attributes.to_bytes(4) + sized(policy) + symmetric + named
    if isinstance(public, rsa.RSAPublicKey):
        modulus = public.public_numbers().n.to_bytes(public.key_size // 8)
        return b"\0\x01" + head + public.key_size.to_bytes(2) + bytes(4) + sized(modulus)
    curve, size = _CURVES[public.curve.name]
    numbers = public.public_numbers()
    point = sized(numbers.x.to_bytes(size)) + sized(numbers.y.to_bytes(size))
    return b"\0\x23" + head + curve.to_bytes(2) + b"\0\x10" + point


def attest(
    extra: bytes,
    values: Mapping[int, bytes] = VALUES,
    *,
    reset: int = 7,
    restart: int = 0,
    clock: int = 60_000,
    safe: int = 1,
    bank: int = 0x000B,
    digest: int = 0x000B,
    head: bytes = b"\xffTCG\x80\x18",
) -> bytes:
    """TPMS_ATTEST of a quote over these PCRs."""
    bits = sum(1 << number for number in values).to_bytes(3, "little")
    joined = b"".join(values[number] for number in sorted(values))
    hashed = (sha256 if digest == 0x000B else sha384)(joined).digest()
    return b"".join(
        (
            head,
            sized(b"\x00\x0b" + bytes(32)),
            sized(extra),
            clock.to_bytes(8),
            reset.to_bytes(4),
            restart.to_bytes(4),
            bytes([safe]),
            (0x2016).to_bytes(8),
            (1).to_bytes(4),
            bank.to_bytes(2),
            b"\x03",
            bits,
            sized(hashed),
        )
    )


def sign(key: PrivateKey, data: bytes, *, scheme: int | None = None, digest: int = 0x000B) -> bytes:
    """TPMT_SIGNATURE over the data."""
    algorithm = _HASHES[digest]
    if isinstance(key, rsa.RSAPrivateKey):
        chosen = scheme or 0x0014
        pad: padding.AsymmetricPadding = padding.PKCS1v15()
        if chosen == 0x0016:
            pad = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
        value = sized(key.sign(data, pad, algorithm))
    else:
        chosen = scheme or 0x0018
        size = (key.curve.key_size + 7) // 8
        numbers = decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))
        value = b"".join(sized(number.to_bytes(size)) for number in numbers)
    return chosen.to_bytes(2) + digest.to_bytes(2) + value


@dataclass(frozen=True)
class Holder:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def anchor(self, *, simulated: bool = False) -> Anchor:
        (held,) = read_certificates(self.pem)
        return Anchor(spki_sha256=held.spki_sha256, name=held.name, simulated=simulated)


def issue(
    name: str | None,
    issuer: Holder | None = None,
    *,
    key: PrivateKey | None = None,
    ca: bool = True,
    path_length: int | None = None,
    not_before: datetime = NOW - 100 * DAY,
    not_after: datetime = NOW + 9000 * DAY,
    usage: x509.ObjectIdentifier | None = None,
    digest: HashAlgorithm | None = None,
    critical: Sequence[x509.ExtensionType] = (),
) -> Holder:
    """A certificate of that common name (None: an empty subject); self-signed without an issuer."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    names = [] if name is None else [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    subject = x509.Name(names)
    signer = key if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .add_extension(_key_usage(ca=ca), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        other = x509.Name([x509.NameAttribute(x509.ObjectIdentifier("2.23.133.2.1"), "id:1014")])
        name_of_tpm = x509.SubjectAlternativeName([x509.DirectoryName(other)])
        builder = builder.add_extension(name_of_tpm, critical=True)
    for extension in critical:
        builder = builder.add_extension(extension, critical=True)
    return Holder(builder.sign(signer, digest or SHA256()), key)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=not ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


@cache
def makers() -> tuple[Holder, Holder]:
    """A TPM maker's root and intermediate."""
    root = issue("Maker Root")
    return root, issue("Maker Intermediate", root, path_length=0)


@dataclass(frozen=True)
class Tpm:
    """One TPM: its keys, its certificates, and where its clock and PCRs are."""

    number: int = 0
    ak: PrivateKey = field(default_factory=ec_key)
    reset: int = 7
    restart: int = 0
    clock: int = 60_000
    values: Mapping[int, bytes] = field(default_factory=lambda: dict(VALUES))

    @property
    def ek(self) -> ec.EllipticCurvePrivateKey:
        return ec_key(1_000 + self.number)

    @property
    def device_id(self) -> str:
        return read_public(public_area(self.ek)).device_id

    @property
    def enrolled(self) -> EnrolledTpm:
        return EnrolledTpm(
            device_id=self.device_id,
            ek_certificates=_chain(self.number),
            ak_public=public_area(self.ak),
        )

    def evidence(self, challenge: DerivedChallenge, leaves: Sequence[Leaf] = ()) -> TpmEvidence:
        """Its quote for this challenge over these leaves."""
        counters = (self.reset, self.restart)
        text = manifest(challenge, counters, leaves)
        quote = attest(
            root_nonce(challenge.seed(), sha256(text).digest()),
            self.values,
            reset=self.reset,
            restart=self.restart,
            clock=self.clock,
        )
        return TpmEvidence(
            quote=quote, signature=sign(self.ak, quote), pcrs=self.values, manifest=text
        )


@cache
def _chain(number: int) -> bytes:
    root, intermediate = makers()
    leaf = issue(None, intermediate, key=ec_key(1_000 + number), ca=False, usage=EK_CERTIFICATE)
    return leaf.pem + intermediate.pem + root.pem


def challenge_of(
    *tpms: Tpm, others: Sequence[InventoryItem] = (), number: int = 0
) -> DerivedChallenge:
    """A challenge to a node with these TPMs."""
    items = [InventoryItem("tpm", tpm.device_id) for tpm in tpms]
    return DerivedChallenge(
        server="https://example.org",
        challenge=f"challenge-{number}",
        node="node-1",
        session_key_sha256="5e" * 32,
        nonce=bytes([number]) * 32,
        inventory=(*items, *others),
    )


def context_of(
    *tpms: Tpm,
    challenge: DerivedChallenge,
    leaves: Sequence[Leaf] = (),
    state: TpmState | None = None,
    files: Mapping[str, bytes] | None = None,
    anchors: tuple[Anchor, ...] | None = None,
    now: datetime = NOW,
    caches: Caches | None = None,
) -> Context:
    """What the evidence of these TPMs is held against."""
    root = makers()[0].anchor()
    return Context(
        nonces=challenge.expected(),
        reference=ReferenceFiles.of(files or {}),
        anchors=Anchors(device=(), rim=(), tpm=(root,) if anchors is None else anchors),
        now=now,
        max_revocation_age=timedelta(days=30),
        caches=caches or Caches(),
        declared={subject: one.device_id for subject, one in challenge.devices().items()},
        challenge=challenge,
        leaves=tuple(leaves),
        tpms=tuple(tpm.enrolled for tpm in tpms),
        tpm_state=state,
    )


def as_sent(evidence: TpmEvidence, subject: str = "tpm0") -> Evidence:
    """The evidence as the node sends it."""
    data = write_evidence(evidence)
    return Evidence(scheme="tpm", subject=subject, data=data, certificates=b"")
