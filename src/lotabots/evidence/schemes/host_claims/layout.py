"""What of a host is compared from one attestation to the next, as short texts by name."""

from collections.abc import Mapping

from lotabots.evidence import Fact, Facts

_ABSENT = "unread"


def layout_of(facts: Facts) -> dict[str, str]:
    """Name -> value of what a change of asks for a full attestation; empty where nothing is known.

    `boot`, `kernel`, `driver`, `cc`, `gpus`, and `uuid`, `vbios`, `gsp`, `mig` of each GPU
    (`mig/gpu0`) in the order that the host gave. What could not be read is `unread`, which differs
    from any value.
    """
    if not facts:
        return {}
    nvml = _map(facts.get("nvml"))
    devices = _maps(facts.get("devices"))
    layout = {
        "boot": _text(facts.get("boot_id")),
        "kernel": _text(facts.get("kernel")),
        "nvml": _text(nvml.get("status")),
        "driver": _text(nvml.get("driver")),
        "cc": _cc(_map(nvml.get("cc"))),
        "gpus": str(len(devices)),
    }
    for index, device in enumerate(devices):
        for name in ("uuid", "vbios", "gsp"):
            layout[f"{name}/gpu{index}"] = _text(device.get(name))
        layout[f"mig/gpu{index}"] = _mig(device)
    return layout


def _cc(state: Mapping[str, Fact]) -> str:
    names = ("feature", "devtools", "multi_gpu")
    return " ".join(_text(state.get(name)) for name in names)


def _mig(device: Mapping[str, Fact]) -> str:
    """`off`, or `on` with each instance's profile and the id by which it was made."""
    slices = [
        f"{_text(one.get('profile'))} {_text(one.get('uuid'))}"
        for one in _maps(device.get("instances"))
    ]
    return "; ".join([_text(device.get("mig")), *sorted(slices)])


def _text(value: Fact) -> str:
    return value if isinstance(value, str) else _ABSENT


def _map(value: Fact) -> Mapping[str, Fact]:
    return value if isinstance(value, dict) else {}


def _maps(value: Fact) -> list[Mapping[str, Fact]]:
    return [_map(one) for one in value] if isinstance(value, list) else []
