"""What the agent says of GPUs through NVIDIA's binding, on a library that fails in many ways."""

from typing import Any

import pytest
from plugins.nvml import Nvml

from lotabots.agent.nvml.words import clock_reasons

TWO = "gpus 2\n"
LOST = "GPU_IS_LOST"


def test_a_healthy_gpu_is_described_field_by_field(nvml: Nvml) -> None:
    machine = nvml.machine("gpus 1\nlinks 0 18 18\ncc 2 1 0 0\n")
    (gpu,) = machine["gpus"]
    # What this library is too old for is absent, and says so.
    assert gpu.pop("errors") == dict.fromkeys(("inforom", "memory_bus_width"), "FUNCTION_NOT_FOUND")
    assert gpu == {
        "uuid": "GPU-00000000-0000-0000-0000-000000000000",
        "pdi": "431d480fe5e87270",
        "name": "NVIDIA H100 80GB HBM3",
        "serial": "1650924017645",
        "part_number": "900-2G520-0000-000",
        "brand": "nvidia",
        "architecture": "hopper",
        "compute_capability": "9.0",
        "pci": "00000000:18:00.0",
        "pci_device": "233010de",
        "minor": 0,
        "cores": 16896,
        "memory": 85520809984,
        "vbios": "96.00.9F.00.01",
        "gsp": "580.65.06",
        "ecc": "on",
        "mig": "off",
        "compute_mode": "default",
        "persistence": "on",
        "virtualization": "passthrough",
        "pcie_max_generation": 5,
        "pcie_max_width": 16,
        "nvlinks": 18,
    }
    assert machine["nvml"] == {
        "status": "available",
        "driver": "580.65.06",
        "version": "13.580.65.06",
        "cuda": "13.1",
        "cc": {
            "feature": "on",
            "devtools": "off",
            "environment": "production",
            "multi_gpu": "none",
            "ready": "on",
        },
    }


def test_a_report_measures_a_gpu_and_falls_back_to_older_functions(nvml: Nvml) -> None:
    report = nvml.report("gpus 1\nlinks 0 17 18\nxid 0 79\nxid 0 13\nxid 0 79\n")
    (gpu,) = report["gpus"]
    assert gpu.pop("errors") == {"repair_pending": "FUNCTION_NOT_FOUND"}
    assert gpu == {
        "uuid": "GPU-00000000-0000-0000-0000-000000000000",
        "use": 97,
        "memory_use": 60,
        "memory": 85520809984,
        "memory_used": 520809984,
        "temperature": 41,
        "power": 118250,
        "power_limit": 700000,
        "energy": 9876543210,
        "clock_sm": 1980,
        "clock_memory": 2619,
        "clocks_limited_by": ["power-cap", "bit-11"],
        "ecc_corrected": 0,
        "ecc_uncorrected": 10,
        "ecc_corrected_ever": 1,
        "ecc_uncorrected_ever": 11,
        "rows_remapped": 3,
        "rows_pending": True,
        "rows_failed": False,
        "pages_pending": False,
        "recovery": "gpu-reset",
        "pcie_generation": 5,
        "pcie_width": 16,
        "pcie_replays": 3,
        "nvlinks_up": 17,
        "xids": {"79": 2, "13": 1},
    }
    assert report["at"] == "2026-01-01T00:00:00Z"
    assert report["host"]["memory"] > 0


@pytest.mark.parametrize(
    ("function", "fields"),
    [
        ("nvmlDeviceGetSerial", ["serial"]),
        ("nvmlDeviceGetVbiosVersion", ["vbios"]),
        ("nvmlDeviceGetPciInfo_v3", ["pci", "pci_device"]),
        ("nvmlDeviceGetMaxMigDeviceCount", []),
    ],
)
def test_a_field_that_is_not_supported_is_absent_and_takes_no_other_with_it(
    nvml: Nvml, function: str, fields: list[str]
) -> None:
    healthy, other = nvml.machine(f"{TWO}links 0 1 1\nlinks 1 1 1\nfail {function} 1 3\n")["gpus"]
    for field in fields:
        assert field in healthy
        assert field not in other
        assert other["errors"][field] == "NOT_SUPPORTED"
    more = {field for field in other["errors"] if field not in healthy["errors"]}
    assert more == set(fields)
    assert {**healthy, **other}.keys() == healthy.keys()


def test_a_gpu_that_is_lost_half_way_keeps_what_was_read_and_the_other_is_whole(
    nvml: Nvml,
) -> None:
    # Four calls: its handle, the listening for XIDs, its PCI address and its UUID.
    lost, other = nvml.machine(f"{TWO}lose 0 4\n")["gpus"]
    assert {name for name in lost if name != "errors"} == {"pci", "pci_device", "uuid"}
    assert set(lost["errors"].values()) == {LOST}
    assert {"name", "vbios", "memory", "nvlinks"} <= lost["errors"].keys()
    assert other["vbios"] == "96.00.9F.00.01"
    assert LOST not in other["errors"].values()


def test_a_gpu_that_is_back_is_read_again(nvml: Nvml) -> None:
    before, after = nvml.say(f"{TWO}lose 0 4\n", "machine", "machine")
    assert LOST in before["gpus"][0]["errors"].values()
    assert LOST not in after["gpus"][0].get("errors", {}).values()
    assert after["gpus"][0]["vbios"] == "96.00.9F.00.01"


def test_a_gpu_that_cannot_even_be_opened_is_counted_and_says_why(nvml: Nvml) -> None:
    script = f"{TWO}fail nvmlDeviceGetHandleByIndex_v2 1 15\n"
    machine, report = nvml.say(script, "machine", "report")
    assert machine["gpus"][1] == report["gpus"][1] == {"errors": {"handle": LOST}}
    assert report["gpus"][0]["use"] == 97


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (9, "absent", "DRIVER_NOT_LOADED"),
        (18, "failed", "LIB_RM_VERSION_MISMATCH"),
        (4, "failed", "NO_PERMISSION"),
        (12345, "failed", "ERROR_12345"),
    ],
)
def test_a_driver_that_does_not_start_claims_no_gpu_and_says_why(
    nvml: Nvml, code: int, status: str, error: str
) -> None:
    machine, report = nvml.say(f"gpus 2\nfail nvmlInitWithFlags -1 {code}\n", "machine", "report")
    for said in (machine, report):
        assert said["nvml"] == {"status": status, "error": error}
        assert "gpus" not in said


def test_a_driver_that_cannot_count_its_gpus_claims_none(nvml: Nvml) -> None:
    machine = nvml.machine("gpus 2\nfail nvmlDeviceGetCount_v2 -1 999\n")
    assert machine["nvml"] == {"status": "failed", "error": "UNKNOWN"}


def test_a_machine_without_the_library_claims_no_gpu_and_says_so(nvml: Nvml) -> None:
    nvml.library = nvml.folder / "nothing"
    machine = nvml.machine("")
    assert machine["nvml"] == {"status": "absent", "error": "LIBRARY_NOT_FOUND"}
    assert "gpus" not in machine
    assert machine["memory"] > 0


def test_slices_of_a_gpu_in_mig_mode_are_listed_and_empty_slots_are_not(nvml: Nvml) -> None:
    sliced, whole = nvml.machine(f"{TWO}mig 0 3\n")["gpus"]
    assert (sliced["mig"], whole["mig"]) == ("on", "off")
    assert "instances" not in whole
    assert [one["uuid"][-1] for one in sliced["instances"]] == ["0", "1", "2"]
    assert sliced["instances"][0] == {
        "uuid": "MIG-00000000-0000-0000-0000-000000000000",
        "profile": "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
        "memory": 9984 * 1024 * 1024,
    }


def test_slices_that_cannot_be_read_are_no_empty_list(nvml: Nvml) -> None:
    (gpu,) = nvml.machine("gpus 1\nmig 0 3\nfail nvmlDeviceGetMaxMigDeviceCount 0 4\n")["gpus"]
    assert "instances" not in gpu
    assert gpu["errors"]["instances"] == "NO_PERMISSION"


def test_a_gpu_without_links_says_so_and_links_that_are_down_are_not_up(nvml: Nvml) -> None:
    (without,) = nvml.machine("gpus 1\n")["gpus"]
    assert without["errors"]["nvlinks"] == "NOT_SUPPORTED"
    (down,) = nvml.report("gpus 1\nlinks 0 0 18\n")["gpus"]
    assert down["nvlinks_up"] == 0


def test_a_gpu_that_tells_no_xids_has_none_counted(nvml: Nvml) -> None:
    for script in ("fail nvmlDeviceRegisterEvents 0 3", "fail nvmlEventSetCreate -1 3"):
        (gpu,) = nvml.report(f"gpus 1\nxid 0 79\n{script}\n")["gpus"]
        assert "xids" not in gpu
        assert gpu["errors"]["xids"] == "NOT_SUPPORTED"
    (quiet,) = nvml.report("gpus 1\n")["gpus"]
    assert quiet["xids"] == {}


def test_xids_add_up_from_report_to_report(nvml: Nvml) -> None:
    first, second = nvml.say("gpus 2\nxid 1 48\n", "report", "report")
    assert first["gpus"][1]["xids"] == second["gpus"][1]["xids"] == {"48": 1}
    assert first["gpus"][0]["xids"] == {}


def test_modes_of_confidential_computing_are_each_read_for_themselves(nvml: Nvml) -> None:
    def cc(script: str) -> Any:
        return nvml.machine(f"gpus 1\n{script}\n")["nvml"]["cc"]

    assert cc("cc 1 1 1 1") == {
        "feature": "on",
        "devtools": "on",
        "environment": "simulated",
        "multi_gpu": "protected_pcie",
        "ready": "on",
    }
    assert cc("cc 7 0 0 9")["environment"] == cc("cc 7 0 0 9")["multi_gpu"] == "other"
    none = cc("fail nvmlSystemGetConfComputeState -1 3")
    assert none["errors"] == dict.fromkeys(("environment", "feature", "devtools"), "NOT_SUPPORTED")
    older = cc("fail nvmlSystemGetConfComputeSettings -1 13")
    assert older["errors"] == {"multi_gpu": "FUNCTION_NOT_FOUND"}


def test_a_driver_that_was_loaded_anew_is_asked_anew(nvml: Nvml) -> None:
    # As after `modprobe -r`: the open session knows nothing, and a new one is refused.
    machine = nvml.machine("gpus 1\nfail nvmlSystemGetDriverVersion -1 1\n")
    assert machine["nvml"]["errors"]["driver"] == "UNINITIALIZED"


def test_text_that_is_none_is_unreadable_and_nothing_else_is(nvml: Nvml) -> None:
    (gpu,) = nvml.machine("gpus 1\nuuid 0 GPU-\xff\xfe\nvbios 0 \x01\n")["gpus"]
    assert gpu["errors"]["uuid"] == gpu["errors"]["vbios"] == "UNREADABLE"
    assert gpu["serial"] == "1650924017645"


def test_every_bit_of_the_clocks_reasons_has_a_word() -> None:
    assert clock_reasons(0) == ()
    assert clock_reasons(0x41) == ("idle", "hardware-thermal-slowdown")
    assert clock_reasons(1 << 63) == ("bit-63",)
