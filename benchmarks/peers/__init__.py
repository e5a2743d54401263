"""Peers: other programs, each in an environment of its own under .bench/, made on first use."""

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / ".bench"


def environment(name: str, *requirements: str) -> Path:
    """The Python of the peer's environment; the versions are pinned by the caller."""
    folder = BENCH / name
    python = folder / "bin" / "python"
    stamp = folder / ".requirements"
    wanted = "\n".join(requirements)
    if not stamp.is_file() or stamp.read_text() != wanted:
        print(f"Making the peer's environment {name} (once) ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *requirements], check=True)
        stamp.write_text(wanted)
    return python
