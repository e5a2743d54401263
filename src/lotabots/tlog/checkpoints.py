"""Checkpoints: a log's head, signed by the log (C2SP tlog-checkpoint)."""

from collections.abc import Sequence

from lotabots.kernel import invalid
from lotabots.tlog.heads import Checkpoint
from lotabots.tlog.notes import Opened, open_note, read_note, sign_note
from lotabots.tlog.signers import Algorithm, NoteSigner, NoteVerifier


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[NoteSigner], at: int = 0) -> str:
    """The note that a log publishes. Each signer is named as the origin.

    `at` in seconds since 1970 goes into an ML-DSA signature; 0 says no time. Raises `TLOG_ORIGIN`.
    """
    if any(signer.verifier.name != checkpoint.origin for signer in signers):
        raise _foreign()
    return sign_note(checkpoint.text(), signers, at)


def read_head(note: str | bytes) -> Checkpoint:
    """What a note says, whoever signed it: to know what to ask for, never to believe it."""
    return Checkpoint.parse(read_note(note).text)


def open_checkpoint(note: str | bytes, verifiers: Sequence[NoteVerifier]) -> Checkpoint:
    """The checkpoint, signed by its own log with each kind of key that is known of that log.

    Whoever gives an Ed25519 and an ML-DSA key wants both to hold: a note with one of them taken off
    is refused. Of several keys of one kind (a rotation) one is enough. Raises `TLOG_NOTE`,
    `TLOG_SIGNATURE`, `TLOG_UNSIGNED`, `TLOG_CHECKPOINT`, `TLOG_ORIGIN`.
    """
    return check_log_signed(open_note(note, verifiers), verifiers)


def check_log_signed(opened: Opened, keys: Sequence[NoteVerifier]) -> Checkpoint:
    """The checkpoint of an opened note, if its own log signed with each kind of these keys."""
    checkpoint = Checkpoint.parse(opened.text)
    kinds = {one.algorithm for one in keys if is_log_key(one, checkpoint.origin)}
    if not kinds:
        raise _foreign()
    signed = (one.verifier for one in opened.signed)
    if kinds - {one.algorithm for one in signed if is_log_key(one, checkpoint.origin)}:
        raise invalid("TLOG_UNSIGNED", "The log did not sign with each kind of its keys.")
    return checkpoint


def is_log_key(verifier: NoteVerifier, origin: str) -> bool:
    """Whether this is a key with which the log of that origin signs."""
    return verifier.name == origin and verifier.algorithm is not Algorithm.COSIGNATURE


def _foreign() -> Exception:
    return invalid("TLOG_ORIGIN", "The checkpoint is of another log than the keys.")
