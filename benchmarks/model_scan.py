"""Scanning hostile and good models: who is refused, who accepted, and how long it takes."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.peers import environment
from benchmarks.table import Row, against

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from models.hostile import Control  # noqa: E402 — the generators of the tests, found by the line above
from models.hostile.repository import OPTIONS, options_of  # noqa: E402

from lotabots.models.read import open_folder  # noqa: E402
from lotabots.models.scan import Options, scan  # noqa: E402

PARTS = ("binary", "code", "repository")
ROUNDS = 5
EXITS = {"accepted": 0, "rejected": 1, "inconclusive": 3}


@dataclass(frozen=True)
class Peer:
    """Another scanner and its command line."""

    name: str
    requirement: str
    program: str
    main: tuple[str, str]
    arguments: tuple[str, ...]

    @property
    def python(self) -> Path:
        return environment(f"model_scan_{self.name}", self.requirement)

    def codes(self, folders: Sequence[Path]) -> list[int | str]:
        """Its exit code for each folder, by its own command line in one process."""
        script = ROOT / "benchmarks" / "peers" / "model_scanner.py"
        done = subprocess.run(
            [str(self.python), str(script), *self.main, *self.arguments],
            input="".join(f"{folder}\n" for folder in folders),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
            env=surroundings(),
        )
        codes = [json.loads(line) for line in done.stdout.splitlines()]
        if len(codes) != len(folders):
            raise SystemExit(f"{self.name} answered {len(codes)} of {len(folders)} times")
        return codes

    def command(self, path: Path) -> list[str]:
        return [str(self.python.parent / self.program), *self.arguments, str(path)]


PEERS = (
    Peer("modelscan", "modelscan==0.8.8", "modelscan", ("modelscan.cli", "main"), ("scan", "-p")),
    Peer("picklescan", "picklescan==1.0.5", "picklescan", ("picklescan.cli", "main"), ("-p",)),
    Peer(
        "modelaudit",
        "modelaudit==0.2.54",
        "modelaudit",
        ("modelaudit.cli", "main"),
        ("scan", "--no-cache"),
    ),
)


def run() -> tuple[list[Row], list[str]]:
    """The rows, and what has to be said about them."""
    hostile, good = cases("CASES"), cases("CONTROLS")
    with tempfile.TemporaryDirectory(prefix="lotabots-bench-") as folder:
        bad_folders = written(hostile, Path(folder) / "hostile")
        good_folders = written(good, Path(folder) / "good")
        bad, fine = ours(hostile, bad_folders), ours(good, good_folders)
        rows = [
            share("hostile-refused", bad, None, refused),
            share("controls-accepted", fine, None, accepted),
        ]
        # A peer is asked about what can be seen without being told anything beforehand.
        untold = [at for at, (_, case) in enumerate(hostile) if case.name not in OPTIONS]
        notes = [*NOTES, f"Hostile models: {by_part(hostile)}; good ones: {by_part(good)}."]
        shares = []
        for peer in PEERS:
            codes = peer.codes(bad_folders)
            theirs = [codes[at] for at in untold]
            fair = [bad[at] for at in untold]
            rows.append(share(f"hostile-refused-{peer.name}", fair, theirs, refused))
            parts = [hostile[at][0] for at in untold]
            shares.append(f"{peer.name} {by_share(parts, theirs)}")
            accepts = peer.codes(good_folders)
            rows.append(share(f"controls-accepted-{peer.name}", fine, accepts, accepted))
            notes.append(
                f"Exit codes of {peer.requirement}: {counted(theirs)} (hostile), "
                f"{counted(accepts)} (good)."
            )
        notes.append(f"Refused by part: ours all; {'; '.join(shares)}.")
        notes.append(f"Exit codes of ours: {counted(bad)} (hostile), {counted(fine)} (good).")
        small = good_folders[next(at for at, (_, case) in enumerate(good) if case.name == "llama")]
        rows += timed(small, Path(folder))
    return rows, notes


NOTES = [
    "The hostile set and the controls are those of the tests (tests/models/hostile), so the set is",
    "ours: it says that we hold our own list, not how a peer does on another. Refused: any exit",
    "code but 0, for everybody; accepted: 0. Ours: 1 rejected, 3 inconclusive. Peers: 1 found,",
    "other codes could not judge. Rows with a peer's name leave out cases for which ours is told",
    "an approved digest. Pickles are allowed in ours (`--allow-pickle`) where they are the matter,",
    "as peers allow them. Exit codes are those of each command line, run in one process over all",
    "folders. `start-up` and `set` are whole processes, alternating, medians: one small model, and",
    "a folder of all models together.",
    "No public corpus can be installed by name: the sources of picklescan 1.0.5 and modelscan",
    "0.8.8 hold no samples, and of modelaudit 0.2.54 none could be had.",
]


def cases(kind: str) -> list[tuple[str, Control]]:
    """The cases of all parts that there are."""
    found: list[tuple[str, Control]] = []
    for part in PARTS:
        if (ROOT / "tests" / "models" / "hostile" / f"{part}.py").is_file():
            module = import_module(f"models.hostile.{part}")
            found += [(part, case) for case in getattr(module, kind)]
    return found


def by_part(found: list[tuple[str, Control]]) -> str:
    counts = Counter(part for part, _ in found)
    return ", ".join(f"{count} {part}" for part, count in counts.items())


def by_share(parts: Sequence[str], codes: Sequence[int | str]) -> str:
    """How many of each part's cases were refused."""
    every, right = (
        Counter(parts),
        Counter(part for part, code in zip(parts, codes, strict=True) if refused(code)),
    )
    return ", ".join(f"{right[part]} of {count} {part}" for part, count in every.items())


def written(found: list[tuple[str, Control]], folder: Path) -> list[Path]:
    places = []
    for number, (part, case) in enumerate(found):
        place = folder / f"{number:03}-{part}-{case.name}"
        case.write(place)
        places.append(place)
    return places


def ours(found: list[tuple[str, Control]], folders: list[Path]) -> list[int | str]:
    """Our exit code for each folder."""
    codes: list[int | str] = []
    for (part, case), folder in zip(found, folders, strict=True):
        options = options_of(case) if part == "repository" else Options(allow_pickle=True)
        with open_folder(folder) as tree:
            codes.append(EXITS[scan(tree, options).outcome])
    return codes


def refused(code: int | str) -> bool:
    return code != 0


def accepted(code: int | str) -> bool:
    return code == 0


def counted(codes: Iterable[int | str]) -> str:
    return ", ".join(f"{code}: {count}" for code, count in sorted(Counter(map(str, codes)).items()))


def share(
    metric: str,
    mine: Sequence[int | str],
    theirs: Sequence[int | str] | None,
    right: Callable[[int | str], bool],
) -> Row:
    """Per cent of the codes that are right; all of ours must be."""

    def per_cent(codes: Sequence[int | str]) -> float:
        return 100 * sum(map(right, codes)) / len(codes)

    value = per_cent(mine)
    peer = None if theirs is None else per_cent(theirs)
    return Row(metric, value, peer, "%", None, "100 %", value == 100)


def timed(small: Path, everything: Path) -> list[Row]:
    """Whole processes on one small model, and on all models together."""
    program = Path(sys.executable).parent / "lotabots"
    bare: list[float] = []
    one: dict[str, list[float]] = {name: [] for name in ("ours", *(peer.name for peer in PEERS))}
    commands = {"ours": [str(program), "model", "scan", str(small)]}
    commands |= {peer.name: peer.command(small) for peer in PEERS}
    for _ in range(ROUNDS):
        bare.append(seconds([sys.executable, "-c", ""])[1])
        for name, command in commands.items():
            one[name].append(seconds(command)[1])
    mine = statistics.median(one["ours"])
    over = mine - statistics.median(bare)
    rows = [Row("start-up-over-python-cpu", over, None, "s", None, "<= 0.25 s", over <= 0.25)]
    rows += [
        against(f"start-up-{peer.name}-cpu", mine, statistics.median(one[peer.name]), "s", None)
        for peer in PEERS
    ]
    whole = seconds([str(program), "model", "scan", "--allow-pickle", str(everything)])[0]
    rows += [
        against(f"set-{peer.name}-wall", whole, seconds(peer.command(everything))[0], "s", None)
        for peer in PEERS
    ]
    return rows


def seconds(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    start, before = time.perf_counter(), os.times()
    subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=surroundings(),
        check=False,
    )
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user
    return time.perf_counter() - start, cpu - before.children_system


def surroundings() -> dict[str, str]:
    """The environment of a peer: what it remembers or reports stays in a folder of its own."""
    home = ROOT / ".bench" / "home"
    home.mkdir(parents=True, exist_ok=True)
    switches = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1"}
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", **switches}
