"""A real Redis for tests: a server of its own for each test that asks, on a unix socket.

Without `redis-server` on the machine the tests that need it say so at the end and are skipped,
but in CI (CI=true) they fail: there it must run.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class RedisServer:
    """A Redis server on a unix socket, which a test may kill, stop for a while and start again."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/redis.sock"

    def start(self) -> None:
        program = _program()
        assert program is not None
        self.process = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", f"{self.folder}/redis.sock", "--save", "",
             "--appendonly", "no", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while not self._listens():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _listens(self) -> bool:
        # Its socket has a name before it takes connections: only a connection says that it does.
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(f"{self.folder}/redis.sock") == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        (self.folder / "redis.sock").unlink(missing_ok=True)

    def hang(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


def _program() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running Redis with nothing in it."""
    if _program() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("redis-server is not installed, and in CI it must be")
        pytest.skip("SKIPPED: redis-server is not installed")
    with tempfile.TemporaryDirectory(prefix="lotabots-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.wake()
            server.kill()
