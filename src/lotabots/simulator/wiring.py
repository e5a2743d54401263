"""The devices of a good node, each in its place, on one closed fabric."""

from lotabots.simulator.chains import Identity, make_identity
from lotabots.simulator.chips import MODELS, Chip, Mode
from lotabots.simulator.devices import Device
from lotabots.simulator.fabric import GPU_SLOTS, links_of, ports_of
from lotabots.simulator.golden import firmware_of, measurements
from lotabots.simulator.seeds import derive

DEVICE_SEED_SIZE = 32


def make_devices(
    seed: bytes, name: str, chip: Chip, gpus: int, switches: int
) -> tuple[Device, ...]:
    """GPUs then switches, each kind in the order of its ids: the places a challenge gives them.

    ValueError for a chip that is no GPU, more GPUs than a board has, or switches without Hopper.
    """
    if MODELS[chip].kind != "gpu":
        raise ValueError(f"a node is made of GPUs, and {chip} is none")
    if not 1 <= gpus <= GPU_SLOTS:
        raise ValueError(f"a node has 1 to {GPU_SLOTS} GPUs, not {gpus}")
    if switches and chip is not Chip.GH100:
        raise ValueError(f"the simulated switches are LS10, which connect Hopper and not {chip}")
    gpu_seeds = _seeds(seed, name, chip, gpus)
    switch_seeds = _seeds(seed, name, Chip.LS10, switches)
    gpu_pdis = [_identity(item).pdi for item in gpu_seeds]
    switch_pdis = [_identity(item).pdi for item in switch_seeds]
    mode = Mode.PROTECTED_PCIE if switches else Mode.MULTIPLE if gpus > 1 else Mode.SINGLE
    if mode is Mode.MULTIPLE and chip is Chip.GH100:
        mode = Mode.SINGLE  # Hopper knows no multi-GPU mode but protected PCIe.
    links = links_of(switch_pdis) if switches else b""
    return tuple(
        _device(item, index, mode=mode, fabric=links) for index, item in enumerate(gpu_seeds)
    ) + tuple(
        _device(item, index, mode=Mode.SINGLE, fabric=ports_of(index, gpu_pdis, switches))
        for index, item in enumerate(switch_seeds)
    )


_Seeded = tuple[bytes, Chip]


def _seeds(seed: bytes, name: str, chip: Chip, count: int) -> list[_Seeded]:
    drawn = (
        (derive(seed, f"{name}/{chip}/{number}", DEVICE_SEED_SIZE), chip) for number in range(count)
    )
    return sorted(drawn, key=lambda item: _identity(item).device_id)


def _identity(seeded: _Seeded) -> Identity:
    return make_identity(*seeded)


def _device(seeded: _Seeded, index: int, *, mode: Mode, fabric: bytes) -> Device:
    identity = _identity(seeded)
    firmware = firmware_of(identity.model)
    return Device(
        subject=f"{identity.model.kind}{index}",
        identity=identity,
        firmware=firmware,
        values=measurements(identity.model, firmware),
        seed=seeded[0],
        mode=mode,
        fabric=fabric,
        position=index,
    )
