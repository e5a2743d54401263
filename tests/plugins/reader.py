"""Somebody who follows a page of docs: types what it says, and compares what is printed."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = re.compile(r"^```(sh server|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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
    typed: list[int] = field(default_factory=list)
    """The process groups of what was typed."""

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
        command = ["bash", "-euo", "pipefail", "-c", code]
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            self.typed.append(process.pid)
            try:
                self.said, _ = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        assert process.returncode == 0, f"{code}\n{self.said}"

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
        for group in self.typed:  # what runs on, where a page was not followed to its end
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)
        for process in self.servers:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


@contextmanager
def reader() -> Iterator[Reader]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="lotabots-page-"))  # a socket's name must stay short
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
