"""Whole nodes that attest themselves, with any one fault planted in any of their devices."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from cryptography import x509
from cryptography.x509.oid import NameOID
from msgspec import json

from lotabots.evidence import DerivedChallenge, EnrolledTpm, Evidence, InventoryItem
from lotabots.simulator.chain_faults import CHAINS
from lotabots.simulator.chains import pem
from lotabots.simulator.chips import MODELS, Chip
from lotabots.simulator.device_faults import COPIES, PLACES, STATES
from lotabots.simulator.devices import Device
from lotabots.simulator.faults import Fault
from lotabots.simulator.hosts import COLLECTED_AT, HostOnNode
from lotabots.simulator.report_faults import present
from lotabots.simulator.seeds import derive
from lotabots.simulator.tpm import (
    EVERYTHING,
    Algorithm,
    Logs,
    SimulatedTpm,
    TpmFault,
    cover,
    enrol,
    start,
)
from lotabots.simulator.wiring import make_devices

SCHEME = "nvidia_gpu"
DEFAULT_SEED = b"lotabots"
TPM_SEED_SIZE = 32
Planted = tuple[tuple[Fault, str], ...]
"""Each fault and the subject of the device that has it."""


@dataclass(frozen=True, eq=False)
class Node:
    """A node of GPUs and switches, and of a TPM. Frozen: `with_fault` gives another node."""

    name: str
    chip: Chip
    seed: bytes
    inventory: tuple[InventoryItem, ...]
    """The devices as they were declared when nothing was wrong with them yet."""
    devices: tuple[Device, ...]
    faults: Planted = ()
    tpm: SimulatedTpm | None = None
    tpm_fault: TpmFault | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names of its pieces of evidence, GPUs first."""
        return tuple(device.subject for device in self.devices)

    def device(self, subject: str) -> Device:
        """The device in this place. KeyError if there is none."""
        return {device.subject: device for device in self.devices}[subject]

    def fault_of(self, subject: str) -> Fault | None:
        """The fault planted in this place, if any."""
        return next((fault for fault, place in self.faults if place == subject), None)

    def attest(self, expected: Mapping[str, bytes]) -> list[Evidence]:
        """The evidence of every device, each for the nonce (32 bytes) of its place."""
        sent = [self._evidence(device, expected[device.subject]) for device in self.devices]
        for fault, place in self.faults:
            if copy := COPIES.get(fault):
                own = next(item for item in sent if item.subject == place)
                sent = copy(sent, own)
        return sent

    def attest_to(self, nonce: bytes) -> list[Evidence]:
        """The evidence of every device, all for one nonce, as NVIDIA's own tools ask for it."""
        return self.attest(dict.fromkeys(self.subjects, nonce))

    def attest_whole(
        self,
        challenge: DerivedChallenge,
        also: Sequence[Evidence] = (),
        logs: Logs = EVERYTHING,
        collected_at: str = COLLECTED_AT,
    ) -> list[Evidence]:
        """The evidence of everything that this challenge names: leaves, then the root's quote.

        `also` are further leaves, of models or of a host that speaks for itself; else the host
        says what is simulated, at `collected_at` (RFC 3339). Without a TPM there are leaves alone.
        """

        def collect(asked: DerivedChallenge) -> list[Evidence]:
            return [*self._leaves(asked.expected(), also, collected_at), *also]

        if self.tpm is None or challenge.device_for("tpm0") is None:
            return collect(challenge)
        return cover(self.tpm, challenge, collect, self.tpm_fault, logs)

    @property
    def tpms(self) -> tuple[EnrolledTpm, ...]:
        """What a server has recorded of the node's TPM at its enrolment."""
        return () if self.tpm is None else (enrol(self.tpm, self.tpm_fault),)

    def with_tpm(self, tpm: SimulatedTpm) -> "Node":
        """The same node with its TPM in another state, or with another TPM."""
        return replace(self, tpm=tpm)

    def with_fault(self, fault: Fault | TpmFault, device: str = "gpu0") -> "Node":
        """The same node with one thing wrong with the device in this place, or with its TPM.

        A fault of reference files shows in `reference_files`, one of a TPM in `attest_whole`, in
        `tpms` and in `reference_files`, every other one in `attest`. KeyError if there is no such
        place or the fault does not fit the kind of device there (the latter when it attests);
        ValueError if the place has a fault already, or there is no TPM.
        """
        if isinstance(fault, TpmFault):
            return self._with_tpm_fault(fault)
        place = self.device(device)
        if self.fault_of(device):
            raise ValueError(f"{device} of {self.name} already has a fault")
        devices = self.devices
        if change := STATES.get(fault):
            devices = tuple(change(item) if item is place else item for item in devices)
        elif move := PLACES.get(fault):
            devices = move(devices, place, self._elsewhere)
        return replace(self, devices=devices, faults=(*self.faults, (fault, device)))

    def with_device(self, device: Device) -> "Node":
        """The same node with another device in this one's place."""
        devices = tuple(device if item.subject == device.subject else item for item in self.devices)
        return replace(self, devices=devices)

    def _with_tpm_fault(self, fault: TpmFault) -> "Node":
        if self.tpm is None or self.tpm_fault:
            raise ValueError(f"{self.name} has no TPM, or one that already has a fault")
        return replace(self, tpm=start(self.tpm, fault), tpm_fault=fault)

    def _leaves(
        self, expected: Mapping[str, bytes], also: Sequence[Evidence], collected_at: str
    ) -> list[Evidence]:
        """The devices that were asked, and the host where it was and nobody else speaks for it."""
        asked = [device for device in self.devices if device.subject in expected]
        sent = replace(self, devices=tuple(asked)).attest(expected)
        given = {one.subject for one in also}
        if "host0" in expected and "host0" not in given:
            sent.append(HostOnNode.of(self, collected_at).attest(expected["host0"]))
        return sent

    @cached_property
    def _elsewhere(self) -> tuple[Device, ...]:
        """The devices of another genuine node: one with switches, whatever this one has."""
        other = f"{self.name}/elsewhere"
        board = make_devices(self.seed, other, Chip.GH100, gpus=8, switches=4)
        if self.chip is Chip.GH100:
            return board
        return make_devices(self.seed, other, self.chip, gpus=8, switches=0) + board[8:]

    def _evidence(self, device: Device, nonce: bytes) -> Evidence:
        fault = self.fault_of(device.subject)
        return Evidence(
            scheme=SCHEME,
            subject=device.subject,
            data=present(device, nonce, fault),
            certificates=self._certificates(device, fault),
        )

    def _certificates(self, device: Device, fault: Fault | None) -> bytes:
        if fault is None or fault not in CHAINS:
            return device.identity.pem
        other = next(item for item in self._elsewhere if item.item.kind == device.item.kind)
        return pem(CHAINS[fault](device, other))


def make_node(
    name: str,
    *,
    gpus: int = 8,
    switches: int | None = None,
    chip: Chip | str = Chip.GH100,
    seed: bytes = DEFAULT_SEED,
    tpm: bool | Algorithm = False,
) -> Node:
    """A good node; the same name and seed give the same node.

    `switches`: four on a Hopper board of eight, else none; Blackwell GPUs attest without theirs.
    `tpm`: whether it has one, with ECC keys unless RSA is asked for. Only then it may have no GPU.
    """
    chip = Chip(chip)
    if switches is None:
        switches = 4 if chip is Chip.GH100 and gpus == 8 else 0
    devices = make_devices(seed, name, chip, gpus, switches) if gpus or not tpm else ()
    items = tuple(device.item for device in devices)
    if not tpm:
        return Node(name, chip, seed, items, devices)
    algorithm = Algorithm.ECC if tpm is True else tpm
    made = SimulatedTpm(derive(seed, f"{name}/tpm", TPM_SEED_SIZE), algorithm)
    return Node(name, chip, seed, (*items, made.item), devices, tpm=made)


def nvidia_json(evidence: Sequence[Evidence], nonce: bytes) -> bytes:
    """The evidence as the JSON list that NVIDIA's tools write and read."""
    return json.encode(
        [
            {
                "arch": _arch(item.certificates),
                "certificate": b64encode(item.certificates).decode(),
                "evidence": b64encode(item.data).decode(),
                "nonce": nonce.hex(),
                "version": "1.0",
            }
            for item in evidence
        ]
    )


def _arch(certificates: bytes) -> str:
    """NVIDIA's word for the chip that the first certificate names; a label, verified by nobody."""
    try:
        leaf = x509.load_pem_x509_certificates(certificates)[0]
    except ValueError:
        return "UNKNOWN"
    common = str(leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    names = ((model.certificate_name, model.arch) for model in MODELS.values())
    return next((arch for name, arch in names if common.startswith(name)), "UNKNOWN")
