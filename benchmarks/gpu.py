"""Verifying one H100, and a node of eight GPUs, against NVIDIA's own Python verifier."""

import json
import os
import statistics
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.peers import environment
from benchmarks.table import Row, against
from lotabots.evidence import Caches, Context, Evidence, Level, NodeClaims, ReferenceFiles
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_ANCHORS, verify_node

ROOT = Path(__file__).resolve().parent.parent
VECTORS = Path(os.environ.get("LOTABOTS_VECTORS", ROOT.parent / "shared" / "vectors")) / "nvidia"
AT = datetime(2025, 10, 24, 12, tzinfo=UTC)
NONCE = "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb"
ROUNDS, PER_ROUND = 6, 40

REPORT = VECTORS / "nvtrust-local-verifier" / "hopperAttestationReport.txt"
CHAIN = VECTORS / "nvtrust-local-verifier" / "hopperCertChain.txt"
RIMS = VECTORS / "google-go-nvattest-tools" / "rim"
DRIVER = RIMS / "NV_GPU_DRIVER_GH100_550.90.07.xml"
VBIOS = RIMS / "NV_GPU_VBIOS_1010_0200_882_96009F0001.xml"
NODE = VECTORS / "nvtrust-ppcie" / "gpu_evidence.json"


def run() -> tuple[list[Row], list[str]]:
    """The rows, and what has to be said about them."""
    if not VECTORS.is_dir():
        sys.exit("This benchmark needs the published vectors: set LOTABOTS_VECTORS.")
    peer = Peer()
    evidence = Evidence(
        scheme="nvidia_gpu",
        subject="gpu0",
        data=bytes.fromhex(REPORT.read_text().strip()),
        certificates=CHAIN.read_bytes(),
    )
    reference = ReferenceFiles.of({path.name: path.read_bytes() for path in (DRIVER, VBIOS)})
    ours: dict[str, list[float]] = {name: [] for name in ("cold", "rim", "all")}
    theirs: list[float] = []
    peer.times(PER_ROUND)
    for _ in range(ROUNDS):
        for name, judge in variants(evidence, reference).items():
            ours[name] += times(judge, PER_ROUND)
        theirs += peer.times(PER_ROUND)
    median = statistics.median(theirs)
    rows = [
        against("gpu-cold", statistics.median(ours["cold"]), median, "ms", 4),
        against("gpu-rim-cached", statistics.median(ours["rim"]), median, "ms", 12),
        against("gpu-all-cached", statistics.median(ours["all"]), median, "ms", 50),
        node_row(),
    ]
    return rows, NOTES


NOTES = [
    "Peer: nv-local-gpu-verifier 2.7.3 in its own environment; same evidence (real H100, driver",
    "550.90.07), same RIMs, same judging time; alternating rounds, medians. Its OCSP calls are",
    "left out, and so is our use of OCSP: both verify report, chain, firmware id and both RIMs,",
    "and compare. The peer keeps nothing between calls: the two cached rows are ours warm against",
    "the peer as it is. `node8-ms`: eight real H100, links cached; their driver has no public RIM.",
]


def variants(evidence: Evidence, reference: ReferenceFiles) -> dict[str, Callable[[], NodeClaims]]:
    """The same judgement with nothing, with the RIMs, and with everything remembered."""
    warm = Caches()
    nonces = {"gpu0": bytes.fromhex(NONCE)}
    judge = verifier([evidence], nonces, reference)
    claims = judge(warm)
    (device,) = claims.devices
    measured = device.facts["measurements"]
    if not isinstance(measured, dict) or measured["matched"] != 32:
        raise SystemExit(f"the evidence was not verified: {device.findings}")
    return {
        "cold": lambda: judge(Caches()),
        "rim": lambda: judge(only_rims(warm)),
        "all": lambda: judge(warm),
    }


def verifier(
    evidence: list[Evidence], nonces: dict[str, bytes], reference: ReferenceFiles
) -> Callable[[Caches], NodeClaims]:
    def judge(caches: Caches) -> NodeClaims:
        context = Context(
            nonces=nonces,
            reference=reference,
            anchors=NVIDIA_ANCHORS,
            now=AT,
            max_revocation_age=timedelta(days=30),
            caches=caches,
        )
        return verify_node(evidence, context)

    return judge


def only_rims(warm: Caches) -> Caches:
    """Caches that know the reference files and the verified RIMs, but no device chain.

    Made outside of the timed call would be fairer to us; it costs a microsecond, so it is inside.
    """
    caches = Caches()
    for name in ("nvidia_gpu.collateral", "nvidia_gpu.rims"):
        caches._memories[name] = warm._memories[name]
    return caches


def node_row() -> Row:
    """Eight GPUs of one node, certificate links cached."""
    entries = json.loads(NODE.read_text())
    evidence = [
        Evidence(
            scheme="nvidia_gpu",
            subject=f"gpu{index}",
            data=b64decode(entry["evidence"]),
            certificates=b64decode(entry["certificate"]),
        )
        for index, entry in enumerate(entries)
    ]
    nonces = {item.subject: bytes.fromhex(entries[0]["nonce"]) for item in evidence}
    judge = verifier(evidence, nonces, ReferenceFiles(()))
    warm = Caches()
    claims = judge(warm)
    if [device.level for device in claims.devices] != [Level.CLAIMED] * 8:
        raise SystemExit("the node's signatures and chains did not hold")
    value = statistics.median(times(lambda: judge(warm), 50))
    return Row("node8-ms", value, None, "ms", None, "<= 25 ms", value <= 25)


def times(judge: Callable[[], NodeClaims], runs: int) -> list[float]:
    """Milliseconds of each run."""
    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        judge()
        spent.append((time.perf_counter() - start) * 1000)
    return spent


class Peer:
    """NVIDIA's verifier in its own process, asked for a number of runs at a time."""

    def __init__(self) -> None:
        python = environment("nvidia", "nv-local-gpu-verifier==2.7.3")
        script = ROOT / "benchmarks" / "peers" / "nvidia_gpu.py"
        files = [str(path) for path in (script, REPORT, CHAIN, DRIVER, VBIOS)]
        self._process = subprocess.Popen(
            [str(python), *files, NONCE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT / ".bench",  # it writes a log where it stands
        )

    def times(self, runs: int) -> list[float]:
        """Milliseconds of each run."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peer has no pipes")
        self._process.stdin.write(f"{runs}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the peer stopped; run it by hand to see why")
        return [float(value) for value in json.loads(line)]
