"""One run of the server process: started, asked whether it is ready, ended."""

import asyncio
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.postgres.account import Account
from lotabots.runtime.postgres.binaries import Binaries
from lotabots.runtime.postgres.places import PORT, Places

START_SECONDS = 60.0
"""Recovery after a crash replays the log; more than this for a small database is no recovery."""
GONE_SECONDS = 10.0
"""How long the server of a killed process may take to end before it counts as running."""
POLL_SECONDS = 0.005
SANDBOX_POLL_SECONDS = 0.1
MAX_LOG_BYTES = 8 * 1024 * 1024

# Fast (roll back, checkpoint, go), then immediate (recover at the next start), then none.
_STOPS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

_OPTIONS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "logging_collector": "off",
    "log_destination": "stderr",
    # Neither rows nor statements belong in a log: they can hold evidence, names and hashes.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "cluster_name": "lotabots",
}


class Postmaster:
    """The `postgres` process of one data directory, a child of ours."""

    def __init__(
        self,
        binaries: Binaries,
        places: Places,
        account: Account,
        options: Mapping[str, str],
    ) -> None:
        self._places = places
        self._account = account
        self._data = places.data(binaries.major)
        settings = {**_OPTIONS, "unix_socket_directories": str(places.run), **options}
        chosen = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        self._command = [binaries.program("postgres"), "-D", str(self._data), *chosen]
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs; looking at it also reaps a process that ended."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    async def start(self) -> None:
        """Returns when the server takes connections. Raises `POSTGRES_START_FAILED`."""
        deadline = monotonic() + START_SECONDS
        await _free_lock_file(self._data, deadline=monotonic() + GONE_SECONDS)
        self._places.clear_socket()
        self._spawn()
        while not self._ready():
            if self.pid is None:
                # Backends of a server that was killed go within moments, and it must wait for them.
                if b"pre-existing shared memory block" not in self._said():
                    raise self._failure("The server ended while it was starting.")
                await asyncio.sleep(0.1)
                self._spawn()
            if monotonic() > deadline:
                await self.stop()
                raise self._failure(f"The server was not ready after {START_SECONDS:.0f} s.")
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """Ends the server, as gently as it lets us, and reaps it."""
        for number, seconds in _STOPS:
            if self._child is None or self.pid is None:
                return
            with suppress(ProcessLookupError):
                self._child.send_signal(number)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended(), seconds)

    async def ended(self) -> None:
        """Returns when the process has ended, for whatever reason."""
        if (pid := self.pid) is None:
            return
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        try:
            handle = os.pidfd_open(pid)  # readable when the process ends: no signal, no polling
        except OSError:  # a sandbox whose kernel has no such call
            while self.pid is not None:  # noqa: ASYNC110 - nobody could set an event
                await asyncio.sleep(SANDBOX_POLL_SECONDS)
            return
        loop.add_reader(handle, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(handle)
            os.close(handle)
        if self._child is not None:
            self._child.wait()  # reaps, so that its lock file is not taken for a living server's

    def _spawn(self) -> None:
        log = self._places.log
        with suppress(FileNotFoundError):
            if log.stat().st_size > MAX_LOG_BYTES:
                log.replace(log.with_name("log.old"))
        with log.open("ab") as output:
            self._log_start = output.tell()
            self._child = self._account.spawn(self._command, output)

    def _ready(self) -> bool:
        """Whether the lock file is of this very process (line 1) and says so (line 8)."""
        lines = _lock_lines(self._data)
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _said(self) -> bytes:
        with self._places.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read(64 * 1024)

    def _failure(self, detail: str) -> LotaError:
        said = self._said().decode("utf-8", "replace").splitlines()
        fatal = [line for line in said if "FATAL:" in line or "PANIC:" in line] or said
        return LotaError(
            Kind.UNAVAILABLE,
            "POSTGRES_START_FAILED",
            detail,
            log=str(self._places.log),
            said=fatal[-3:],
        )


def _lock_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


async def _free_lock_file(data: Path, deadline: float) -> None:
    """Waits for the server of a process that was killed, then makes its lock file harmless.

    PostgreSQL believes any living process with the pid in the file to be a server: also a dead one
    that nobody has reaped, and a stranger that got its number (common in containers). We hold the
    cluster's lock, so we may know better. The file is not removed, because the server reads in it
    which shared memory to find unused: it is given our own pid, which a child of ours takes for its
    own.
    """
    lines = _lock_lines(data)
    if not lines or not lines[0].strip().isdecimal():
        return
    pid = int(lines[0])
    while _is_server(pid, data):
        if monotonic() > deadline:
            detail = f"Another server (process {pid}) runs on {data}."
            raise LotaError(Kind.CONFLICT, "POSTGRES_ALREADY_RUNNING", detail, pid=pid)
        await asyncio.sleep(POLL_SECONDS)
    if lines := _lock_lines(data):
        text = "\n".join([str(os.getpid()), *lines[1:], ""])
        (data / "postmaster.pid").write_text(text, encoding="utf-8")


def _is_server(pid: int, data: Path) -> bool:
    """Whether a living process of that pid is a server in that data directory."""
    process = Path("/proc") / str(pid)
    try:
        about = (process / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    state = re.search(r"\((?P<name>.*)\) (?P<state>.) ", about, re.DOTALL)
    if state is None or state["name"] != "postgres" or state["state"] in "ZX":
        return False
    try:
        return (process / "cwd").readlink() == data  # a server works in its data directory
    except OSError:
        return True  # another user's: PostgreSQL must judge
