"""Cosignatures of witnesses: each is asked for one, and too few of them stop a publication."""

import asyncio
import http.client
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from lotabots.kernel import Kind, LotaError, invalid
from lotabots.tlog import (
    Checkpoint,
    NoteSigner,
    Policy,
    Witness,
    merge_cosignatures,
    write_submission,
)

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
Ours = Callable[[int], Awaitable[bool]]
"""Whether our database has signed this size."""


async def _nothing_more(_size: int) -> bool:
    """The strictest answer."""
    return False


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


def read_witness_policy(path: str, signers: Sequence[NoteSigner]) -> Policy | None:
    """The policy in the file, which must be about this log; None for an empty path. Blocks.

    Raises `TLOG_POLICY`, `AUDIT_POLICY_FOREIGN`.
    """
    if not path:
        return None
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        detail = "The file that audit.witness_policy names cannot be read."
        raise invalid("AUDIT_POLICY_FOREIGN", detail) from error
    policy = Policy.parse(data)
    ours = {signer.verifier.vkey() for signer in signers}
    if {key.vkey() for key in policy.log_keys()} != ours:
        detail = (
            "The policy of the witnesses must list the keys of this log, all of them and no other."
        )
        raise invalid("AUDIT_POLICY_FOREIGN", detail, keys=sorted(ours))
    return policy


class Witnesses:
    """The witnesses of one policy, and how far each of them has followed our log."""

    def __init__(self, policy: Policy, send: Post = post) -> None:
        self._policy = policy
        self._send = send
        self._followed: dict[str, int] = {}

    async def cosigned(
        self, note: str, checkpoint: Checkpoint, prove: Prove, ours: Ours = _nothing_more
    ) -> str:
        """The note with every cosignature that could be had, once they are enough for the policy.

        Blocks on no transaction: call it between two. Raises `WITNESS_QUORUM`, also where another
        publisher of ours is further on; and `WITNESS_AHEAD` where a witness has seen more of this
        log than is `ours`, or another tree of this size: to publish then is to fork it.
        """
        asked = [witness for witness in self._policy.witnesses if witness.url]
        answers = await asyncio.gather(
            *(self._ask(witness, note, checkpoint, prove, ours) for witness in asked)
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
        self, witness: Witness, note: str, checkpoint: Checkpoint, prove: Prove, ours: Ours
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
            seen = int(said[1])
            if seen == old or (seen > checkpoint.size and not await ours(seen)):
                detail = f"The witness {witness.name} knows another or a larger tree than ours."
                raise LotaError(Kind.CONFLICT, "WITNESS_AHEAD", detail, witness=witness.name)
            if seen > checkpoint.size:
                return b""
            old = seen
        return b""

    async def _submit(self, witness: Witness, body: bytes) -> Answer:
        try:
            return await asyncio.to_thread(self._send, witness.url.rstrip("/") + PATH, body)
        except (OSError, http.client.HTTPException):
            return Answer(503, b"")
