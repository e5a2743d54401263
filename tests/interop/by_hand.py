"""The blocks of docs/audit.md that an auditor runs by hand, run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "audit.md"


def block(language: str) -> str:
    """The one block of that language in the page."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert isinstance(found, str)
    return found


def signature(copy: Path, vkey: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    """The shell block: the checkpoint's signature by `openssl`."""
    if shutil.which("openssl") is None:
        pytest.skip("SKIPPED: no openssl here")
    environ = {"PATH": os.environ["PATH"], "VKEY": vkey, "TMP": str(scratch)}
    return _run(["sh", "-c", block("sh")], copy, environ)


def tree(copy: Path) -> subprocess.CompletedProcess[str]:
    """The Python block: the tree over all entries, with nothing installed."""
    return _run([sys.executable, "-I", "-S", "-c", block("python")], copy, {})


def _run(
    command: list[str], copy: Path, environ: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=copy, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
