"""Models as a server tells of them, found by digest or by name and version, asked for patiently."""

import re
import time
from collections.abc import Callable
from typing import TypeVar

import click
import msgspec

from lotabots.appraisal.models import order_of
from lotabots.cli.client import MAX_WAIT_SECONDS, Client, connect
from lotabots.cli.output import say
from lotabots.kernel import Kind, LotaError

T = TypeVar("T")

PAGE = 200
PATIENCE_SECONDS = 300.0
"""How long a server may be away before work on it is given up: a restart, a new version."""
AGAIN_SECONDS = 1.0
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})", re.ASCII)

model_argument = click.argument("model", metavar="MODEL")
"""A digest, or ORG/NAME@VERSION."""
stage_option = click.option(
    "--stage",
    type=click.Choice(["staging", "production"]),
    required=True,
    help="Where the version is to run.",
)


class Signer(msgspec.Struct):
    """Who signed."""

    kind: str
    id: str
    key_sha256: str = ""


class Reason(msgspec.Struct):
    """A finding in a verdict."""

    code: str
    severity: str
    path: str
    tensor: str
    title: str
    expected: str
    measured: str
    fix: str


class Verdict(msgspec.Struct):
    """What is shown of a verdict; the rest is in its JSON."""

    outcome: str
    mode: str | None
    rule: str
    policy_id: str
    evaluated_at: str
    threshold: int
    strong: bool
    signers: list[Signer]
    findings: list[Reason]


class Verification(msgspec.Struct):
    """The work of judging one model."""

    id: str
    digest: str
    state: str
    asked_at: str
    done_bytes: int
    total_bytes: int
    ended_at: str | None
    error: str | None
    outcome: str | None
    verdict_digest: str | None


class File(msgspec.Struct):
    """One file of a model, and whether the server has its content."""

    path: str
    size: int
    sha256: str
    uploaded: bool


class Approval(msgspec.Struct):
    """Who vouched for which move."""

    stage: str
    move: str
    verdict_digest: str
    approved_by: str
    approved_at: str


class StageMove(msgspec.Struct):
    """One move of a stage."""

    stage: str
    number: int
    digest: str
    version: str
    move: str
    moved_by: str
    moved_at: str


class Running(msgspec.Struct):
    """A node that holds the model."""

    node: str
    name: str
    status: str
    at: str


class Summary(msgspec.Struct):
    """One version of a model in a list."""

    digest: str
    name: str
    version: str
    registered_by: str
    registered_at: str
    outcome: str | None
    stages: list[str]


class Page(msgspec.Struct):
    """One page of the list."""

    items: list[Summary]
    next: str | None


class Model(Summary):
    """One model with everything that is shown of it."""

    files: list[File]
    signed: bool
    strong: bool
    verification: Verification | None
    verdict: Verdict | None
    approvals: list[Approval]
    approvals_needed: int
    moves: list[StageMove]
    running: list[Running]

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.name} {self.version}"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def found(client: Client, model: str) -> str:
    """The digest of the model that is named so. Raises `MODEL_NOT_FOUND`."""
    if digest := _DIGEST.fullmatch(model.lower()):
        return digest[1]
    name, at, version = model.rpartition("@")
    wanted = order_of(version)
    if not at or wanted is None or "/" not in name:
        raise click.UsageError(
            f"{model!r} names no model: give the digest (64 hex digits) or ORG/NAME@VERSION, such "
            "as acme/tiny@1.0. `lotabots model list` shows both."
        )
    after: str | None = None
    while True:
        answer = client.get("/v1/models", name=name, after=after, limit=PAGE)
        page = msgspec.json.decode(answer, type=Page)
        for one in page.items:
            if order_of(one.version) == wanted:
                return one.digest
        if (after := page.next) is None:
            detail = f"No version {version} of {name} is registered."
            raise LotaError(Kind.NOT_FOUND, "MODEL_NOT_FOUND", detail)


def show_model(client: Client, digest: str) -> Model:
    """The model. Raises `MODEL_NOT_FOUND`."""
    return msgspec.json.decode(client.get(f"/v1/models/{digest}"), type=Model)


class Patience:
    """Waits for a server that is away or overwhelmed, and only so long."""

    def __init__(self, renewals: int = 5) -> None:
        """`renewals`: how often it may go away again after it was back."""
        self._renewals = renewals
        self._end: float | None = None
        self._told = False

    def renew(self) -> None:
        """The server is there: should it go away again, it is waited for anew."""
        if self._end is not None and self._renewals:
            self._renewals -= 1
            self._end = None

    def wait(self, error: LotaError) -> None:
        """Returns when it is worth another try. Raises the error if none is."""
        seconds, now = _seconds(error), time.monotonic()
        self._end = self._end or now + PATIENCE_SECONDS
        if seconds is None or now + seconds > self._end:
            raise error
        if error.kind is Kind.UNAVAILABLE and not self._told:
            say(f"The server is away ({error.code}); this waits for it to come back ...")
            self._told = True
        time.sleep(seconds)


def patiently(server: str, work: Callable[[Client], T], patience: Patience) -> T:
    """What `work` gives, begun anew in a fresh session while the server is away or overwhelmed.

    Raises what else the server says, and what it said last once patience is at its end.
    """
    while True:
        try:
            with connect(server) as client:
                return work(client)
        except LotaError as error:
            patience.wait(error)


def _seconds(error: LotaError) -> float | None:
    """After how long to try again; None where that changes nothing."""
    if error.kind is Kind.RATE_LIMITED:
        wait = error.details.get("retry_after_seconds")
        return min(max(wait, 1), MAX_WAIT_SECONDS) if isinstance(wait, int) else AGAIN_SECONDS
    # A full disk stays full: only somebody who looks at it helps.
    away = error.kind is Kind.UNAVAILABLE and error.code != "MODEL_STORE_UNAVAILABLE"
    return AGAIN_SECONDS if away else None
