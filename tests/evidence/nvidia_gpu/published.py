"""NVIDIA's published evidence, and one call that judges any part of it."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lotabots.evidence import (
    Anchors,
    Caches,
    Claims,
    Context,
    Evidence,
    NodeClaims,
    ReferenceFiles,
)
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS, read_evidence_file, verify_node
from lotabots.kernel import LotaError

LOCAL = "nvtrust-local-verifier"
SDK = "attestation-sdk"
PPCIE = "nvtrust-ppcie"
GOOGLE = "google-go-nvattest-tools"
TRUSTEE = "trustee"

H100 = (f"{LOCAL}/hopperAttestationReport.txt", f"{LOCAL}/hopperCertChain.txt")
H100_RIMS = (
    f"{GOOGLE}/rim/NV_GPU_DRIVER_GH100_550.90.07.xml",
    f"{GOOGLE}/rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml",
)
H100_NONCE = bytes.fromhex("931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb")
LS10 = (f"{SDK}/unit/switchAttestationReport.txt", f"{SDK}/unit/switchCertChain.txt")
LS10_RIM = f"{SDK}/unit/switchVBIOSRim_NV_SWITCH_BIOS_5612_0002_890_9610550001.xml"

THEN = datetime(2025, 10, 24, 12, tzinfo=UTC)
TODAY = datetime(2026, 11, 23, tzinfo=UTC)
NOBODY = Context(
    nonces={},
    reference=ReferenceFiles(()),
    anchors=NVIDIA_ANCHORS,
    now=THEN,
    max_revocation_age=timedelta(days=120),
    caches=Caches(),
)


def read(root: Path, report: str, chain: str = "") -> list[Evidence]:
    """The evidence in these files."""
    certificates = (root / chain).read_bytes() if chain else b""
    return read_evidence_file((root / report).read_bytes(), certificates, Caches())


def references(root: Path, *places: str) -> ReferenceFiles:
    """The files in these places, folders whole."""
    files: dict[str, bytes] = {}
    for place in places:
        path = root / place
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        files.update((str(file.relative_to(root)), file.read_bytes()) for file in found)
    return ReferenceFiles.of(files)


def judge(
    evidence: list[Evidence],
    *,
    nonces: Mapping[str, bytes] | None = None,
    reference: ReferenceFiles = NOBODY.reference,
    now: datetime = THEN,
    anchors: Anchors = NVIDIA_ANCHORS,
    age: timedelta = NOBODY.max_revocation_age,
    caches: Caches | None = None,
) -> NodeClaims:
    """The claims. Without nonces given each device is asked for the one it answered."""
    asked = {item.subject: item.data[4:36] for item in evidence}
    context = replace(
        NOBODY,
        nonces=asked if nonces is None else nonces,
        reference=reference,
        anchors=anchors,
        now=now,
        max_revocation_age=age,
        caches=caches or Caches(),
    )
    return verify_node(evidence, context)


def codes(claims: Claims | NodeClaims) -> set[str]:
    """The codes of its findings."""
    return {finding.code for finding in claims.findings}


def about_the_device(claims: Claims) -> set[str]:
    """The codes that do not come from missing reference files."""
    return codes(claims) - {"NV-RIM-MISSING", "NV-REV-MISSING"}


@dataclass(frozen=True)
class Real:
    """One distinct real device's evidence."""

    origin: str
    evidence: Evidence


def all_real(root: Path) -> Iterable[Real]:
    """Every published report whose chain and signature hold, once."""
    pairs = [
        H100,
        LS10,
        (f"{SDK}/unit/hopperAttestationReport.txt", f"{SDK}/unit/hopperCertChain.txt"),
        *(
            (
                f"{SDK}/sample_gpu/{chip}AttestationReport.txt",
                f"{SDK}/sample_gpu/{chip}CertChain.txt",
            )
            for chip in ("hopper", "blackwell")
        ),
        (
            f"{SDK}/sample_gpu/hopperAttestationReportExpired.txt",
            f"{SDK}/sample_gpu/hopperCertChainExpired.txt",
        ),
        (f"{SDK}/common/hopper_evidence.json", ""),
        (f"{SDK}/common/multi_gpu_hopper.json", ""),
        (f"{PPCIE}/gpu_evidence.json", ""),
        (f"{PPCIE}/switch_evidence.json", ""),
    ]
    for report, chain in pairs:
        for item in read(root, report, chain):
            yield Real(f"{report}:{item.subject}", item)


def ppcie_node(root: Path) -> list[Evidence]:
    """The eight GPUs and four switches that attested themselves together."""
    return [
        *read(root, f"{PPCIE}/gpu_evidence.json"),
        *read(root, f"{PPCIE}/switch_evidence.json"),
    ]


def entries(root: Path, path: str) -> list[dict[str, str]]:
    """The entries of one of NVIDIA's JSON files."""
    parsed: list[dict[str, str]] = json.loads((root / path).read_text())
    return parsed


def certificate_of(entry: Mapping[str, str]) -> bytes:
    """The PEM in one entry."""
    return base64.b64decode(entry["certificate"])


def refusal(parse: Callable[..., object], *args: object) -> str:
    """The code with which a parser refuses, or an empty string. Any other error is a bug."""
    try:
        parse(*args)
    except LotaError as error:
        return error.code
    return ""
