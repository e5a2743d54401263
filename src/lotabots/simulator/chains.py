"""Who a device is: its id, PDI and key, and the chain of five certificates that vouches for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.simulator import der
from lotabots.simulator.authorities import NEVER, device_root, identity, provisioner
from lotabots.simulator.certificates import (
    ORGANIZATION,
    Authority,
    Extensions,
    ca,
    key_ids,
    name,
    responder,
    usage,
)
from lotabots.simulator.chips import MODELS, Chip, Model
from lotabots.simulator.golden import fwid_of
from lotabots.simulator.seeds import derive, private_key

PDI_SIZE = 8
NVIDIA_OUI = "48B02D"
"""The company id (IEEE OUI) that starts the device id in every leaf certificate seen."""

_REMEMBERED = 1024  # devices: a fleet is attested again and again
_DEVICE_ID = x509.ObjectIdentifier("1.3.6.1.4.1.412.274.1")  # SPDM 1.1, table 33: device info
_COMPOSITE_ID = x509.ObjectIdentifier("2.23.133.5.4.1")  # TCG DICE, CompositeDeviceID
_TCB_INFO = x509.ObjectIdentifier("2.23.133.5.4.1.1")  # TCG DICE, DiceTcbInfo
_SHA384 = der.oid("2.16.840.1.101.3.4.2.2")


@dataclass(frozen=True, eq=False)
class Identity:
    """One device as its certificates know it."""

    model: Model
    pdi: bytes
    """Per-device identifier: what switches and GPUs sign of each other (8 bytes)."""
    fwid: bytes
    """The digest in the leaf certificate, 48 bytes."""
    key: ec.EllipticCurvePrivateKey
    brom: Authority
    leaf: x509.Certificate
    device_id: str
    """As the leaf's SAN has it, e.g. `NVIDIA:GH100:48B02D92494BADF4`."""

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Leaf, BROM, provisioner, identity CA, root."""
        return (
            self.leaf,
            self.brom.certificate,
            provisioner(self.model).certificate,
            identity(self.model).certificate,
            device_root().certificate,
        )

    @cached_property
    def pem(self) -> bytes:
        """The chain as the driver returns it: leaf first, no newline at the end."""
        return pem(self.chain)


def pem(chain: Iterable[x509.Certificate]) -> bytes:
    """The certificates as PEM in this order."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain).rstrip(b"\n")


@lru_cache(maxsize=_REMEMBERED)
def make_identity(seed: bytes, chip: Chip) -> Identity:
    """The device that this seed makes."""
    model = MODELS[chip]
    pdi = derive(seed, "pdi", PDI_SIZE)
    device_id = f"NVIDIA:{model.certificate_name}:{NVIDIA_OUI}{derive(seed, 'id', 5).hex().upper()}"
    brom = make_brom(seed, model, pdi)
    key = private_key(seed, "leaf")
    fwid = fwid_of(model)
    leaf = make_leaf(model, key.public_key(), brom, device_id, fwid)
    return Identity(model, pdi, fwid, key, brom, leaf, device_id)


def make_brom(seed: bytes, model: Model, pdi: bytes) -> Authority:
    """The device's own CA, burnt in at the factory; its serial number is a prefix and the PDI."""
    issuer = provisioner(model)
    key = private_key(seed, "brom")
    serial = int.from_bytes(bytes([model.serial_prefix]) + pdi, "big")
    middle: Extensions = ((responder(), False),) if model.brom_names_responder else ()
    certificate = issuer.issue(
        _subject(model, serial, "BROM"),
        key.public_key(),
        serial,
        (model.born, NEVER),
        (
            (ca(), True),
            (usage(), True),
            *middle,
            *key_ids(key.public_key(), issuer.key.public_key()),
        ),
    )
    return Authority(certificate, key)


def make_leaf(
    model: Model,
    key: ec.EllipticCurvePublicKey,
    brom: Authority,
    device_id: str,
    fwid: bytes,
) -> x509.Certificate:
    """The certificate of the key that signs reports, for firmware with this FWID."""
    identifiers = key_ids(key, brom.key.public_key())
    serial = _leaf_serial(x509.SubjectKeyIdentifier.from_public_key(key).digest)
    return brom.issue(
        _subject(model, serial, "FMC LF"),
        key,
        serial,
        (model.born, NEVER),
        (
            (usage(sign_data=True), True),
            *identifiers,
            (_device_id_name(device_id), False),
            (_fwid_extension(model, brom, fwid), False),
        ),
    )


def _leaf_serial(key_id: bytes) -> int:
    """The key identifier with its first two bits set to 01: positive, and no leading zeros."""
    return int.from_bytes(bytes([key_id[0] & 0x7F | 0x40]) + key_id[1:], "big")


def _subject(model: Model, serial: int, role: str) -> x509.Name:
    return name(
        serialNumber=f"{serial:X}",
        C="US",
        O=ORGANIZATION,
        CN=f"{model.certificate_name} A01 {model.processor} {role}",
    )


def _device_id_name(device_id: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.OtherName(_DEVICE_ID, der.text(device_id))])


def _fwid_extension(model: Model, brom: Authority, fwid: bytes) -> x509.UnrecognizedExtension:
    if model.chip is Chip.GB100:
        return x509.UnrecognizedExtension(_TCB_INFO, _tcb_info(model, fwid))
    return x509.UnrecognizedExtension(_COMPOSITE_ID, _composite_id(brom, fwid))


def _composite_id(brom: Authority, fwid: bytes) -> bytes:
    """CompositeDeviceID: version 1, the issuer's key as device id, the firmware's digest."""
    device_key = brom.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der.sequence(der.integer(1), device_key, _fwid(fwid))


def _tcb_info(model: Model, fwid: bytes) -> bytes:
    """DiceTcbInfo with the fields that GB100 leaves carry; the second digest is all zero there."""
    return der.sequence(
        der.implicit(0, b"NVIDIA"),
        der.implicit(1, f"{model.certificate_name} A01 {model.processor}".encode()),
        der.implicit(2, b"01"),
        der.implicit(3, b"\x01"),
        der.implicit(4, b"\x00"),
        der.implicit(5, b"\x00"),
        der.explicit(6, _fwid(fwid), _fwid(bytes(48))),
        der.implicit(7, b"\x00\x80\x00\x00\x01"),
        der.implicit(8, b"\xc0"),
        der.implicit(9, b"\x00"),
    )


def _fwid(digest: bytes) -> bytes:
    return der.sequence(_SHA384, der.octets(digest))
