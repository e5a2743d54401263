"""Cosignatures of witnesses: each is asked for one, and too few of them stop a publication."""

import asyncio
import http.client
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

import msgspec

from lotabots.kernel import Kind, LotaError
from lotabots.tlog import Checkpoint, Policy, Witness, merge_cosignatures, write_submission

SECONDS = 5.0
"""For connecting, and for each read: a slow witness must not hold up the log for long."""
MAX_ANSWER_BYTES = 64 * 1024
PATH = "/add-checkpoint"

_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


class Answer(msgspec.Struct, frozen=True):
    """What a witness answered."""

    status: int
    body: bytes


Post = Callable[[str, bytes], Answer]
"""Sends a body to an address; blocks. Raises OSError or HTTPException."""
Prove = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""The consistency proof between two sizes of our log, the first above 0."""


def post(url: str, body: bytes) -> Answer:
    """The answer to a POST; no redirect is followed."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(
            host, parts.port, timeout=SECONDS, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=SECONDS)
    )
    try:
        connection.request("POST", parts.path, body, {"content-type": "text/plain; charset=utf-8"})
        response = connection.getresponse()
        return Answer(response.status, response.read(MAX_ANSWER_BYTES))
    finally:
        connection.close()


class Witnesses:
    """The witnesses of one policy, and how far each of them has followed our log."""

    def __init__(self, policy: Policy, send: Post = post) -> None:
        self._policy = policy
        self._send = send
        self._followed: dict[str, int] = {}

    async def cosigned(self, note: str, checkpoint: Checkpoint, prove: Prove) -> str:
        """The note with every cosignature that could be had, once they are enough for the policy.

        Blocks on no transaction: call it between two. Raises `WITNESS_QUORUM`; and
        `WITNESS_AHEAD` where a witness has seen more of this log than there is here, or another
        tree of this size: to publish then is to fork it.
        """
        asked = [witness for witness in self._policy.witnesses if witness.url]
        answers = await asyncio.gather(
            *(self._ask(witness, note, checkpoint, prove) for witness in asked)
        )
        whole = note
        for witness, answer in zip(asked, answers, strict=True):
            try:
                whole = merge_cosignatures(whole, answer, witness.verifier)
            except LotaError:
                continue  # no true signature is none
        try:
            self._policy.check(whole)
        except LotaError as error:
            detail = "Too few witnesses cosigned; the checkpoint is not published."
            raise LotaError(Kind.UNAVAILABLE, "WITNESS_QUORUM", detail) from error
        return whole

    async def _ask(
        self, witness: Witness, note: str, checkpoint: Checkpoint, prove: Prove
    ) -> bytes:
        """What this witness answered to the checkpoint; nothing where it refuses or is away."""
        old = self._followed.get(witness.name, 0)
        for _ in range(2):  # the second time from the size that it says it has
            proof = await prove(old, checkpoint.size) if 0 < old < checkpoint.size else ()
            answer = await self._submit(witness, write_submission(old, proof, note))
            if answer.status == 200:
                self._followed[witness.name] = checkpoint.size
                return answer.body
            said = _SIZE.fullmatch(answer.body) if answer.status == 409 else None
            if said is None:
                return b""
            if int(said[1]) > checkpoint.size or int(said[1]) == old:
                detail = f"The witness {witness.name} knows another or a larger tree than ours."
                raise LotaError(Kind.CONFLICT, "WITNESS_AHEAD", detail, witness=witness.name)
            old = int(said[1])
        return b""

    async def _submit(self, witness: Witness, body: bytes) -> Answer:
        try:
            return await asyncio.to_thread(self._send, witness.url.rstrip("/") + PATH, body)
        except (OSError, http.client.HTTPException):
            return Answer(503, b"")
