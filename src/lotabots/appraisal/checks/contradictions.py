"""What the host says of its GPUs does not contradict what they have signed.

The host's word is no proof, so that it agrees proves nothing; that it does not says that one of the
two is not what it seems: evidence passed on from another machine, or software that lies. Only what
both say is compared. NVML shows a GPU's own identifier (PDI) where it is new enough; else the
versions of all GPUs are compared as one list.
"""

from collections.abc import Iterator, Mapping, Sequence

from lotabots.appraisal.checks.case import Case, finding
from lotabots.evidence import Claims, Fact, Finding, Level
from lotabots.evidence.schemes.host_claims import KIND as HOST

_GPU = "gpu"
Device = Mapping[str, Fact]


def check(case: Case) -> Iterator[Finding]:
    """One finding for each thing that host and GPUs say differently."""
    gpus = [one for one in case.claims if one.kind == _GPU and _signed_now(one)]
    for host in case.claims:
        if host.kind == HOST and host.level is Level.CLAIMED and gpus:
            yield from _compare(host, gpus)


def _signed_now(gpu: Claims) -> bool:
    return gpu.level is not Level.NONE and gpu.facts.get("nonce") == "match"


def _compare(host: Claims, gpus: Sequence[Claims]) -> Iterator[Finding]:
    nvml = _map(host.facts.get("nvml"))
    if nvml.get("status") != "available":
        # It says nothing about GPUs; a policy can ask that it does.
        return
    devices = [_map(one) for one in _list(host.facts.get("devices"))]
    found = [
        *_count(gpus, devices),
        *_drivers(gpus, nvml.get("driver")),
        *_vbioses(gpus, devices),
        *_modes(gpus, _map(nvml.get("cc"))),
    ]
    for expected, measured in found:
        yield finding("HOST-CONTRADICTION", host.subject, expected=expected, measured=measured)


Pairs = Iterator[tuple[str, str]]
"""What is signed, and what is said instead."""


def _count(gpus: Sequence[Claims], devices: Sequence[Device]) -> Pairs:
    signed = len({gpu.facts.get("id") for gpu in gpus})
    if signed != len(devices):
        yield f"{signed} GPUs, as many as signed evidence", f"NVML shows {len(devices)}"


def _drivers(gpus: Sequence[Claims], said: Fact) -> Pairs:
    if not isinstance(said, str):
        return
    for gpu in gpus:
        signed = gpu.facts.get("driver")
        if isinstance(signed, str) and signed != said:
            yield f"driver {signed}, signed by {gpu.subject}", f"NVML says {said}"


def _vbioses(gpus: Sequence[Claims], devices: Sequence[Device]) -> Pairs:
    shown = {pdi: device for device in devices if isinstance(pdi := device.get("pdi"), str)}
    pairs = [(gpu, device) for gpu in gpus if (device := _of(gpu, shown)) is not None]
    if len(pairs) == len(gpus):
        for gpu, device in pairs:
            signed, said = gpu.facts.get("vbios"), device.get("vbios")
            if isinstance(signed, str) and isinstance(said, str) and not _same(signed, said):
                yield f"VBIOS {signed}, signed by {gpu.subject}", f"NVML says {said}"
        return
    signed_all = [gpu.facts.get("vbios") for gpu in gpus]
    said_all = [device.get("vbios") for device in devices]
    signed_texts = sorted(one.upper() for one in signed_all if isinstance(one, str))
    said_texts = sorted(one.upper() for one in said_all if isinstance(one, str))
    complete = len(signed_texts) == len(gpus) == len(devices) == len(said_texts)
    if complete and signed_texts != said_texts:
        yield f"VBIOS {', '.join(signed_texts)}, as signed", f"NVML says {', '.join(said_texts)}"


def _modes(gpus: Sequence[Claims], cc: Device) -> Pairs:
    if cc.get("feature") == "off" and cc.get("multi_gpu") == "none":
        yield f"confidential computing: {gpus[0].subject} signed a report", "NVML says it is off"
    if cc.get("devtools") == "on":
        attested = [gpu.subject for gpu in gpus if gpu.level is Level.ATTESTED]
        if attested:
            yield f"no debug mode: {attested[0]} is attested", "NVML says that DevTools are on"
    said = {"protected_pcie": True, "none": False}.get(str(cc.get("multi_gpu")))
    for gpu in gpus:
        signed = _protected(gpu)
        if None not in (said, signed) and said is not signed:
            words = {True: "on", False: "off"}
            yield (
                f"protected PCIe {words[bool(signed)]}, signed by {gpu.subject}",
                f"NVML says {words[bool(said)]}",
            )


def _protected(gpu: Claims) -> bool | None:
    """Whether the GPU has signed that protected PCIe is on; None where it does not say."""
    mode, switch = gpu.facts.get("mode"), gpu.facts.get("protected_pcie")
    if mode == "ppcie" or switch == "on":
        return True
    return False if mode in {"spt", "mpt"} else None


def _of(gpu: Claims, shown: Mapping[str, Device]) -> Device | None:
    """The device that NVML shows under this GPU's identifier.

    NVML gives a number, the certificate bytes, and which way round is not written down.
    """
    pdi = gpu.facts.get("pdi")
    if not isinstance(pdi, str):
        return None
    return shown.get(pdi) or shown.get(bytes.fromhex(pdi)[::-1].hex())


def _same(one: str, other: str) -> bool:
    return one.upper() == other.upper()


def _map(value: Fact) -> Device:
    return value if isinstance(value, dict) else {}


def _list(value: Fact) -> list[Fact]:
    return value if isinstance(value, list) else []
