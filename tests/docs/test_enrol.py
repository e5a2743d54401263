"""Every command of docs/enrol.md, run as it stands there, and what the page says that it prints."""

import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from plugins.swtpm import MISSING, installed

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "enrol.md").read_text()
BLOCK = re.compile(r"^```(sh server|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TPM = PAGE.index("## With a TPM")
SIMULATED_BLOCKS = BLOCK.findall(PAGE[:TPM])
TPM_BLOCKS = BLOCK.findall(PAGE[TPM:])
READY = re.compile(r"(?:Serving at|LotaBots answers at) http://")
PASSWORD = re.compile(r"^ +password +(\S+)$", re.MULTILINE)
SECONDS = 120


@dataclass
class Reader:
    """Somebody who does what the page says, in a folder of their own, beside nobody else."""

    folder: Path
    environ: dict[str, str]
    said: str = ""
    servers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def serve(self, code: str) -> None:
        """The terminal that is left alone."""
        log = self.folder / "server.log"
        with log.open("wb") as file:
            command = ["bash", "-c", code]
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environ, stdout=file, stderr=file,
                start_new_session=True,
            )  # fmt: skip
        self.servers.append(process)
        ends = time.monotonic() + SECONDS
        while not READY.search(text := log.read_text()):
            assert process.poll() is None, text
            assert time.monotonic() < ends, text
            time.sleep(0.05)
        if password := PASSWORD.search(text):
            self.environ["LOTABOTS_PASSWORD"] = password[1]

    def type(self, code: str) -> None:
        """The other terminal."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code], cwd=self.folder, env=self.environ,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        self.said = done.stdout
        assert done.returncode == 0, f"{code}\n{self.said}"

    def compare(self, text: str) -> None:
        """Each line was printed, in this order; `...` is whatever is another each time."""
        place = 0
        for line in text.splitlines():
            pattern = re.escape(line).replace(r"\.\.\.", ".*")
            found = re.compile(f"^{pattern}", re.MULTILINE).search(self.said, place)
            assert found, f"not printed (in this order): {line}\n{self.said}"
            place = found.start()

    def follow(self, blocks: list[tuple[str, str]]) -> None:
        """Does all that the page says."""
        for kind, body in blocks:
            {"sh server": self.serve, "sh": self.type, "text": self.compare}[kind](body)

    def leave(self) -> None:
        """Closes all terminals."""
        pid = self.folder / "tpm" / "pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGKILL)
        for process in self.servers:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


@contextmanager
def reader() -> Iterator[Reader]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="lotabots-enrol-"))  # a socket's name must stay short
    folder.chmod(0o711)  # the database has a user of its own where we are root
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOTA")}
    environ |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "LOTA_WEB_PORT": str(port),
        "LOTABOTS_SERVER": f"http://127.0.0.1:{port}",
    }
    made = Reader(folder, environ)
    try:
        yield made
    finally:
        made.leave()
        shutil.rmtree(folder, ignore_errors=True)


def test_enrolling_a_simulated_node_goes_as_the_page_says() -> None:
    with reader() as somebody:
        somebody.follow(SIMULATED_BLOCKS)


def test_enrolling_a_node_with_a_tpm_goes_as_the_page_says() -> None:
    if not installed():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{MISSING}, and in CI they must be")
        pytest.skip(f"SKIPPED: {MISSING}")
    with reader() as somebody:
        somebody.follow(TPM_BLOCKS)


def test_every_block_about_enrolling_is_one_of_those_that_are_run() -> None:
    assert len(SIMULATED_BLOCKS) + len(TPM_BLOCKS) == PAGE.count("```") // 2
    assert [kind for kind, _ in SIMULATED_BLOCKS].count("sh server") == 1
    assert [kind for kind, _ in TPM_BLOCKS].count("sh server") == 1


def test_the_page_about_enrolling_has_every_setting_of_the_agent() -> None:
    writer = runpy.run_path(str(ROOT / "scripts" / "write_docs.py"))
    assert writer["agent_settings_table"]() in PAGE, "run `make docs`"
