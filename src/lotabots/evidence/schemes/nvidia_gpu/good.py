"""The facts of good devices and of a good node: what policies are proved against when they load."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.evidence import Fact, Facts

_RIM: Facts = {
    "status": "valid",
    "id": "NV_GPU_DRIVER_GH100_550.90.07",
    "sha256": "5a" * 32,
    "not_after": "2026-06-01T02:08:29Z",
}
_CHAIN: Facts = {"status": "valid", "leaf_sha256": "1f" * 32, "root_spki_sha256": "a9" * 32}
_REVOCATION: Facts = {"status": "good", "grace": False, "age_seconds": 3600, "source": "ocsp"}
_KEYS: list[Fact] = ["2e" * 32, "a9" * 32, "6b" * 32]

_GPU: Facts = {
    "class": "gpu",
    "chip": "GH100",
    "id": "NVIDIA:GH100:48B02D92494BADF4",
    "pdi": "431d480fe5e87274",
    "ueid": "478176379286082186618948713445477548802580348785",
    "simulated": False,
    "level": "attested",
    "signature": "valid",
    "nonce": "match",
    "chain": _CHAIN,
    "fwid": "match",
    "driver": "550.90.07",
    "vbios": "96.00.9F.00.01",
    "mode": "spt",
    "protected_pcie": "off",
    "opaque_version": 1,
    "rim": {"driver": _RIM, "vbios": {**_RIM, "id": "NV_GPU_VBIOS_1010_0200_882_96009F0001"}},
    "measurements": {
        "compared": 32,
        "matched": 32,
        "mismatched": [],
        "missing": [],
        "skipped": [35],
        "unreferenced": 31,
    },
    "revocation": _REVOCATION,
    "keys_spki_sha256": _KEYS,
    "versions": {"driver": "approved", "vbios": "approved"},
}
_SWITCH: Facts = {
    "class": "switch",
    "chip": "LS10",
    "id": "NVIDIA:LS_10:48B02DFE0092CDDB",
    "pdi": "203eb31ad9ed0008",
    "ueid": "694945254736498234589072309985429858393298177772",
    "simulated": False,
    "level": "attested",
    "signature": "valid",
    "nonce": "match",
    "chain": _CHAIN,
    "fwid": "absent",  # no switch reports one
    "vbios": "96.10.55.00.01",
    "opaque_version": 0,
    "rim": {"switch": {**_RIM, "id": "NV_SWITCH_BIOS_5612_0002_890_9610550001"}},
    "measurements": {
        "compared": 31,
        "matched": 31,
        "mismatched": [],
        "missing": [],
        "skipped": [],
        "unreferenced": 0,
    },
    "revocation": _REVOCATION,
    "keys_spki_sha256": _KEYS,
    "versions": {"vbios": "approved"},
}
_NODE: Facts = {
    "topology": {"status": "closed", "gpus": 8, "switches": 4},
    "duplicates": 0,
    "gpus": 8,
    "switches": 4,
}

GOOD_FACTS: Mapping[str, Facts] = MappingProxyType({"gpu": _GPU, "switch": _SWITCH, "node": _NODE})
"""Kind -> every fact that a verification can state, each with a good value."""
