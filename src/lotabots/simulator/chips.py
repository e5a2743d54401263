"""The three chips that exist here and how each names itself in certificates and reports.

Everything was read off published reports and chains of real devices; where none is public (the
order of two Blackwell fields, its driver's measurement indices) the comment beside it says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType


class Chip(StrEnum):
    """A chip that can be simulated."""

    GH100 = "GH100"
    """Hopper GPU (H100, H200)."""
    GB100 = "GB100"
    """Blackwell GPU (B200)."""
    LS10 = "LS10"
    """The NVSwitch of Hopper nodes."""


class Mode(IntEnum):
    """Opaque field 36: how GPUs are handed to a confidential virtual machine."""

    SINGLE = 0
    MULTIPLE = 1
    PROTECTED_PCIE = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """What all devices of one chip share."""

    chip: Chip
    kind: str
    arch: str
    """The label of NVIDIA's JSON files; nothing verified."""
    certificate_name: str
    """The chip as certificates write it: `GH100`, `LS_10`."""
    processor: str
    """The security processor that measures: in the CN of leaf and BROM certificates."""
    serial_prefix: int
    """First byte of the BROM certificate's serial number; the PDI follows."""
    identity: str
    """Whose identity CA issued the provisioner: a switch chains through that of Hopper."""
    provisioner: str
    born: datetime
    """notBefore of leaf and BROM certificates."""
    certified: datetime
    """notBefore of provisioner and identity certificates."""
    brom_names_responder: bool
    blocks: int
    driver: str
    """Default driver version; empty on a switch, which has none."""
    vbios: str
    project: str = ""
    project_sku: str = ""
    chip_sku: str = ""
    driver_indices: frozenset[int]
    """RIM indices (0-based) that the driver's manifest demands."""
    vbios_indices: frozenset[int]
    zero_indices: frozenset[int]
    """Demanded indices whose good value is 48 zero bytes: nothing was measured there."""
    alternatives: Mapping[int, int]
    """How many good values an index has, where that is not one."""


# Version numbers that NVIDIA is far from, so that no simulated reference value is taken for a
# real one of the same name; their lengths are those of the reports that the tests compare with.
GH100 = Model(
    chip=Chip.GH100,
    kind="gpu",
    arch="HOPPER",
    certificate_name="GH100",
    processor="GSP",
    serial_prefix=0x41,
    identity="GH100",
    provisioner="GH100 Provisioner ICA 1",
    born=datetime(2020, 10, 17, tzinfo=UTC),
    certified=datetime(2022, 3, 1, tzinfo=UTC),
    brom_names_responder=False,
    blocks=64,
    driver="990.12",
    vbios="96.00.F5.00.01",
    project="G520",
    project_sku="0200",
    chip_sku="885",
    driver_indices=frozenset({7, *range(21, 41)}),
    vbios_indices=frozenset({*range(7), *range(8, 13)}),
    zero_indices=frozenset({0, 8, 10, 12, 23, 24, 28}),
    alternatives=MappingProxyType({12: 4, 23: 2, 24: 2, 32: 2, 34: 2, 35: 4, 36: 2}),
)

GB100 = Model(
    chip=Chip.GB100,
    kind="gpu",
    arch="BLACKWELL",
    certificate_name="GB100",
    processor="GSP",
    serial_prefix=0x41,
    identity="GB100",
    provisioner="GB100 Provisioner ICA 00000",
    born=datetime(2023, 6, 20, tzinfo=UTC),
    certified=datetime(2023, 6, 20, tzinfo=UTC),
    brom_names_responder=True,
    blocks=64,
    driver="990.48.01",
    vbios="97.00.F8.00.0F",
    project="G525",
    project_sku="0220",
    chip_sku="886",
    # No Blackwell driver manifest is public: these are the blocks that its reports fill and that
    # its VBIOS manifest leaves out.
    driver_indices=frozenset({14, *range(21, 42)}),
    vbios_indices=frozenset({*range(14), *range(15, 21)}),
    zero_indices=frozenset({0, 1, 5, 7, 9, 10, 16, 23, 24, 28, 34}),
    alternatives=MappingProxyType({6: 2, 19: 2, 20: 2, 35: 4}),
)

LS10 = Model(
    chip=Chip.LS10,
    kind="switch",
    arch="LS10",
    certificate_name="LS_10",
    processor="FSP",
    serial_prefix=0x50,
    identity="GH100",
    provisioner="LS_10 Provisioner ICA 1",
    born=datetime(2020, 10, 17, tzinfo=UTC),
    certified=datetime(2022, 3, 1, tzinfo=UTC),
    brom_names_responder=False,
    blocks=31,
    driver="",
    vbios="96.10.F3.00.01",
    project="5612",
    project_sku="0002",
    chip_sku="890",
    driver_indices=frozenset(),
    vbios_indices=frozenset(range(31)),
    zero_indices=frozenset({7, 9, 12, 13, 15, 16, 17, 27, 28, 29, 30}),
    alternatives=MappingProxyType(dict.fromkeys(range(9, 26), 4)),
)

MODELS: Mapping[Chip, Model] = MappingProxyType(
    {model.chip: model for model in (GH100, GB100, LS10)}
)
