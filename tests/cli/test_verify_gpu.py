"""`lotabots verify gpu` on real evidence: verdicts, codes, exit codes, the shape of its JSON."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
NONCE = "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb"
AT = "2025-10-24T12:00:00Z"
DEVICE_KEYS = {
    *("class", "chip", "id", "pdi", "level", "driver", "vbios", "fwid", "mode"),
    *("measurements", "findings"),
}


@pytest.fixture
def nvidia(vectors: Path) -> Path:
    return vectors / "nvidia"


@pytest.fixture
def h100(nvidia: Path) -> tuple[Path, Path]:
    folder = nvidia / "nvtrust-local-verifier"
    return folder / "hopperAttestationReport.txt", folder / "hopperCertChain.txt"


@pytest.fixture
def references(nvidia: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "references"
    for part in ("rim", "ocsp"):
        shutil.copytree(nvidia / "google-go-nvattest-tools" / part, folder / part)
    return folder


def codes(ran: Any) -> set[str]:
    """What verification itself found; policy rules repeat it in their own words."""
    return {finding["code"] for finding in ran.json["findings"] if not finding["rule"]}


def nonce_of(evidence: Path) -> str:
    return str(json.loads(evidence.read_text())[0]["nonce"])


def test_a_real_h100_is_accepted_when_reference_and_revocation_hold(
    lotabots: Run, h100: tuple[Path, Path], references: Path
) -> None:
    report, chain = h100
    ran = lotabots(
        "verify", "gpu", report, "--chain", chain, "--nonce", NONCE, "--reference", references,
        "--at", AT, "--max-revocation-age", "120d", "-o", "json",
    )  # fmt: skip
    assert (ran.status, ran.json["verdict"]) == (0, "accepted")
    (device,) = ran.json["devices"]
    assert device.keys() >= DEVICE_KEYS
    assert (device["class"], device["chip"], device["level"]) == ("gpu", "GH100", "attested")
    assert (device["driver"], device["vbios"]) == ("550.90.07", "96.00.9F.00.01")
    assert (device["fwid"], device["findings"]) == ("match", [])
    measured = device["measurements"]
    assert (measured["compared"], measured["matched"]) == (32, 32)
    assert (measured["mismatched"], measured["skipped"]) == ([], [35])


def test_revocation_data_beyond_the_default_age_makes_it_inconclusive(
    lotabots: Run, h100: tuple[Path, Path], references: Path
) -> None:
    report, chain = h100
    ran = lotabots(
        "verify", "gpu", report, "--chain", chain, "--nonce", NONCE, "--reference", references,
        "--at", AT, "-o", "json",
    )  # fmt: skip
    assert (ran.status, ran.json["verdict"]) == (3, "inconclusive")
    assert "NV-REV-STALE" in codes(ran)


def test_an_expired_reference_signer_is_never_a_pass(
    lotabots: Run, h100: tuple[Path, Path], references: Path
) -> None:
    report, chain = h100
    ran = lotabots(
        "verify", "gpu", report, "--chain", chain, "--nonce", NONCE, "--reference", references,
        "--at", "2026-11-23T00:00:00Z", "-o", "json",
    )  # fmt: skip
    assert (ran.status, ran.json["verdict"]) == (3, "inconclusive")
    assert "NV-RIM-EXPIRED" in codes(ran)


def test_another_nonce_is_rejected(lotabots: Run, h100: tuple[Path, Path]) -> None:
    report, chain = h100
    ran = lotabots("verify", "gpu", report, "--chain", chain, "--nonce", "00" * 32, "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (1, "rejected")
    assert "NV-NONCE-MISMATCH" in codes(ran)


def test_a_real_switch_matches_every_measurement_of_its_reference(
    lotabots: Run, nvidia: Path, tmp_path: Path
) -> None:
    unit = nvidia / "attestation-sdk" / "unit"
    rims = tmp_path / "rims"
    rims.mkdir()
    shutil.copy(unit / "switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml", rims)
    report = unit / "switchAttestationReport.txt"
    data = bytes.fromhex(report.read_text().strip())
    ran = lotabots(
        "verify", "gpu", report, "--chain", unit / "switchCertChain.txt",
        "--nonce", data[4:36].hex(), "--reference", rims,
        "--at", "2026-11-23T00:00:00Z", "-o", "json",
    )  # fmt: skip
    (device,) = ran.json["devices"]
    assert (device["class"], device["chip"]) == ("switch", "LS10")
    assert (device["measurements"]["compared"], device["measurements"]["matched"]) == (31, 31)
    assert ran.status == 3
    assert not any(code.startswith(("NV-RIM-", "NV-MEAS-", "NV-SIG-")) for code in codes(ran))
    assert "NV-REV-MISSING" in codes(ran)


def test_a_real_node_of_eight_gpus_and_four_switches_closes_its_topology(
    lotabots: Run, nvidia: Path, tmp_path: Path
) -> None:
    gpus = nvidia / "nvtrust-ppcie" / "gpu_evidence.json"
    switches = nvidia / "nvtrust-ppcie" / "switch_evidence.json"
    node = tmp_path / "node.json"
    node.write_text(json.dumps(json.loads(gpus.read_text()) + json.loads(switches.read_text())))
    for arguments in ((node,), (gpus, switches)):
        ran = lotabots("verify", "gpu", *arguments, "--nonce", nonce_of(gpus), "-o", "json")
        assert ran.json["topology"]["status"] == "closed"
        assert (ran.json["topology"]["gpus"], ran.json["topology"]["switches"]) == (8, 4)
        assert (ran.status, ran.json["verdict"]) == (3, "inconclusive")
        assert codes(ran) == {"NV-RIM-MISSING", "NV-REV-MISSING"}


def test_the_same_switch_four_times_is_rejected(lotabots: Run, nvidia: Path) -> None:
    evidence = nvidia / "attestation-sdk" / "common" / "multi_switch_ls10.json"
    ran = lotabots("verify", "gpu", evidence, "--nonce", nonce_of(evidence), "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (1, "rejected")
    assert any(code.startswith("NV-DUP-") for code in codes(ran))


def test_raw_bytes_and_hex_text_give_the_same_verdict(
    lotabots: Run, h100: tuple[Path, Path], tmp_path: Path
) -> None:
    report, chain = h100
    raw = tmp_path / "report.bin"
    raw.write_bytes(bytes.fromhex(report.read_text().strip()))
    arguments = ("--chain", chain, "--nonce", NONCE, "--at", AT, "-o", "json")
    first, second = (lotabots("verify", "gpu", path, *arguments) for path in (report, raw))
    assert first.json["devices"] == second.json["devices"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"not hex", b"[]", b"{", b"[" * 5000, b'[{"evidence": "!"}]', b"\xff" * 9000],
)
def test_malformed_evidence_is_rejected_with_a_code(
    lotabots: Run, tmp_path: Path, content: bytes
) -> None:
    evidence = tmp_path / "evidence"
    evidence.write_bytes(content)
    ran = lotabots("verify", "gpu", evidence, "--nonce", NONCE, "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (1, "rejected")
    assert any(code.startswith(("NV-PARSE-", "NV-LIMIT-")) for code in codes(ran))


def test_files_that_are_no_reference_are_listed_and_change_nothing(
    lotabots: Run, h100: tuple[Path, Path], references: Path
) -> None:
    report, chain = h100
    (references / "holiday.jpg").write_bytes(b"\xff\xd8\xff" + bytes(2000))
    (references / "deep").mkdir()
    (references / "deep" / "empty").write_bytes(b"")
    ran = lotabots(
        "verify", "gpu", report, "--chain", chain, "--nonce", NONCE, "--reference", references,
        "--at", AT, "--max-revocation-age", "120d", "-o", "json",
    )  # fmt: skip
    assert ran.status == 0
    assert {Path(file["name"]).name for file in ran.json["ignored"]} >= {"holiday.jpg", "empty"}


@pytest.mark.parametrize("nonce", ["", "00", "zz" * 32, "00" * 33])
def test_a_nonce_that_is_not_32_bytes_is_a_usage_error(
    lotabots: Run, tmp_path: Path, nonce: str
) -> None:
    evidence = tmp_path / "evidence"
    evidence.write_bytes(b"x")
    assert lotabots("verify", "gpu", evidence, "--nonce", nonce).status == 2


def test_a_missing_file_is_a_failed_operation_and_not_a_verdict(lotabots: Run) -> None:
    ran = lotabots("verify", "gpu", "nowhere", "--nonce", NONCE)
    assert (ran.status, ran.out) == (4, "")


def test_the_table_for_people_names_code_and_fix(lotabots: Run, h100: tuple[Path, Path]) -> None:
    report, chain = h100
    ran = lotabots("verify", "gpu", report, "--chain", chain, "--nonce", NONCE)
    assert ran.status == 3
    assert "NV-RIM-MISSING" in ran.out
    assert "Traceback" not in ran.err
