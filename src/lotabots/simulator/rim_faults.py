"""Faults in a reference manifest: what it says, who signed it, and what happened to it since."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotabots.kernel import encode_base64
from lotabots.simulator.chips import GB100, GH100
from lotabots.simulator.devices import Device
from lotabots.simulator.faults import Fault
from lotabots.simulator.golden import Entry, Firmware, Manifest, golden, manifests
from lotabots.simulator.rims import (
    C14N,
    DS,
    LIFETIME,
    SIGNED_INFO,
    SWID,
    Signer,
    current,
    document,
    meta,
    resource,
    rim_file,
    sign,
    signer,
)
from lotabots.simulator.seeds import private_key

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """The manifest at fault: of this device, first of those that it needs."""

    device: Device
    manifest: Manifest
    now: datetime

    @property
    def signer(self) -> Signer:
        """Who should sign it."""
        return signer(self.manifest.product, current(self.now))

    @property
    def active(self) -> Entry:
        """An entry that is compared."""
        return next(entry for entry in self.manifest.entries if entry.active)


RimFault = Callable[[Case], bytes | None]
"""The file instead of the good one; None: no file."""


def _said(change: Callable[[Case, str], str]) -> RimFault:
    """Changes the document, then signs it properly."""
    return lambda case: sign(change(case, document(case.manifest)), case.signer)


def _since(change: Callable[[Case, str], str]) -> RimFault:
    """Signs the good document, then changes the file."""
    return lambda case: change(case, sign(document(case.manifest), case.signer).decode()).encode()


def _info(old: str, new: str) -> RimFault:
    """Signs with another SignedInfo."""
    return lambda case: sign(document(case.manifest), case.signer, SIGNED_INFO.replace(old, new))


def _by(choose: Callable[[Case], Signer]) -> RimFault:
    """Signs the good document as somebody else, or with another certificate."""
    return lambda case: sign(document(case.manifest), choose(case))


def _device_signer(case: Case) -> Signer:
    own = case.device.identity
    return Signer(own.key, own.chain)


def _foreign_root(case: Case) -> Signer:
    return signer(case.manifest.product, current(case.now), "forged-rim-root")


def _expired(case: Case) -> Signer:
    end = current(case.now)[0] + timedelta(days=182) - _DAY
    return signer(case.manifest.product, (end - LIFETIME, end))


def _not_yet(case: Case) -> Signer:
    start = current(case.now)[0] + timedelta(days=182) + _DAY
    return signer(case.manifest.product, (start, start + LIFETIME))


def _key_value(case: Case) -> bytes:
    """A verifier that takes the first key it finds would accept this."""
    key = private_key(case.device.seed, "key value")
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    value = (
        '<ds:KeyValue><ECKeyValue xmlns="http://www.w3.org/2009/xmldsig11#">'
        '<NamedCurve URI="urn:oid:1.3.132.0.34"></NamedCurve>'
        f"<PublicKey>{encode_base64(point)}</PublicKey></ECKeyValue></ds:KeyValue>"
    )
    file = sign(document(case.manifest), Signer(key, case.signer.chain)).decode()
    return file.replace("<ds:KeyInfo>", f"<ds:KeyInfo>{value}").encode()


def _in_object(content: Callable[[Case], str]) -> RimFault:
    def change(case: Case, file: str) -> str:
        hidden = (
            f'<ds:Object xmlns:ns0="{SWID}" '
            f'xmlns:ns2="http://www.w3.org/2001/04/xmlenc#sha384">{content(case)}</ds:Object>'
        )
        return file.replace("</ds:Signature>", f"{hidden}</ds:Signature>")

    return _since(change)


def _other_resource(case: Case) -> str:
    deviating = golden("hidden in an object", 0)
    return resource(Entry(case.active.index, active=True, hashes=(deviating,)))


def _other_meta(case: Case) -> str:
    return meta(case.manifest._replace(version="990.99.99"))


def _signed_twice(_: Case, file: str) -> str:
    start, end = file.index("<ds:Signature "), file.index("</SoftwareIdentity>")
    return file[:end] + file[start:end] + file[end:]


def _flip_hash(case: Case, file: str) -> str:
    digest = case.active.hashes[0].hex()
    return file.replace(digest, digest[:-1] + ("0" if digest[-1] != "0" else "1"), 1)


def _flip_signature(_: Case, file: str) -> str:
    at = file.index("<ds:SignatureValue>") + len("<ds:SignatureValue>") + 10
    return file[:at] + ("A" if file[at] != "A" else "B") + file[at + 1 :]


def _before_payload(text: Callable[[], str]) -> Callable[[Case, str], str]:
    return lambda _, unsigned: unsigned.replace("<ns0:Payload", f"{text()}<ns0:Payload", 1)


def _in_payload(text: str) -> Callable[[Case, str], str]:
    return lambda _, unsigned: unsigned.replace("<ns0:Resource", f"{text}<ns0:Resource", 1)


def _of_other_version(case: Case) -> bytes:
    versions = Firmware("990.77" if case.device.firmware.driver else "", "96.00.F9.00.77")
    other = manifests(case.device.identity.model, versions)[0]
    return rim_file(other, current(case.now))


def _of_other_kind(case: Case) -> bytes:
    """A VBIOS version instead of the driver's, everything else the driver's."""
    other = case.manifest._replace(version="96.00.F7.00.01")
    return rim_file(other, current(case.now))


def _of_other_chip(case: Case) -> bytes:
    model = GH100 if case.device.identity.model is GB100 else GB100
    other = manifests(model, case.device.firmware)[0]
    return rim_file(other, current(case.now))


def _conflict(case: Case) -> bytes:
    """Demands the first index of the VBIOS manifest as well, with the value that it has."""
    first = manifests(case.device.identity.model, case.device.firmware)[-1].entries[1]
    entries = tuple(first if e.index == first.index else e for e in case.manifest.entries)
    return rim_file(case.manifest._replace(entries=entries), current(case.now))


def _index_twice(case: Case) -> bytes:
    entries = (*case.manifest.entries, case.active)
    return rim_file(case.manifest._replace(entries=entries), current(case.now))


def _alternatives_lie(case: Case, unsigned: str) -> str:
    good = resource(case.active)
    count = len(case.active.hashes)
    return unsigned.replace(
        good, good.replace(f'alternatives="{count}"', f'alternatives="{count + 1}"')
    )


def _odd_hex(case: Case, unsigned: str) -> str:
    digest = case.active.hashes[0].hex()
    return unsigned.replace(f'"{digest}"', f'"{digest[:-1]}"', 1)


def _doctype(internal: str) -> Callable[[Case, str], str]:
    return lambda _, file: f"<!DOCTYPE SoftwareIdentity{internal}>\n{file}"


_ENTITIES = (
    ' [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]'
)


def _entity(case: Case, file: str) -> str:
    return _doctype(_ENTITIES)(case, file).replace("<ns0:Payload", "&c;<ns0:Payload", 1)


RIMS: Mapping[Fault, RimFault] = MappingProxyType(
    {
        Fault.RIM_MISSING: lambda _: None,
        Fault.RIM_HASH_FLIPPED: _since(_flip_hash),
        Fault.RIM_SIGNATURE_FLIPPED: _since(_flip_signature),
        Fault.RIM_BY_DEVICE: _by(_device_signer),
        Fault.RIM_BY_FOREIGN_ROOT: _by(_foreign_root),
        Fault.RIM_KEY_VALUE: _key_value,
        Fault.RIM_RESOURCE_IN_OBJECT: _in_object(_other_resource),
        Fault.RIM_META_IN_OBJECT: _in_object(_other_meta),
        Fault.RIM_SIGNED_TWICE: _since(_signed_twice),
        Fault.RIM_REFERENCE_URI: _info('URI=""', 'URI="#payload"'),
        Fault.RIM_EXTRA_TRANSFORM: _info(
            f'<ds:Transform Algorithm="{C14N}">',
            '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">'
            "<ds:XPath>not(ancestor-or-self::Payload)</ds:XPath></ds:Transform>"
            f'<ds:Transform Algorithm="{C14N}">',
        ),
        Fault.RIM_SHA256: _info(
            "http://www.w3.org/2001/04/xmldsig-more#sha384",
            "http://www.w3.org/2001/04/xmlenc#sha256",
        ),
        Fault.RIM_HMAC: _info(
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", f"{DS}hmac-sha1"
        ),
        Fault.RIM_DOCTYPE: _since(_doctype("")),
        Fault.RIM_ENTITY: _since(_entity),
        Fault.RIM_COMMENT: _said(_in_payload("<!-- index 7 -->")),
        Fault.RIM_INSTRUCTION: _said(_in_payload("<?trust me?>")),
        Fault.RIM_HUGE: _said(_in_payload("a" * 1_000_000)),
        Fault.RIM_DEEP: _since(
            _before_payload(lambda: "<ns0:Meta>" * 10_000 + "</ns0:Meta>" * 10_000)
        ),
        Fault.RIM_OTHER_VERSION: _of_other_version,
        Fault.RIM_OTHER_KIND: _of_other_kind,
        Fault.RIM_OTHER_CHIP: _of_other_chip,
        Fault.RIM_EXPIRED: _by(_expired),
        Fault.RIM_NOT_YET_VALID: _by(_not_yet),
        Fault.RIM_CONFLICT: _conflict,
        Fault.RIM_INDEX_TWICE: _index_twice,
        Fault.RIM_ALTERNATIVES_LIE: _said(_alternatives_lie),
        Fault.RIM_ODD_HEX: _said(_odd_hex),
    }
)
