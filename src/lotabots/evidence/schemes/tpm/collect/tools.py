"""Commands to a TPM through tpm2-tools: no shell, a bounded time, and a folder that goes away.

Each command is a program of its own, in a folder that only this user can open. Without a resource
manager a TPM keeps what a command loaded, and has room for three objects: they are flushed.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock

from lotabots.kernel import Kind, LotaError, invalid

DEFAULT_TCTI = "device:/dev/tpmrm0"
SEARCH = "/usr/local/bin:/usr/bin:/bin"
"""Where programs are looked for; the caller's environment does not decide which ones run."""
TIMEOUT = 60.0
"""Seconds for one command: some TPMs need half of that to make an RSA key."""
MAX_FILE = 64 * 1024
"""Bytes of a file that a tool writes."""

_KNOWN = ("device", "swtpm", "tabrmd", "mssim")
_MANAGED = ("device:/dev/tpmrm", "tabrmd")
_LOCKED = ("0x921", "lockout")
_NO_CONNECTION = ("Could not load tcti", "Failed to instantiate TCTI")
_LOADING = frozenset(
    {"tpm2_createek", "tpm2_createak", "tpm2_load", "tpm2_quote", "tpm2_activatecredential"}
)
"""Tools that leave objects in a TPM that nobody manages."""
_ERROR = re.compile(rb"^ERROR: (.*)$", re.MULTILINE)
_UNPRINTABLE = re.compile(r"[^ -~]+")


class ToolFailed(LotaError):
    """A command that the TPM or its tool refused: `TPM_COMMAND_FAILED`."""

    def __init__(self, tool: str, said: str) -> None:
        detail = f"{tool} failed: {said or 'it gave no reason'}"
        super().__init__(Kind.UNAVAILABLE, "TPM_COMMAND_FAILED", detail, tool=tool)


@dataclass(frozen=True)
class Tools:
    """A TPM behind a TCTI: how tpm2-tools name the way to one. Raises `TPM_TCTI` for another text.

    One command at a time, whichever thread asks: a TPM has no more than that.
    """

    tcti: str = DEFAULT_TCTI
    search: str = SEARCH
    timeout: float = TIMEOUT
    _alone: RLock = field(default_factory=RLock, repr=False, compare=False)

    def __post_init__(self) -> None:
        kind, _, rest = self.tcti.partition(":")
        if kind not in _KNOWN or not rest or not rest.isprintable():
            detail = f"A way to a TPM is one of {', '.join(_KNOWN)}, a colon, and where it is."
            raise invalid("TPM_TCTI", detail)

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Commands that belong together; nobody else's come between.

        Raises `TPM_DEVICE_MISSING`, `TPM_DEVICE_DENIED`, `TPM_TOOLS_MISSING`, here and at each
        command `TPM_COMMAND_FAILED`, `TPM_LOCKED`, `TPM_TIMEOUT`, `TPM_UNREACHABLE`.
        """
        self._check_device()
        with self._alone, TemporaryDirectory(prefix="lotabots-tpm-") as folder:
            session = Session(self, Path(folder))
            try:
                yield session
            finally:
                session.close()

    def program(self, tool: str) -> str:
        """The path of this tool."""
        found = shutil.which(tool, path=self.search)
        if found is None:
            detail = f"{tool} is not installed."
            raise LotaError(Kind.UNAVAILABLE, "TPM_TOOLS_MISSING", detail)
        return found

    def _check_device(self) -> None:
        kind, _, path = self.tcti.partition(":")
        if kind != "device":
            return
        if not Path(path).exists():
            raise LotaError(Kind.UNAVAILABLE, "TPM_DEVICE_MISSING", f"There is no {path}.")
        if not os.access(path, os.R_OK | os.W_OK):
            detail = f"This user may not use {path}."
            raise LotaError(Kind.UNAVAILABLE, "TPM_DEVICE_DENIED", detail)


class Session:
    """Commands in one folder. What they leave in the TPM is flushed at the end."""

    def __init__(self, tools: Tools, folder: Path) -> None:
        self.folder = folder
        self._tools = tools
        self._policies: list[str] = []
        self._loaded = False

    def run(self, tool: str, *arguments: str) -> str:
        """What the tool printed. Files that it names are in the session's folder."""
        if tool in _LOADING:
            self._flush()
            self._loaded = True
        return self._command(tool, *arguments)

    def read(self, name: str) -> bytes:
        """A file that a tool wrote. Raises `TPM_COMMAND_FAILED`."""
        try:
            with (self.folder / name).open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except OSError as error:
            raise ToolFailed("tpm2-tools", f"it left no file {name}") from error
        if len(data) > MAX_FILE:
            raise ToolFailed("tpm2-tools", f"it left more than {MAX_FILE} bytes in {name}")
        return data

    def write(self, name: str, data: bytes) -> None:
        """A file for a tool."""
        (self.folder / name).write_bytes(data)

    def endorsed(self) -> str:
        """The authorization to use the endorsement key: a policy session, for one command.

        PolicySecret with the endorsement hierarchy (TCG EK Credential Profile, annex B.3).
        """
        name = f"policy{len(self._policies)}"
        self.run("tpm2_startauthsession", "--policy-session", "-S", name)
        self._policies.append(name)
        self.run("tpm2_policysecret", "-S", name, "-c", "e")
        return f"session:{name}"

    def close(self) -> None:
        """Leaves nothing behind in the TPM; what cannot be flushed any more is not."""
        for name in self._policies:
            with suppress(LotaError):
                self._command("tpm2_flushcontext", name)
        with suppress(LotaError):
            self._flush()

    def _flush(self) -> None:
        if self._loaded and not self._tools.tcti.startswith(_MANAGED):
            self._command("tpm2_flushcontext", "-t")
        self._loaded = False

    def _command(self, tool: str, *arguments: str) -> str:
        program = self._tools.program(tool)
        environment = {
            "PATH": self._tools.search,
            "LC_ALL": "C",
            "TPM2TOOLS_TCTI": self._tools.tcti,
        }
        with subprocess.Popen(  # noqa: S603 a program found by ourselves; no shell
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=environment,
            start_new_session=True,
        ) as process:
            try:
                printed, said = process.communicate(timeout=self._tools.timeout)
            except subprocess.TimeoutExpired as error:
                _kill(process)
                detail = f"{tool} gave no answer within {self._tools.timeout:g} seconds."
                raise LotaError(Kind.UNAVAILABLE, "TPM_TIMEOUT", detail) from error
            except BaseException:
                _kill(process)
                raise
        if process.returncode:
            raise _refused(tool, said)
        return printed.decode("ascii", "replace")


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _refused(tool: str, said: bytes) -> LotaError:
    text = said.decode("ascii", "replace")
    # The first line says what happened, those after it what the tool could therefore not do.
    first = _ERROR.search(said)
    reason = _UNPRINTABLE.sub(" ", first[1].decode("ascii", "replace"))[:200] if first else ""
    if any(one in text for one in _NO_CONNECTION):
        detail = f"{tool} does not reach the TPM: {reason}"
        return LotaError(Kind.UNAVAILABLE, "TPM_UNREACHABLE", detail)
    if any(one in text for one in _LOCKED):
        return LotaError(Kind.UNAVAILABLE, "TPM_LOCKED", f"{tool}: {reason}")
    return ToolFailed(tool, reason)
