"""Every single thing that can be wrong with a node, by name; each is one fault and no more."""

from enum import StrEnum, auto


class Fault(StrEnum):
    """One fault, to be planted with `Node.with_fault`.

    Unless its line says otherwise, the device signs what it sends: the fault is in what is said,
    not in a broken signature. `device` is the one named in `with_fault`.
    """

    # The device is genuine and reports its state truthfully.
    FIRMWARE_MODIFIED = auto()
    """Right version numbers, but three VBIOS measurements are of something else."""
    DEBUG_MODE = auto()
    """DevTools is on. NVIDIA documents no signed bit for it; in practice a driver measurement
    leaves the good values, which is what this does (RIM index 21). A driver whose measurements
    do not change in DevTools mode would not be caught, by NVIDIA's verifiers either.
    """
    DRIVER_BELOW_FLOOR = auto()
    """Genuine and with good measurements, but older than approved by number (not by text)."""
    FWID_DIFFERS = auto()
    """The firmware that runs is not the one that the leaf certificate was made for."""
    FWID_ABSENT = auto()
    """No FWID in the report, as from firmware of 2023."""
    NVDEC0_ON_DEVIATING = auto()
    """Decoder on, and the measurement that only counts then (RIM index 35) is no good value."""
    NVDEC0_OFF_DEVIATING = auto()
    """Decoder off, and the same measurement: it is not compared. Nothing is wrong."""
    NVDEC0_UNKNOWN = auto()
    """The decoder's state is neither of the two values."""
    MODES_MIXED = auto()
    """One GPU is in single-GPU mode, the others of the node are not."""
    SWITCHES_DIFFER = auto()
    """A GPU signs that one of its links leads to a switch that no other device knows."""
    SWITCH_PDI_FALSE = auto()
    """A switch signs a PDI that is not in its certificate."""

    # The report is malformed, and its device signed it so.
    VERSION_12 = auto()
    """SPDM 1.2 in both headers."""
    UNSIGNED_REQUESTED = auto()
    """The request asks for no signature (Param1 = 0)."""
    PARTIAL_REQUESTED = auto()
    """The request asks for one measurement (Param2 = 1), not for all."""
    SLOT_1 = auto()
    """The request names certificate slot 1."""
    BLOCK_COUNT_LIES = auto()
    """The response announces one block fewer than follow."""
    RECORD_LENGTH_LIES = auto()
    """The measurement record announces one byte more than follow."""
    RECORD_LENGTH_HUGE = auto()
    """The measurement record announces 2^24 - 1 bytes."""
    BLOCK_LENGTH_LIES = auto()
    """The first block announces one byte less than it has."""
    BLOCK_TWICE = auto()
    """The second block has the index of the first."""
    BLOCKS_MISSING = auto()
    """All blocks after the tenth are left out, and the counts agree."""
    OPAQUE_TWICE = auto()
    """The driver version (VBIOS version on a switch) stands there twice."""
    OPAQUE_LENGTH_LIES = auto()
    """The last opaque field announces one byte more than follow."""
    OPAQUE_VERSION_2 = auto()
    """A layout of the opaque data from the future."""
    FEATURE_UNKNOWN = auto()
    """A confidential-computing mode that does not exist (7)."""
    OTHER_NONCE = auto()
    """A good report for the nonce of another session."""

    # The report was changed after its device had signed it.
    NONCE_CHANGED = auto()
    """The request's nonce is the right one, the signature is over another."""
    REQUEST_BIT = auto()
    """One bit of the request's header."""
    MEASUREMENT_BIT = auto()
    """One bit of a measurement."""
    RESPONDER_NONCE_BIT = auto()
    """One bit of the responder's nonce."""
    OPAQUE_BIT = auto()
    """One bit of the opaque data."""
    SIGNATURE_BIT = auto()
    """One bit of the signature."""
    TRUNCATED = auto()
    """The second half of the signature is missing."""
    TRAILING_BYTE = auto()
    """One zero byte after the signature."""
    SIGNATURE_SWAPPED = auto()
    """s before r."""
    SIGNATURE_R_ZERO = auto()
    SIGNATURE_S_ZERO = auto()
    SIGNATURE_R_ORDER = auto()
    """r is the order of the group, one more than it may be."""
    SIGNATURE_S_ORDER = auto()
    SIGNATURE_ZERO = auto()
    """96 zero bytes."""
    SIGNATURE_DER = auto()
    """The right signature as DER, not raw."""
    SIGNATURE_MALLEATED = auto()
    """n - s for s. Plain ECDSA verifies it: the same report, in other bytes. Nothing is wrong."""

    # The chain is not the device's own, or not whole.
    LEAF_OF_ANOTHER = auto()
    """The leaf of another GPU over this one's chain."""
    CHAIN_OF_ANOTHER = auto()
    """The whole chain of another GPU."""
    CHAIN_REORDERED = auto()
    """Leaf and BROM exchanged."""
    CHAIN_OF_FOUR = auto()
    """The provisioner is missing."""
    CHAIN_OF_SIX = auto()
    """The root twice."""
    CHAIN_WITHOUT_LEAF = auto()
    CHAIN_ROOT_ONLY = auto()
    CHAIN_EMPTY = auto()
    CHAIN_FORGED_ROOT = auto()
    """Identity CA and root of the right names under a key of somebody else's."""
    CHAIN_LEAF_BY_LEAF = auto()
    """A leaf issued with the leaf's key, before the whole chain."""
    CHAIN_BROM_NO_CA = auto()
    """A BROM certificate that may not issue others."""
    LEAF_OF_ANOTHER_CHIP = auto()
    """The BROM of one chip issued a leaf that names another chip."""
    ID_OF_ANOTHER_CHIP = auto()
    """Leaf and BROM of one chip, the device id of another."""

    # Devices of the node are not those that should be there.
    GPU_SWAPPED = auto()
    """A genuine GPU of another node in this one's place."""
    SWITCH_MISSING = auto()
    """The switch is not presented."""
    SWITCH_SWAPPED = auto()
    """A genuine switch of another node in this one's place."""
    SWITCH_AS_GPU = auto()
    """Evidence of a switch in the place of a GPU."""
    GPU_AS_SWITCH = auto()
    """Evidence of a GPU in the place of a switch."""
    DEVICE_TWICE = auto()
    """The device also answers in the place of the next of its kind, with that place's nonce."""
    REPORT_TWICE = auto()
    """The device's very bytes again in the place of the next of its kind."""
    REPORT_TWICE_MALLEATED = auto()
    """The same with n - s for s, so that the bytes differ."""
    SUBJECT_TWICE = auto()
    """The same evidence a second time under the same name."""

    # The reference manifest of the device's driver (of a switch: of its firmware).
    RIM_MISSING = auto()
    RIM_HASH_FLIPPED = auto()
    """One good value changed after signing."""
    RIM_SIGNATURE_FLIPPED = auto()
    RIM_BY_DEVICE = auto()
    """Signed by a device's leaf, with its genuine chain."""
    RIM_BY_FOREIGN_ROOT = auto()
    """Signed under another root of the right name."""
    RIM_KEY_VALUE = auto()
    """Signed with somebody else's key, given as KeyValue before the genuine certificates."""
    RIM_RESOURCE_IN_OBJECT = auto()
    """Another set of measurements inside the signature, where no digest covers it."""
    RIM_META_IN_OBJECT = auto()
    """Another version inside the signature."""
    RIM_SIGNED_TWICE = auto()
    """A second signature."""
    RIM_REFERENCE_URI = auto()
    """The signature is over a part (URI "#payload"), not over the whole."""
    RIM_EXTRA_TRANSFORM = auto()
    """An XPath transform that could take values out of the digest."""
    RIM_SHA256 = auto()
    """The digest method says SHA-256."""
    RIM_HMAC = auto()
    """The signature method says HMAC."""
    RIM_DOCTYPE = auto()
    RIM_ENTITY = auto()
    """Entities that expand a thousandfold."""
    RIM_COMMENT = auto()
    """A comment among the measurements, signed with them. Canonical XML leaves comments out, so
    nothing is wrong with what is signed; a reader that trips over it is."""
    RIM_INSTRUCTION = auto()
    """A processing instruction among the measurements, signed with them."""
    RIM_HUGE = auto()
    """A megabyte of text."""
    RIM_DEEP = auto()
    """Ten thousand nested elements."""
    RIM_OTHER_VERSION = auto()
    """Only the manifest of another version."""
    RIM_OTHER_KIND = auto()
    """A manifest that says it is of this driver, but with a VBIOS version; no driver's."""
    RIM_OTHER_CHIP = auto()
    """The manifest of another chip's driver of the same version."""
    RIM_EXPIRED = auto()
    """The signer's certificate expired a day ago."""
    RIM_NOT_YET_VALID = auto()
    """The signer's certificate is valid from tomorrow on."""
    RIM_CONFLICT = auto()
    """It demands a value at an index that the VBIOS manifest demands as well."""
    RIM_INDEX_TWICE = auto()
    RIM_ALTERNATIVES_LIE = auto()
    """An entry announces more good values than it has."""
    RIM_ODD_HEX = auto()
    """A good value with an odd number of digits."""

    # What the responders say of the device's own certificate authority (its BROM certificate).
    OCSP_REVOKED = auto()
    OCSP_HOLD = auto()
    OCSP_UNKNOWN = auto()
    OCSP_MISSING = auto()
    OCSP_STALE = auto()
    """Good, but said 200 days ago."""
    OCSP_FUTURE = auto()
    """Said tomorrow."""
    OCSP_OTHER_SERIAL = auto()
    """About another certificate."""
    OCSP_NO_PURPOSE = auto()
    """By a responder that may not sign OCSP."""
    OCSP_OTHER_ISSUER = auto()
    """By the genuine responder of another issuer."""
    OCSP_SIGNATURE_BIT = auto()
    """One bit of its signature."""
    OCSP_TAIL = auto()
    """Good, with bytes behind it that nobody signed."""
    PROVISIONER_REVOKED = auto()
    """Not the BROM's but its issuer's certificate: every device of the chip is affected."""
    RIM_SIGNER_REVOKED = auto()
    """The certificate that signed the manifests of the device's chip."""

    # The same through CRLs; ask `reference_files` for `Revocation.CRL`.
    CRL_REVOKED = auto()
    CRL_HOLD = auto()
    CRL_MISSING = auto()
    CRL_STALE = auto()
    """Issued 200 days ago."""
    CRL_OTHER_ISSUER = auto()
    """The CRL of another issuer alone."""
    CRL_FORGED = auto()
    """In the issuer's name, signed with another key."""
