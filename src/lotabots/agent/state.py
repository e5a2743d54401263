"""What an agent keeps on its node: who it is, its session key, its credential, how it last stood.

One folder for this user alone. `agent.json` holds all that must change together, key and credential
among it, and is replaced whole: a power cut leaves the old or the new one. `status.json` is for
people. One process at a time holds the folder.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import msgspec

from lotabots.agent.client import Server
from lotabots.kernel import Kind, LotaError, SigningKey

MAX_BYTES = 1024 * 1024
AGENT, STATUS, LOCK, TPM = "agent.json", "status.json", "lock", "tpm"
_NEW = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
"""A link would have the session key written elsewhere."""

T = TypeVar("T")

_Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulated node consists of: it is the same node each time."""

    seed: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    gpus: int
    chip: str
    tpm: bool


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agent's whole memory. Between the two steps of an enrolment it has no credential yet."""

    url: str
    pin: _Digest | None
    authority: str
    tenant: UUID
    node: UUID
    name: str
    identity: Literal["tpm", "software"]
    session_key: str
    """The private key in PEM."""
    server: str = ""
    """What challenges call the server."""
    credential: str = ""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    simulation: Simulation | None = None

    @property
    def known_server(self) -> Server:
        """The server, with what it is known by."""
        return Server(
            self.url, None if self.pin is None else bytes.fromhex(self.pin), self.authority
        )

    @property
    def key(self) -> SigningKey:
        """The session key. Raises `KEY_*`."""
        return SigningKey.from_pem(self.session_key.encode())


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How the agent last fared, for `lotabots agent status`."""

    at: datetime
    outcome: str | None = None
    """Of the newest verdict: it stays while the server is away."""
    judged_at: datetime | None = None
    scope: str | None = None
    reason: str | None = None
    attestation: str | None = None
    failures: int = 0
    """In a row, since the last answer."""
    error: str | None = None
    """The code of the newest failure."""
    next_at: datetime | None = None


class State:
    """The folder of one agent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def tpm(self) -> Path:
        """Where what the TPM gave us to keep lies."""
        return self.folder / TPM

    def prepare(self) -> None:
        """Makes the folder, for this user alone. Raises `AGENT_STATE`."""
        with _coded(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            seen = self.folder.stat()
            if seen.st_mode & stat.S_IWOTH or seen.st_uid not in (os.geteuid(), 0):
                # Who can put files there decides whom this agent speaks with, and as whom.
                raise _unusable(f"{self.folder} is not this user's alone: others can write to it.")
            self.tpm.mkdir(mode=0o700, exist_ok=True)

    def read(self) -> Kept | None:
        """What is kept; None where nothing is. Raises `AGENT_STATE`."""
        return _read(self.folder / AGENT, Kept)

    def enrolled(self) -> Kept:
        """What is kept of an enrolled node. Raises `AGENT_NOT_ENROLLED`, `AGENT_STATE`."""
        kept = self.read()
        if kept is None or not kept.credential:
            begun = "" if kept is None else " to the end"
            detail = f"No node has joined{begun} with {self.folder}."
            raise LotaError(Kind.CONFLICT, "AGENT_NOT_ENROLLED", detail)
        return kept

    def keep(self, kept: Kept) -> None:
        """Keeps it, durably, in the place of what was kept. Raises `AGENT_STATE`."""
        _replace(self.folder / AGENT, msgspec.json.encode(kept))

    def status(self) -> Status | None:
        """How the agent last fared."""
        with suppress(LotaError):
            return _read(self.folder / STATUS, Status)
        return None

    def say(self, status: Status) -> None:
        """Leaves it for `status`. Raises `AGENT_STATE`."""
        _replace(self.folder / STATUS, msgspec.json.encode(status))

    def forget(self) -> None:
        """Removes all that is kept; the folder stays. Raises `AGENT_STATE`."""
        with _coded(self.folder):
            for file in (*self.tpm.glob("*"), self.folder / AGENT, self.folder / STATUS):
                file.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the folder: another process that wants it is refused. Raises `AGENT_RUNNING`."""
        self.prepare()
        with _coded(self.folder):
            descriptor = os.open(self.folder / LOCK, os.O_RDWR | _NEW, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                detail = f"Another agent works with {self.folder}."
                raise LotaError(Kind.CONFLICT, "AGENT_RUNNING", detail) from error
            yield
        finally:
            os.close(descriptor)


def _read(path: Path, into: type[T]) -> T | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
        return msgspec.json.decode(data, type=into)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(f"{path}: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        raise _unusable(f"{path} is not what an agent keeps.") from error


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all, and on disk before it returns; for this user only."""
    draft = path.with_name(f".{path.name}.new")
    with _coded(path):
        descriptor = os.open(draft, os.O_WRONLY | os.O_TRUNC | _NEW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # whatever an earlier try may have left there
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _coded(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unusable(f"{path}: {error.strerror or error}") from error


def _unusable(detail: str) -> LotaError:
    return LotaError(Kind.UNAVAILABLE, "AGENT_STATE", detail)
