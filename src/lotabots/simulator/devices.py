"""One simulated device: what it measures, which fields it signs, and its signed report."""

from dataclasses import dataclass, replace
from struct import pack

from lotabots.evidence import InventoryItem
from lotabots.kernel import hmac_sha512
from lotabots.simulator.chains import Identity
from lotabots.simulator.chips import Chip, Mode
from lotabots.simulator.golden import ZERO, Firmware, golden, measurements
from lotabots.simulator.reports import (
    NONCE_SIZE,
    Block,
    Field,
    Opaque,
    Report,
    padded,
    vbios_bytes,
)
from lotabots.simulator.seeds import raw_signature

NVDEC0_OFF, NVDEC0_ON = 0x55, 0xAA
"""Opaque field 11. With the decoder off, RIM index 35 is not compared."""
_PROTECTED_ON, _PROTECTED_OFF = b"\xaa", b"\x55"
_BOARD_IDS = {Chip.GH100: 0x0437, Chip.GB100: 0x066F}
_GPU_INFO = {Chip.GH100: 0x0180, Chip.GB100: 0x01A0}
_REGIONS = {Chip.GH100: b"\x00\xc0\x01\x00", Chip.GB100: b"\x00\x00\x04\x00"}
_SWITCH_COUNTERS = 27


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device in its place. Frozen: another state is another Device."""

    subject: str
    """Its name in the node's evidence: `gpu0`, `switch3`."""
    identity: Identity
    firmware: Firmware
    values: tuple[bytes, ...]
    """What it measures: one value for each block, in order."""
    seed: bytes
    mode: Mode = Mode.SINGLE
    nvdec0: int = NVDEC0_OFF
    fabric: bytes = b""
    """A GPU's field 22 or a switch's field 26; empty where nothing is connected."""
    position: int = 0

    @property
    def item(self) -> InventoryItem:
        """What a node's inventory says of it."""
        return InventoryItem(self.identity.model.kind, self.identity.device_id)

    def report(self, nonce: bytes) -> Report:
        """The report it would sign for this nonce."""
        return Report(
            nonce=nonce,
            blocks=tuple(Block(index, value) for index, value in enumerate(self.values, 1)),
            responder_nonce=hmac_sha512(self.seed, b"responder nonce" + nonce)[:NONCE_SIZE],
            opaque=self._switch_opaque() if self.item.kind == "switch" else self._gpu_opaque(),
        )

    def attest(self, nonce: bytes) -> bytes:
        """Its signed report: the evidence that `nvmlDeviceGetConfComputeGpuAttestationReport`
        returns for this 32-byte nonce.
        """
        return self.signed(self.report(nonce).encode())

    def signed(self, unsigned: bytes) -> bytes:
        """These bytes and this device's signature over them."""
        return unsigned + raw_signature(self.identity.key, unsigned)

    def with_deviation(self, index: int) -> "Device":
        """The same device, but the measurement at this RIM index (0-based) is no good value."""
        deviating = golden(f"deviation of {self.identity.device_id}", index)
        return replace(self, values=(*self.values[:index], deviating, *self.values[index + 1 :]))

    def with_firmware(self, firmware: Firmware) -> "Device":
        """The same device with other versions, which measure what those versions should."""
        values = measurements(self.identity.model, firmware)
        return replace(self, firmware=firmware, values=values)

    def _gpu_opaque(self) -> tuple[Opaque, ...]:
        model = self.identity.model
        board = (
            Opaque(Field.VBIOS, vbios_bytes(self.firmware.vbios)),
            Opaque(Field.BOARD_ID, pack("<I", _BOARD_IDS[model.chip])),
            Opaque(Field.CHIP_SKU, padded(model.chip_sku, 9)),
            Opaque(Field.CHIP_SKU_MOD, padded("0", 5)),
            Opaque(Field.PROJECT, padded(model.project, 5)),
            Opaque(Field.PROJECT_SKU, padded(model.project_sku, 5)),
            Opaque(Field.PROJECT_SKU_MOD, padded("0" if model.chip is Chip.GB100 else "", 2)),
            Opaque(Field.DRIVER, self.firmware.driver.encode() + b"\x00"),
            Opaque(Field.GPU_INFO, pack("<Q", _GPU_INFO[model.chip])),
            Opaque(Field.COUNTERS, self._counters(len(self.values))),
            Opaque(Field.PROTECTED_REGIONS, _REGIONS[model.chip]),
            Opaque(Field.NVDEC0, bytes([self.nvdec0])),
            Opaque(Field.FWID, self.identity.fwid),
        )
        return board + (
            self._blackwell_opaque() if model.chip is Chip.GB100 else self._hopper_opaque()
        )

    def _hopper_opaque(self) -> tuple[Opaque, ...]:
        protected = _PROTECTED_ON if self.mode is Mode.PROTECTED_PCIE else _PROTECTED_OFF
        connected = (Opaque(Field.SWITCH_PDIS, self.fabric),) if self.fabric else ()
        return (
            Opaque(Field.PROTECTED_PCIE, protected),
            *connected,
            Opaque(Field.OPAQUE_VERSION, pack("<H", 1)),
            Opaque(Field.FEATURE, pack("<H", self.mode)),
        )

    def _blackwell_opaque(self) -> tuple[Opaque, ...]:
        # The public report with fields 35 and 36 gives its size, not their order: by number here.
        return (
            Opaque(Field.SYSTEM, b"\x07\x07"),
            Opaque(Field.OPAQUE_VERSION, pack("<H", 1)),
            Opaque(Field.CHIP_INFO, self.identity.model.chip.encode() + b"\x00"),
            Opaque(Field.FEATURE, pack("<H", self.mode)),
        )

    def _switch_opaque(self) -> tuple[Opaque, ...]:
        return (
            Opaque(Field.VBIOS, self.firmware.vbios.encode()),
            Opaque(Field.SWITCH_PDIS, self.identity.pdi),
            Opaque(Field.COUNTERS, self._counters(_SWITCH_COUNTERS)),
            Opaque(Field.GPU_PDIS, self.fabric),
            Opaque(Field.DISABLED_PORTS, pack("<H", 0xEC)),
            Opaque(Field.POSITION, pack("<H", self.position)),
            Opaque(Field.LOCKED, pack("<H", 1)),
        )

    def _counters(self, count: int) -> bytes:
        """How often each block was measured: never where its value is zero."""
        return pack(f"<{count}I", *(int(value != ZERO) for value in self.values[:count]))
