"""NVIDIA's published evidence gets the verdicts that its README says, code by code."""

from datetime import timedelta
from pathlib import Path

import pytest
from evidence.nvidia_gpu.published import (
    GOOGLE,
    H100,
    H100_NONCE,
    H100_RIMS,
    LOCAL,
    LS10,
    LS10_RIM,
    PPCIE,
    SDK,
    TODAY,
    TRUSTEE,
    about_the_device,
    all_real,
    codes,
    judge,
    ppcie_node,
    read,
    references,
)
from msgspec import structs

from lotabots.evidence import Caches, Cause, Level


def test_a_real_h100_matches_all_its_golden_values(nvidia: Path) -> None:
    node = judge(
        read(nvidia, *H100),
        nonces={"gpu0": H100_NONCE},
        reference=references(nvidia, *H100_RIMS, f"{GOOGLE}/ocsp"),
    )
    (device,) = node.devices
    assert device.findings == node.findings == ()
    assert device.level is Level.ATTESTED
    assert not device.simulated
    facts = device.facts
    assert facts["measurements"] == {
        "compared": 32,
        "matched": 32,
        "mismatched": [],
        "missing": [],
        "skipped": [35],
        "unreferenced": 31,
    }
    assert (facts["driver"], facts["vbios"]) == ("550.90.07", "96.00.9F.00.01")
    assert (facts["fwid"], facts["mode"], facts["protected_pcie"]) == ("match", "absent", "off")
    assert facts["id"] == "NVIDIA:GH100:48B02D92494BADF4"
    assert facts["pdi"] == "431d480fe5e87274"
    assert (facts["nonce"], facts["signature"], facts["opaque_version"]) == ("match", "valid", 0)
    assert node.facts["topology"] == {"status": "not_applicable", "gpus": 1, "switches": 0}


def test_the_same_bytes_from_three_publishers_are_the_same_device(nvidia: Path) -> None:
    seen = {
        str(judge(read(nvidia, report, chain)).devices[0].facts)
        for report, chain in (
            H100,
            (
                f"{GOOGLE}/test_raw_gpu_attestation_report.dat",
                f"{GOOGLE}/test_gpu_attestation_certificate_chain.dat",
            ),
            (
                f"{TRUSTEE}/hopperAttestationReport.txt",
                f"{TRUSTEE}/hopper_cert_chain_case1.txt",
            ),
        )
    }
    assert len(seen) == 1


def test_old_revocation_data_makes_it_claimed_and_inconclusive(nvidia: Path) -> None:
    node = judge(
        read(nvidia, *H100),
        reference=references(nvidia, *H100_RIMS, f"{GOOGLE}/ocsp"),
        age=timedelta(days=30),
    )
    (device,) = node.devices
    assert codes(device) == {"NV-REV-STALE"}
    assert {finding.cause for finding in device.findings} == {Cause.COLLATERAL}
    assert device.level is Level.CLAIMED


def test_today_its_reference_values_have_expired_and_still_match(nvidia: Path) -> None:
    reference = references(nvidia, *H100_RIMS, f"{GOOGLE}/ocsp")
    node = judge(read(nvidia, *H100), reference=reference, now=TODAY, age=timedelta(days=1000))
    (device,) = node.devices
    assert codes(device) == {"NV-RIM-EXPIRED"}
    assert device.facts["measurements"]["matched"] == 32  # type: ignore[index, call-overload]
    assert device.level is Level.CLAIMED


def test_a_real_switch_matches_all_its_golden_values_today(nvidia: Path) -> None:
    node = judge(read(nvidia, *LS10), reference=references(nvidia, LS10_RIM), now=TODAY)
    (device,) = node.devices
    assert codes(device) == {"NV-REV-MISSING"}
    assert (device.kind, device.facts["chip"]) == ("switch", "LS10")
    assert device.facts["measurements"] == {
        "compared": 31,
        "matched": 31,
        "mismatched": [],
        "missing": [],
        "skipped": [],
        "unreferenced": 0,
    }
    assert codes(node) == {"NV-TOPO-GPU-ABSENT"}


def test_every_published_device_holds_but_for_what_is_not_in_the_set(nvidia: Path) -> None:
    caches = Caches()
    seen = set()
    for real in all_real(nvidia):
        (device,) = judge([real.evidence], caches=caches).devices
        assert about_the_device(device) == set(), real.origin
        assert device.level is Level.CLAIMED, real.origin
        seen.add(device.facts["id"])
    assert len(seen) == 17


@pytest.mark.parametrize(
    ("path", "chip", "driver", "fwid", "mode"),
    [
        (f"{SDK}/unit/hopper", "GH100", "580.159.03", "match", "spt"),
        (f"{SDK}/sample_gpu/hopper", "GH100", "535.86.09", "absent", "absent"),
        (f"{SDK}/sample_gpu/blackwell", "GB100", "575.32", "match", "absent"),
    ],
)
def test_what_each_generation_signs_about_itself_is_read(
    nvidia: Path, path: str, chip: str, driver: str, fwid: str, mode: str
) -> None:
    evidence = read(nvidia, f"{path}AttestationReport.txt", f"{path}CertChain.txt")
    facts = judge(evidence).devices[0].facts
    assert (facts["chip"], facts["driver"]) == (chip, driver)
    assert (facts["fwid"], facts["mode"]) == (fwid, mode)


def test_a_node_of_eight_gpus_and_four_switches_closes_its_topology(nvidia: Path) -> None:
    node = judge(ppcie_node(nvidia))
    assert node.findings == ()
    assert node.facts == {
        "topology": {"status": "closed", "gpus": 8, "switches": 4},
        "duplicates": 0,
        "gpus": 8,
        "switches": 4,
    }
    assert {device.facts["mode"] for device in node.devices if device.kind == "gpu"} == {"ppcie"}


def test_one_switch_presented_four_times_is_refused(nvidia: Path) -> None:
    node = judge(read(nvidia, f"{SDK}/common/multi_switch_ls10.json"))
    assert "NV-DUP-DEVICE" in codes(node)
    assert node.facts["duplicates"] == 3


def test_gpus_in_protected_mode_without_their_switches_are_inconclusive(nvidia: Path) -> None:
    node = judge(read(nvidia, f"{SDK}/common/multi_gpu_hopper.json"))
    assert [(found.code, found.cause) for found in node.findings] == [
        ("NV-TOPO-SWITCH-ABSENT", Cause.COLLATERAL)
    ]
    assert node.facts["topology"] == {"status": "open", "gpus": 4, "switches": 0}


@pytest.mark.parametrize(
    ("report", "chain", "code"),
    [
        (
            f"{SDK}/sample_gpu/hopperAttestationReportInvalidSignature.txt",
            f"{SDK}/sample_gpu/hopperCertChain.txt",
            "NV-SIG-INVALID",
        ),
        (
            f"{SDK}/sample_switch/switchAttestationReportInvalidSignature.txt",
            f"{SDK}/sample_switch/switchCertChain.txt",
            "NV-SIG-INVALID",
        ),
        (
            f"{GOOGLE}/test_raw_switch_attestation_report.dat",
            f"{GOOGLE}/test_switch_attestation_certificate_chain.dat",
            "NV-SIG-INVALID",
        ),
        (
            f"{TRUSTEE}/hopper_coco_report1.txt",
            f"{TRUSTEE}/hopper_coco_certs1.txt",
            "NV-PARSE-TRAILING",
        ),
        *(
            (H100[0], f"{TRUSTEE}/hopper_cert_chain_case{n}.txt", "NV-CHAIN-LENGTH")
            for n in (2, 3, 4)
        ),
    ],
)
def test_false_evidence_is_refused_with_its_code(
    nvidia: Path, report: str, chain: str, code: str
) -> None:
    (device,) = judge(read(nvidia, report, chain)).devices
    assert code in codes(device)
    assert device.level is Level.NONE
    assert "id" not in device.facts
    assert any(found.cause is Cause.MALICIOUS for found in device.findings)


def test_without_its_trailing_byte_the_trustee_report_holds(nvidia: Path) -> None:
    (item,) = read(
        nvidia, f"{TRUSTEE}/hopper_coco_report1.txt", f"{TRUSTEE}/hopper_coco_certs1.txt"
    )
    (device,) = judge([structs.replace(item, data=item.data[:4129])]).devices
    assert about_the_device(device) == set()
    assert device.facts["driver"] == "580.95.05"


SAMPLE = f"{SDK}/sample_gpu/hopperAttestationReport.txt", f"{SDK}/sample_gpu/hopperCertChain.txt"
LATER = (
    f"{SDK}/sample_gpu/hopperAttestationReportExpired.txt",
    f"{SDK}/sample_gpu/hopperCertChainExpired.txt",
)


@pytest.mark.parametrize(
    ("evidence", "rim", "code"),
    [
        (SAMPLE, "NV_GPU_DRIVER_GH100_535.86.09_measurement_mismatch.xml", "NV-RIM-SIG"),
        (
            SAMPLE,
            "NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml",
            "NV-MEAS-MISMATCH",
        ),
        (LATER, "NV_GPU_DRIVER_GH100_570.124.03_expired.xml", "NV-RIM-EXPIRED"),
        (LS10, "NV_SWITCH_BIOS_5612_0002_890_9610550001_invalid_signature.xml", "NV-RIM-SIG"),
        (LS10, "NV_SWITCH_BIOS_5612_0002_890_9610550001_measurement_mismatch.xml", "NV-RIM-SIG"),
    ],
)
def test_false_reference_values_are_refused_with_their_code(
    nvidia: Path, evidence: tuple[str, str], rim: str, code: str
) -> None:
    node = judge(read(nvidia, *evidence), reference=references(nvidia, f"{SDK}/sample_rims/{rim}"))
    assert code in codes(node.devices[0])
    assert node.devices[0].level is Level.CLAIMED


def test_a_genuine_mismatch_names_the_index_and_both_values(nvidia: Path) -> None:
    rims = references(nvidia, f"{SDK}/sample_rims")
    (device,) = judge(read(nvidia, *SAMPLE), reference=rims).devices
    (mismatch,) = (found for found in device.findings if found.code == "NV-MEAS-MISMATCH")
    assert mismatch.expected.startswith("index 9: ")
    index, _, value = mismatch.measured.partition(": ")
    assert (index, len(bytes.fromhex(value))) == ("index 9", 48)


def test_reference_values_of_other_versions_are_no_reference(nvidia: Path) -> None:
    (device,) = judge(read(nvidia, *H100), reference=references(nvidia, LOCAL)).devices
    assert codes(device) == {"NV-RIM-MISSING", "NV-REV-MISSING"}
    (driver,) = (found for found in device.findings if "DRIVER" in found.expected)
    assert "545.00" in driver.measured


def test_a_switch_rim_of_another_version_does_not_judge_the_ppcie_switches(nvidia: Path) -> None:
    evidence = read(nvidia, f"{PPCIE}/switch_evidence.json")
    for device in judge(evidence, reference=references(nvidia, LS10_RIM), now=TODAY).devices:
        assert "NV-RIM-MISSING" in codes(device)
        assert "measurements" not in device.facts
