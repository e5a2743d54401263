"""A model of 2 GiB verified as a whole process, against `model-signing`, whose format it is."""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.model_data import make
from benchmarks.peers import environment
from benchmarks.table import Row, against
from lotabots.cli.model import COMMANDS
from lotabots.models import Hashed, TensorEntry
from lotabots.models.cache import read_cache, write_cache
from lotabots.models.formats import parse
from lotabots.models.read import hash_tree, open_folder

ROUNDS, TINY_ROUNDS, STARTS = 5, 15, 15
HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
IS_COMMAND = "verify" in COMMANDS

NOTES = [
    "Peer: model-signing 1.1.1 (with pyOpenSSL, which it forgets), `verify key`, in an environment",
    f"of its own. Ours: {'`lotabots model verify`' if IS_COMMAND else 'a driver of verify_bundle'},"
    " the same bundle, the same P-256 key, no cache. Whole",
    "processes from fork to exit, CPU (user and system) by wait4, alternating with the peer, page",
    "cache warm, medians. blake3: our bundle over BLAKE3 digests against the peer on its default,",
    "SHA-256; its command line cannot choose. tensor-manifest: CPU of hashing 2 GiB with a BLAKE3",
    "of each of 256 tensors in the same pass, over CPU without. reverify-ms: in process, folder",
    "listed, cache read and checked, headers parsed. reverify-process-ms: from fork to exit.",
    "start-s: a tiny model verified, over a bare Python.",
]


class Cost(NamedTuple):
    """What one process cost, in seconds."""

    cpu: float
    wall: float


def run() -> tuple[list[Row], list[str]]:
    """The rows, and what has to be said about them."""
    peer = environment("model-signing", "model-signing==1.1.1", "pyopenssl").parent
    signer = peer / "model_signing"
    folder = make(signer)

    def theirs(name: str) -> list[str]:
        bundle = str(folder / f"{name}.sha256.json")
        key = str(folder / "key.pub")
        command = [str(signer), "verify", "key", "--public_key", key, "--signature", bundle]
        return [*command, str(folder / name)]

    rows: list[Row] = []
    for name in ("one", "m4", "m64"):
        label = "one-2g" if name == "one" else name
        ours, other = alternate(verify(folder, name, "sha256"), theirs(name), ROUNDS)
        rows.append(against(f"{label}-sha256-cpu", ours.cpu, other.cpu, "s", 1.05))
        rows.append(against(f"{label}-sha256-wall", ours.wall, other.wall, "s", 1.3))
    for name in ("one", "m4", "m64"):
        label = "" if name == "m4" else f"{name}-"
        ours, other = alternate(verify(folder, name, "blake3"), theirs(name), ROUNDS)
        rows.append(against(f"{label}blake3-cpu", ours.cpu, other.cpu, "s", 2.3))
        rows.append(against(f"{label}blake3-wall", ours.wall, other.wall, "s", None))
    ours, other = alternate(verify(folder, "tiny", "sha256"), theirs("tiny"), TINY_ROUNDS)
    rows.append(against("tiny-wall", ours.wall, other.wall, "s", 5))
    rows.append(against("tiny-cpu", ours.cpu, other.cpu, "s", None))
    rows += [tensor_row(folder / "one"), *reverify_rows(folder), start_row(folder)]
    return rows, NOTES


def verify(folder: Path, name: str, algorithm: str, *, cached: bool = False) -> list[str]:
    """Our command that verifies this model."""
    model, bundle = str(folder / name), str(folder / f"{name}.{algorithm}.json")
    key = str(folder / "key.pub")
    if IS_COMMAND:
        command = [str(BIN / "lotabots"), "model", "verify", model, "--bundle", bundle]
        return [*command, "--key", key, *(() if cached else ("--no-cache",))]
    command = [sys.executable, str(HERE / "peers" / "model_verify.py"), model, bundle, key]
    return [*command, *((str(folder / "cache"),) if cached else ())]


def cost(command: list[str]) -> Cost:
    """What the process cost; it has to succeed."""
    start = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    child = os.posix_spawn(command[0], command, os.environ, file_actions=quiet)
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"it failed: {' '.join(command)}")
    return Cost(used.ru_utime + used.ru_stime, wall)


def alternate(ours: list[str], theirs: list[str], rounds: int) -> tuple[Cost, Cost]:
    """The medians of both, taken in turns after one run of each for the page cache."""
    cost(ours), cost(theirs)
    pairs = [(cost(ours), cost(theirs)) for _ in range(rounds)]
    return middle([one for one, _ in pairs]), middle([other for _, other in pairs])


def middle(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(one.cpu for one in costs), statistics.median(one.wall for one in costs)
    )


def headers(model: Path) -> list[TensorEntry]:
    """The tensors that the files of a model name."""
    with open_folder(model) as tree:
        parsed = [parse(one.path, tree.content(one.path)) for one in tree.listed]
    return [tensor for one in parsed if one is not None for tensor in one.tensors]


def tensor_row(model: Path) -> Row:
    """CPU of hashing with the tensors, over CPU of hashing without."""
    tensors = headers(model)

    def hashed(wanted: list[TensorEntry] | None) -> Hashed:
        with open_folder(model) as tree:
            return hash_tree(tree, tensors=wanted)

    plain, both = [], []
    for _ in range(ROUNDS):
        plain.append(cpu(lambda: hashed(None)))
        both.append(cpu(lambda: hashed(tensors)))
    ours, bare = statistics.median(both), statistics.median(plain)
    return Row("tensor-manifest", ours, bare, "s", ours / bare, "<= 1.45x", ours / bare <= 1.45)


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def reverify_rows(folder: Path) -> list[Row]:
    """Milliseconds until an unchanged model of 2 GiB is known again."""
    place, key = folder / "cache", bytes(32)
    cache = read_cache(place, key, time.time_ns())
    with open_folder(folder / "one") as tree:
        hash_tree(tree, cache=cache)
        hash_tree(tree, tensors=headers(folder / "one"), cache=cache)
    write_cache(cache, place, key)
    times = []
    for _ in range(STARTS):
        start = time.perf_counter()
        known = read_cache(place, key, time.time_ns())
        tensors = headers(folder / "one")
        with open_folder(folder / "one") as tree:
            if not hash_tree(tree, tensors=tensors, cache=known).cached:
                raise SystemExit("nothing was remembered")
        times.append((time.perf_counter() - start) * 1000)
    ours = statistics.median(times)
    command = verify(folder, "one", "sha256", cached=True)
    cost(command)
    whole = middle([cost(command) for _ in range(STARTS)]).wall * 1000
    return [
        Row("reverify-ms", ours, None, "ms", None, "<= 50 ms", ours <= 50),
        Row("reverify-process-ms", whole, None, "ms", None, "shown", None),
    ]


def start_row(folder: Path) -> Row:
    """Seconds that a tiny model takes over a bare Python."""
    tiny, bare = [], []
    for _ in range(STARTS):
        tiny.append(cost(verify(folder, "tiny", "sha256")))
        bare.append(cost([sys.executable, "-c", "pass"]))
    over = middle(tiny).wall - middle(bare).wall
    return Row("start-s", over, None, "s", None, "<= 0.25 s", over <= 0.25)
