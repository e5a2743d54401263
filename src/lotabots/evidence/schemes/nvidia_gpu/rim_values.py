"""What a RIM says: which product and version it is for, and the golden digest of each index.

SWID tag (ISO/IEC 19770-2:2015): `Meta` carries edition, product and version; each `Resource` of the
`Payload` is one measurement with one or more alternative SHA-384 digests, `Hash0` to `HashN-1`.
Every function here takes the root of a tag from which the signature is already removed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from operator import itemgetter
from types import MappingProxyType
from typing import TypeAlias

import msgspec
from lxml import etree

from lotabots.evidence.schemes.nvidia_gpu import codes
from lotabots.kernel import LotaError

MAX_ALTERNATIVES = 32
MAX_INDEX = 254
"""SPDM block indices are one byte, 1-based; a RIM index is one less."""
DIGEST_BYTES = 48
"""Every measurement is a SHA-384 digest."""

SWID = "{http://standards.iso.org/iso/19770/-2/2015/schema.xsd}"
_SHA384 = "{http://www.w3.org/2001/04/xmlenc#sha384}"
_DRIVER = re.compile(r"[1-9][0-9]{2,3}(\.[0-9]{1,4}){1,3}")
_FIRMWARE = re.compile(r"[0-9A-F]{2}(\.[0-9A-F]{2}){4}")
_PRODUCT = re.compile(r"[A-Z0-9]{2,16}")
_SIZE = str(DIGEST_BYTES)
_ACTIVE = {"True": True, "False": False}
# Every index that may stand in an attribute, written as it must be written.
_INDICES = {str(index): index for index in range(MAX_INDEX + 1)}
_ATTRIBUTES = ("index", "alternatives", "type", "size", "active", "name")
# The attributes of a measurement with so many alternatives.
_NAMES = {
    count: (*_ATTRIBUTES, *(f"{_SHA384}Hash{place}" for place in range(count)))
    for count in range(1, MAX_ALTERNATIVES + 1)
}
_Pick: TypeAlias = Callable[[Sequence[str | bytes]], tuple[str, ...]]

Golden: TypeAlias = "Mapping[int, tuple[bytes, ...]]"


class RimKind(StrEnum):
    """What a RIM describes. The signed tag says it only through its edition and version format."""

    DRIVER = "driver"
    VBIOS = "vbios"
    SWITCH = "switch"


class RimIdentity(msgspec.Struct, frozen=True):
    """What a RIM is for. The file does not carry NVIDIA's RIM id; this is what it carries."""

    kind: RimKind
    product: str
    """The chip: `GH100`, `GB100`, `LS10`."""
    version: str
    """`550.90.07`, or upper-case hex `96.00.9F.00.01`."""

    def __str__(self) -> str:
        return f"{self.kind} RIM of {self.product} {self.version}"


def refuse(reason: str) -> LotaError:
    """The one error of this module."""
    return codes.refuse("NV-RIM-SCHEMA", expected="a RIM as NVIDIA writes it", measured=reason)


def read_identity(root: etree._Element) -> RimIdentity:
    """What the tag says it is for. A driver and a VBIOS RIM differ only in the version's format."""
    meta = _only(root, "Meta")
    edition, product = meta.get("edition", ""), meta.get("product", "")
    version = meta.get("colloquialVersion", "")
    if not _PRODUCT.fullmatch(product):
        raise refuse("Meta has no valid product")
    firmware = _FIRMWARE.fullmatch(version.upper()) is not None
    match edition, firmware:
        case "SWITCH", True:
            return RimIdentity(RimKind.SWITCH, product, version.upper())
        case "GPU", True:
            return RimIdentity(RimKind.VBIOS, product, version.upper())
        case "GPU", False if _DRIVER.fullmatch(version):
            return RimIdentity(RimKind.DRIVER, product, version)
        case _:
            raise refuse("Meta has no known edition with a driver or firmware version")


def _only(root: etree._Element, name: str) -> etree._Element:
    """The one element of that name, which must be a child of the root."""
    found = list(root.iter(SWID + name))
    if len(found) != 1 or found[0].getparent() is not root:
        raise refuse(f"{len(found)} {name} elements; exactly one is expected, under the root")
    return found[0]


def read_values(root: etree._Element) -> Golden:
    """The active golden digests by index. Inactive entries are held to the same form."""
    payload = _only(root, "Payload")
    resources = list(root.iter(SWID + "Resource"))
    if len(resources) != len(payload) or any(r.getparent() is not payload for r in resources):
        raise refuse("Resource elements and nothing else are expected under Payload")
    names: Sequence[str | bytes] = ()
    pick: _Pick | None = None
    seen: set[int] = set()
    golden: dict[int, tuple[bytes, ...]] = {}
    for resource in resources:
        written = resource.keys()
        # Nearly all elements of a file are written alike: their names are checked once.
        if written != names:
            names, pick = written, _pick(written)
        if pick is None:
            raise _misnamed(resource.get("index"))
        index, active, digests = _measurement(*pick(resource.values()))
        if index in seen:
            raise refuse(f"measurement index {index} occurs twice")
        seen.add(index)
        if active:
            golden[index] = digests
    if not golden:
        raise refuse("no active measurement")
    return MappingProxyType(golden)


def _measurement(
    number: str, count: str, kind: str, size: str, state: str, _name: str, *texts: str
) -> tuple[int, bool, tuple[bytes, ...]]:
    """Index, whether it is active, digests; of the attributes in the order of `_NAMES`."""
    index = _INDICES.get(number)
    if index is None or count != str(len(texts)):
        raise _misnamed(number)
    if kind != "Measurement" or size != _SIZE:
        raise refuse(f"measurement {index} is not one of {DIGEST_BYTES} bytes")
    active = _ACTIVE.get(state)
    if active is None:
        raise refuse(f"measurement {index} is neither active nor inactive")
    return index, active, tuple([_digest(text, index) for text in texts])


def _digest(text: str, index: int) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    # Both lengths, because fromhex passes over white space.
    if len(digest) != DIGEST_BYTES or len(text) != 2 * DIGEST_BYTES:
        raise refuse(f"measurement {index} has a digest that is not {DIGEST_BYTES} bytes of hex")
    return digest


def _pick(names: Sequence[str | bytes]) -> _Pick | None:
    """What takes the values of `_NAMES`, in that order, from values in the order of these names.

    None if these are not the attributes of a measurement.
    """
    wanted = _NAMES.get(len(names) - len(_ATTRIBUTES))
    if wanted is None or set(names) != set(wanted):
        return None
    return itemgetter(*map(names.index, wanted))


def _misnamed(number: str | bytes | None) -> LotaError:
    """The refusal of a measurement with this index whose attributes are not what they must be."""
    if number not in _INDICES:
        return refuse(f"a measurement without an index from 0 to {MAX_INDEX}")
    return refuse(f"measurement {number!s} does not carry exactly the alternatives that it counts")
