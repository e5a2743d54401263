"""HTTP of a witness: `POST /add-checkpoint`, and nothing else (C2SP tlog-witness)."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from lotabots.cli.audit.witness.keeper import Keeper
from lotabots.kernel import LotaError
from lotabots.tlog import NoteVerifier, advance, read_submission

PATH = "/add-checkpoint"
MAX_BODY_BYTES = 128 * 1024
"""63 hashes, and a checkpoint with dozens of signatures of every kind."""
SECONDS = 10.0
"""How long a peer may take over each read."""
MAX_PEERS = 64
"""Connections at one time; whoever comes beyond that is hung up on and tries again."""

STATUS_OF = {
    "WITNESS_MALFORMED": 400,
    "WITNESS_OLD_SIZE": 400,
    "WITNESS_SIGNATURE": 403,
    "WITNESS_LOG_UNKNOWN": 404,
    "WITNESS_CONFLICT": 409,
    "WITNESS_FORK": 409,
    "WITNESS_PROOF": 422,
}
_LENGTH = re.compile("[0-9]{1,9}")
TEXT, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"

Sign = Callable[[str], str]
"""Cosigns the text of a checkpoint as of now: signature lines."""


class Answer(NamedTuple):
    """What a request is answered with."""

    status: int
    body: str
    content_type: str = TEXT


class Witness:
    """Cosigns what provably extends what it cosigned before, and nothing else."""

    def __init__(
        self, keeper: Keeper, logs: Mapping[str, Sequence[NoteVerifier]], sign: Sign
    ) -> None:
        self._keeper = keeper
        self._logs = logs
        self._sign = sign

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosignatures, or why not. What is cosigned was stored before."""
        try:
            submission = read_submission(body, self._logs)
            self._keeper.advance(
                submission.checkpoint.origin,
                submission.note,
                partial(advance, submission=submission),
            )
        except LotaError as error:
            if error.code not in STATUS_OF:
                raise
            if STATUS_OF[error.code] == 409:
                return Answer(409, f"{error.details['size']}\n", SIZE)
            return Answer(STATUS_OF[error.code], f"{error.code}: {error.detail}\n")
        return Answer(200, self._sign(submission.checkpoint.text()))


class WitnessServer(ThreadingHTTPServer):
    """A witness at an address; `serve_forever` until `shutdown`."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], witness: Witness, failed: Callable[[], None]
    ) -> None:
        self.witness = witness
        self.failed = failed
        """Called inside an `except`, for what is no refusal: a disk that is full, a lost file."""
        self._peers = threading.BoundedSemaphore(MAX_PEERS)
        super().__init__(address, _Handler)

    def verify_request(self, *_: object) -> bool:
        """Whether this peer is served: there are not too many."""
        return self._peers.acquire(blocking=False)

    def process_request_thread(self, *arguments: object) -> None:
        """Serves one connection, and lets the next one in."""
        try:
            super().process_request_thread(*arguments)  # type: ignore[arg-type]
        finally:
            self._peers.release()


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "lotabots"
    sys_version = ""
    timeout = SECONDS

    def do_POST(self) -> None:
        length = self._length()
        if length is None:
            # Where the body ends cannot be told, so neither where the next request begins.
            self.close_connection = True
            self._answer(Answer(400, f"Send a content-length of at most {MAX_BODY_BYTES}.\n"))
            return
        body = self.rfile.read(length)
        if self.path != PATH:
            self._answer(Answer(404, "A witness answers POST /add-checkpoint.\n"))
        elif len(body) == length:
            self._answer(self._judged(body))

    def _length(self) -> int | None:
        lengths = self.headers.get_all("content-length", [])
        if "transfer-encoding" in self.headers or len(lengths) != 1:
            return None
        if not _LENGTH.fullmatch(lengths[0]) or int(lengths[0]) > MAX_BODY_BYTES:
            return None
        return int(lengths[0])

    def _judged(self, body: bytes) -> Answer:
        try:
            return self.server.witness.add_checkpoint(body)
        except Exception:  # noqa: BLE001 - the edge of a request: nothing was cosigned
            self.server.failed()
            return Answer(500, "The witness failed.\n")

    def _answer(self, answer: Answer) -> None:
        data = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing: what a witness answers is seen by who asked."""
