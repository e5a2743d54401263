"""Runs one benchmark, prints its table, and writes benchmarks/results/NAME.json."""

import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.table import Row, machine, markdown, table  # noqa: E402

BENCHMARKS = {
    "gpu": "verify one H100 and an 8-GPU node, against NVIDIA's Python verifier",
    "api": "attest simulated GPUs through HTTP: verdicts a second and CPU for each",
    "gateway": "CPU of a request through the gateway, against Envoy, nginx and FastAPI",
    "audit": "prove, check receipts and audit a log of ten million entries, against pymerkle",
    "fleet": "nodes with TPMs over HTTP: light attestations a second, and how long events take",
    "fleet_10k": "10,000 nodes each 60 s for 10 minutes: is one called stale that was never late?",
    "events": "from a revocation in one process to the refusal in another; what listening costs",
    "login": "what others feel while passwords are hashed: p99 in a storm of log-ins, on one core",
    "quote": "check a TPM quote, replay event log and file list, against keylime and tpm2_eventlog",
    "models": "verify a model of 2 GiB: CPU and wall of a process, against model-signing",
    "model_scan": "hostile and good models: refused and accepted, against three other scanners",
    "up": "seconds until `lotabots up` is ready, first and later",
}


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        print("make bench NAME=...")
        for name, words in BENCHMARKS.items():
            print(f"  {name:10} {words}")
        return 0 if len(sys.argv) < 2 else 2
    name = sys.argv[1]
    rows, notes = importlib.import_module(f"benchmarks.{name}").run()
    print(table(rows))
    print("\n".join(notes))
    write(name, rows, notes, f"make bench NAME={name}")
    return 0


def write(name: str, rows: list[Row], notes: list[str], command: str) -> None:
    """The rows as JSON, and the latest table in docs/benchmarks.md."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    (results / f"{name}.json").write_text(
        json.dumps([row.plain() for row in rows], indent=2) + "\n"
    )
    page = HERE.parent / "docs" / "benchmarks.md"
    text = page.read_text()
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    head, rest = text.split(start)
    body = "\n".join([f"`{command}` on {machine()}.", "", markdown(rows), "", *notes])
    page.write_text(head + start + body + "\n" + end + rest.split(end)[1])


if __name__ == "__main__":
    sys.exit(main())
