"""Proofs, receipts and whole copies of an audit log, against `pymerkle` where it has the like."""

import json
import random
import subprocess
import time
from collections.abc import Callable

from benchmarks import audit_log
from benchmarks.peers import BENCH, environment
from benchmarks.table import Row
from lotabots.tlog import (
    WIDTH,
    Algorithm,
    Checkpoint,
    CompactRange,
    HashReader,
    NoteSigner,
    grow_bundles,
    grow_tiles,
    leaf_hash,
    make_receipt,
    prove_inclusion,
    root_of,
    sign_checkpoint,
    verify_copy,
    verify_inclusion,
    verify_receipt,
)

ORIGIN = "bench.example/audit"
SEEDS = {Algorithm.ED25519: bytes(range(32)), Algorithm.ML_DSA_44: bytes(range(32, 64))}
SIGNERS = [NoteSigner(kind, ORIGIN, seed) for kind, seed in SEEDS.items()]
KEYS = [signer.verifier for signer in SIGNERS]
ENTRY = b"an entry of a benchmark"
SIZE, STEP, NEWEST = 10_000_000, 2**20, 50_000
PEER_LEAVES, HASHED = 200_000, 1_000_000
PROOFS, RECEIPTS = 2000, 300
PEER_DURABLE, PEER_SINGLE = 200_000, 5000

NOTES = [
    "appends-s: entries of attestations a second for a minute, four writers with 256 entries in a",
    "transaction, fsync on, the sequencer in the same process, until the last one is published;",
    "the whole log is verified then. appends-acked-s: acknowledged in that minute. await-index:",
    "500 callers, each appends an entry, waits until it is durable and has its place, and again.",
    "The rest is CPU of one process. proof-us: of the newest 50,000 leaves of 10 million, where",
    "receipts are made, tiles at hand; proof-cold-us: of any leaf, its tile read and hashed anew.",
    "receipt-verify-ms: parsed, both signatures of the log (Ed25519, ML-DSA-44), the path checked.",
    "audit-leaves-s: entries hashed into the tree; audit-copy-s: `verify_copy` as a whole.",
    "Peer: pymerkle 7.0.0 (GPL, in an environment of its own), in memory, 200,000 entries of 200",
    "bytes, caches warm; ours are from the tiles of 10 million. Durable appends: its SQLite tree,",
    "entries of 400 bytes, 256 and 1 in a commit, one writer; no signature, nothing published.",
]


def run() -> tuple[list[Row], list[str]]:
    peer = Peer()
    peer_rate = PEER_LEAVES / peer.ask("append", PEER_LEAVES)
    peer_proof, peer_verify = peer.ask("prove", PROOFS), peer.ask("verify", PROOFS)
    peer_durable = PEER_DURABLE / peer.ask("durable", PEER_DURABLE)
    peer_single = PEER_SINGLE / peer.ask("singly", PEER_SINGLE)
    appended, awaited = audit_log.measure()
    rate = leaves_rate()
    log = Tiles.of(SIZE)
    proof, cold = log.proof_us(newest=NEWEST), log.proof_us(newest=SIZE)
    verify, receipt = log.verify_us(), log.receipt_us() / 1000
    return [
        Row(
            "appends-s",
            appended.published,
            peer_durable,
            "/s",
            appended.published / peer_durable,
            ">= 20,000/s",
            appended.published >= 20_000,
        ),
        Row("appends-acked-s", appended.appended, None, "/s", None, "shown", None),
        Row(
            "await-index-s",
            awaited.rate,
            peer_single,
            "/s",
            awaited.rate / peer_single,
            ">= 10,000/s",
            awaited.rate >= 10_000,
        ),
        Row("await-index-p50-ms", awaited.p50_ms, None, "ms", None, "shown", None),
        Row(
            "await-index-p99-ms",
            awaited.p99_ms,
            None,
            "ms",
            None,
            "<= 150 ms",
            awaited.p99_ms <= 150,
        ),
        Row("proof-us", proof, peer_proof, "us", peer_proof / proof, "<= 50 us", proof <= 50),
        Row("proof-cold-us", cold, None, "us", None, "shown", None),
        Row("proof-verify-us", verify, peer_verify, "us", peer_verify / verify, "shown", None),
        Row("receipt-verify-ms", receipt, None, "ms", None, "<= 1 ms", receipt <= 1),
        Row("audit-leaves-s", rate, peer_rate, "/s", rate / peer_rate, ">= 500,000/s", rate >= 5e5),
        Row("audit-copy-s", copy_rate(), None, "/s", None, "shown", None),
    ], NOTES


def leaves_rate() -> float:
    """Entries of 200 bytes hashed and joined into a tree, a second, as an audit does."""
    chance = random.Random(7)
    entries = [chance.randbytes(200) for _ in range(HASHED)]
    start = time.process_time()
    whole = CompactRange.EMPTY
    for at in range(0, HASHED, WIDTH):
        whole = whole.extend([leaf_hash(entry) for entry in entries[at : at + WIDTH]])
    whole.root()
    return HASHED / (time.process_time() - start)


def copy_rate() -> float:
    """Entries a second of CPU in the audit of a whole copy: read, hashed, every file compared."""
    chance, size = random.Random(7), PEER_LEAVES
    entries = [chance.randbytes(200) for _ in range(size)]
    leaves = [leaf_hash(entry) for entry in entries]
    files: dict[str, bytes] = {}
    files.update(grow_bundles(files.__getitem__, 0, entries))
    files.update(grow_tiles(files.__getitem__, 0, leaves))
    files["checkpoint"] = sign_checkpoint(
        Checkpoint(ORIGIN, size, root_of(leaves)), SIGNERS
    ).encode()
    start = time.process_time()
    report = verify_copy(files.__getitem__, list(files), KEYS)
    seconds = time.process_time() - start
    if report.findings or report.size != size:
        raise SystemExit(f"the copy was refused: {report.findings[:3]}")
    return size / seconds


class Tiles:
    """The tiles of a log in memory, as a store would hand them out; its last entry is `ENTRY`."""

    def __init__(self, head: Checkpoint, files: dict[str, bytes]) -> None:
        self.head, self.size, self.files = head, head.size, files
        self.get = HashReader(files.__getitem__, head.size)

    @classmethod
    def of(cls, size: int) -> "Tiles":
        """The log of so many entries; the hashes of all but the last are random."""
        files: dict[str, bytes] = {}
        chance = random.Random(7)
        hashes = [*(chance.randbytes(32) for _ in range(size - 1)), leaf_hash(ENTRY)]
        head = Checkpoint(ORIGIN, size, root_of(hashes))
        for at in range(0, size, STEP):
            files.update(grow_tiles(files.__getitem__, at, hashes[at : at + STEP]))
        return cls(head, files)

    def proof_us(self, *, newest: int) -> float:
        """Microseconds of CPU for the inclusion proof of a random one of the newest leaves."""
        chance, size = random.Random(11), self.size
        for index in range(size - min(newest, NEWEST), size, WIDTH):
            prove_inclusion(index, size, self.get)
        return each_us(
            lambda: prove_inclusion(size - 1 - chance.randrange(newest), size, self.get), PROOFS
        )

    def verify_us(self) -> float:
        """Microseconds of CPU to check an inclusion proof."""
        index, root = self.size - 1, self.head.root
        proof = prove_inclusion(index, self.size, self.get)
        leaf = leaf_hash(ENTRY)
        return each_us(lambda: verify_inclusion(leaf, index, self.size, proof, root), PROOFS)

    def receipt_us(self) -> float:
        """Microseconds of CPU to check a receipt."""
        note = sign_checkpoint(self.head, SIGNERS)
        index = self.size - 1
        text = make_receipt(index, prove_inclusion(index, self.size, self.get), note)
        return each_us(lambda: verify_receipt(text, ENTRY, KEYS), RECEIPTS)


def each_us(work: Callable[[], object], times: int) -> float:
    for _ in range(200):
        work()
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1e6


class Peer:
    """pymerkle in its own process."""

    def __init__(self) -> None:
        python = environment("pymerkle", "pymerkle==7.0.0")
        script = BENCH.parent / "benchmarks" / "peers" / "pymerkle_tree.py"
        self._process = subprocess.Popen(
            [str(python), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, task: str, count: int) -> float:
        """What it answers to one task."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peer has no pipes")
        self._process.stdin.write(json.dumps({task: count}) + "\n")
        self._process.stdin.flush()
        return float(json.loads(self._process.stdout.readline()))
