"""What a witness checks before it cosigns (C2SP tlog-witness): the rules, without any I/O.

The state of one log is a `Known`; only `advance` makes the next one. Whoever keeps it must read it,
advance it and store it in one atomic step, and cosign after that.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from lotabots.kernel import Kind, LotaError, decode_base64, equal, invalid
from lotabots.tlog.checkpoints import open_checkpoint, read_head
from lotabots.tlog.heads import Checkpoint
from lotabots.tlog.proofs import verify_consistency
from lotabots.tlog.signers import NoteVerifier
from lotabots.tlog.tree import EMPTY_ROOT, HASH_BYTES

MAX_PROOF = 63
"""Hashes in a consistency proof (C2SP tlog-witness, add-checkpoint)."""

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


class Known(msgspec.Struct, frozen=True):
    """The newest checkpoint of a log that was cosigned."""

    size: int
    root: bytes


NOTHING = Known(0, EMPTY_ROOT)
"""What is known of a log of which nothing was cosigned yet."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that its log signed, and the claim that it extends the tree of size `old`."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: str


def read_submission(body: bytes, logs: Mapping[str, Sequence[NoteVerifier]]) -> Submission:
    """The submission in a request body, signed with the keys of its log in `logs`.

    Raises `WITNESS_MALFORMED`, `WITNESS_LOG_UNKNOWN`, `WITNESS_SIGNATURE`, `WITNESS_OLD_SIZE`, in
    this order.
    """
    old, proof, note = _parse(body)
    try:
        origin = read_head(note).origin
    except LotaError as error:
        raise _malformed("what follows the empty line is no checkpoint") from error
    if not (verifiers := logs.get(origin)):
        raise LotaError(Kind.NOT_FOUND, "WITNESS_LOG_UNKNOWN", "This witness watches no such log.")
    try:
        checkpoint = open_checkpoint(note, verifiers)
    except LotaError as error:
        detail = "The keys of this log did not sign this checkpoint."
        raise LotaError(Kind.AUTHORIZATION, "WITNESS_SIGNATURE", detail) from error
    if old > checkpoint.size:
        raise invalid("WITNESS_OLD_SIZE", "The old size is above the checkpoint's.")
    return Submission(old=old, proof=proof, checkpoint=checkpoint, note=note)


def advance(known: Known, submission: Submission) -> Known:
    """What is known after this submission: the same tree, or one that was proven to extend it.

    Raises `WITNESS_CONFLICT` (with the size that is known) where the submission starts from another
    size, `WITNESS_FORK` for another tree of the same size, `WITNESS_PROOF`.
    """
    new = submission.checkpoint
    if submission.old != known.size:
        detail = "The newest checkpoint that was cosigned has another size."
        raise LotaError(Kind.CONFLICT, "WITNESS_CONFLICT", detail, size=known.size)
    if new.size == known.size and not equal(new.root, known.root):
        detail = "There are two different trees of this size: the log was forked."
        raise LotaError(Kind.CONFLICT, "WITNESS_FORK", detail, size=known.size)
    if known.size in {0, new.size}:
        # From nothing every tree follows, and from a tree itself: there is nothing to prove.
        if submission.proof:
            raise _unproven()
        return Known(new.size, new.root)
    try:
        verify_consistency(known.size, new.size, submission.proof, known.root, new.root)
    except LotaError as error:
        raise _unproven() from error
    return Known(new.size, new.root)


def _parse(body: bytes) -> tuple[int, tuple[bytes, ...], str]:
    try:
        head, separator, note = body.decode().partition("\n\n")
    except UnicodeDecodeError as error:
        raise _malformed("it is not UTF-8") from error
    first, *lines = head.split("\n")
    old = _OLD.fullmatch(first)
    if old is None or not separator:
        raise _malformed("it does not start with an old size, a proof and an empty line")
    if len(lines) > MAX_PROOF:
        raise _malformed(f"its proof has more than {MAX_PROOF} hashes")
    return int(old[1]), tuple(map(_hash, lines)), note


def _hash(line: str) -> bytes:
    try:
        digest = decode_base64(line)
    except LotaError as error:
        raise _malformed("a hash of the proof is not base64") from error
    if len(digest) != HASH_BYTES:
        raise _malformed("a hash of the proof has not 32 bytes")
    return digest


def _malformed(why: str) -> LotaError:
    return invalid("WITNESS_MALFORMED", f"This is no request to a witness: {why}.")


def _unproven() -> LotaError:
    detail = "The proof does not show that the log only grew."
    return invalid("WITNESS_PROOF", detail)
