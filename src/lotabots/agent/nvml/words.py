"""NVML's numbers as words: modes, brands, reasons (nvml.h of CUDA 13).

A number without a word here is unreadable, not `unknown`: newer libraries have newer ones.
"""

from collections.abc import Mapping
from types import MappingProxyType

ON_OFF: Mapping[int, str] = MappingProxyType({0: "off", 1: "on"})
BRANDS: Mapping[int, str] = MappingProxyType(
    {
        1: "quadro",
        2: "tesla",
        3: "nvs",
        5: "geforce",
        6: "titan",
        7: "vapps",
        8: "vpc",
        9: "vcs",
        10: "vws",
        11: "cloud-gaming",
        12: "quadro-rtx",
        13: "nvidia-rtx",
        14: "nvidia",
        15: "geforce-rtx",
        16: "titan-rtx",
    }
)
ARCHITECTURES: Mapping[int, str] = MappingProxyType(
    {
        2: "kepler",
        3: "maxwell",
        4: "pascal",
        5: "volta",
        6: "turing",
        7: "ampere",
        8: "ada",
        9: "hopper",
        10: "blackwell",
        13: "rubin",
    }
)
COMPUTE_MODES: Mapping[int, str] = MappingProxyType(
    {0: "default", 1: "exclusive-thread", 2: "prohibited", 3: "exclusive-process"}
)
VIRTUALIZATION: Mapping[int, str] = MappingProxyType(
    {0: "none", 1: "passthrough", 2: "vgpu", 3: "host-vgpu", 4: "host-vsga"}
)
CC_ENVIRONMENTS: Mapping[int, str] = MappingProxyType(
    {0: "unavailable", 1: "simulated", 2: "production"}
)
CC_MULTI_GPU: Mapping[int, str] = MappingProxyType({0: "none", 1: "protected_pcie", 2: "nvle"})
RECOVERY: Mapping[int, str] = MappingProxyType(
    {
        0: "none",
        1: "gpu-reset",
        2: "node-reboot",
        3: "drain-p2p",
        4: "drain-and-reset",
        5: "recover-imex-domain",
        6: "bus-reset",
        7: "system-reboot",
    }
)
CLOCK_REASONS: Mapping[int, str] = MappingProxyType(
    {
        0x001: "idle",
        0x002: "applications-clocks",
        0x004: "power-cap",
        0x008: "hardware-slowdown",
        0x010: "sync-boost",
        0x020: "thermal-slowdown",
        0x040: "hardware-thermal-slowdown",
        0x080: "power-brake",
        0x100: "display-clocks",
    }
)


def clock_reasons(bits: int) -> tuple[str, ...]:
    """A word for each bit that is set; `bit-N` for those without one."""
    set_bits = [1 << place for place in range(64) if bits >> place & 1]
    return tuple(CLOCK_REASONS.get(bit, f"bit-{bit.bit_length() - 1}") for bit in set_bits)
