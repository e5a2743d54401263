"""The certificate of an endorsement key, as its maker would issue it.

TCG EK Credential Profile for TPM Family 2.0, level 0, version 2.6, section 3.2: empty subject, a
critical alternative name with manufacturer, model and version, EKU 2.23.133.8.1, and the version of
the TPM specification among the directory attributes.
"""

from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from lotabots.simulator import der
from lotabots.simulator.authorities import NEVER, TPM_SINCE, tpm_issuer
from lotabots.simulator.certificates import Authority, Extensions, crl_at, key_ids
from lotabots.simulator.seeds import serial_number
from lotabots.simulator.tpm.keys import PublicKey, TpmKey

EK_PURPOSE = x509.ObjectIdentifier("2.23.133.8.1")  # tcg-kp-EKCertificate
_MANUFACTURER = x509.ObjectIdentifier("2.23.133.2.1")
_MODEL = x509.ObjectIdentifier("2.23.133.2.2")
_VERSION = x509.ObjectIdentifier("2.23.133.2.3")
_DIRECTORY_ATTRIBUTES = x509.ObjectIdentifier("2.5.29.9")
_SPECIFICATION = "2.23.133.2.16"


@lru_cache(maxsize=4096)
def certificate(seed: bytes, ek: TpmKey) -> x509.Certificate:
    """The certificate of this TPM's endorsement key, by the simulated maker."""
    return issue(seed, ek.public_key, tpm_issuer())


def issue(
    seed: bytes,
    key: PublicKey,
    issuer: Authority,
    purpose: x509.ObjectIdentifier = EK_PURPOSE,
) -> x509.Certificate:
    """A certificate for this key as an endorsement key."""
    names = (
        (_MANUFACTURER, "id:4C4F5441"),  # ASCII, as the TCG's vendor ids are: LOTA
        (_MODEL, "LotaBots Simulated TPM"),
        (_VERSION, "id:00010000"),
    )
    described = x509.Name(
        [
            x509.RelativeDistinguishedName([x509.NameAttribute(oid, text, _validate=False)])
            for oid, text in names
        ]
    )
    specification = der.sequence(der.text("2.0"), der.integer(0), der.integer(164))
    attributes = der.sequence(der.sequence(der.oid(_SPECIFICATION), der.tlv(_SET, specification)))
    extensions: Extensions = (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(key), True),
        (x509.ExtendedKeyUsage([purpose]), False),
        (x509.SubjectAlternativeName([x509.DirectoryName(described)]), True),
        (x509.UnrecognizedExtension(_DIRECTORY_ATTRIBUTES, attributes), False),
        (crl_at("tpm.crl"), False),
        *key_ids(key, issuer.key.public_key()),
    )
    number = serial_number(seed, "ek")
    return issuer.issue(x509.Name([]), key, number, (TPM_SINCE, NEVER), extensions)


_SET = 0x31


def _usage(key: PublicKey) -> x509.KeyUsage:
    """Key encipherment for RSA, key agreement for ECC (section 3.2.9)."""
    enciphers = isinstance(key, rsa.RSAPublicKey)
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=enciphers,
        data_encipherment=False,
        key_agreement=not enciphers,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
