"""What a log sends to a witness, and what it takes from the answer (C2SP tlog-witness)."""

from collections.abc import Sequence

from lotabots.kernel import decode_base64, encode_base64, invalid
from lotabots.tlog.notes import open_note
from lotabots.tlog.signers import NoteVerifier

MAX_ANSWER_BYTES = 64 * 1024


def write_submission(old_size: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body of an add-checkpoint request; `proof` is empty for an `old_size` of 0."""
    lines = [f"old {old_size}", *map(encode_base64, proof), "", note]
    return "\n".join(lines).encode()


def merge_cosignatures(note: str, answer: bytes, witness: NoteVerifier) -> str:
    """The note with the cosignature of this witness from its answer, and nothing else of it.

    A false line would spoil the note for everyone who knows the witness. Raises `TLOG_NOTE`,
    `TLOG_SIGNATURE`, and `TLOG_UNSIGNED` where there is no true one.
    """
    if len(answer) > MAX_ANSWER_BYTES:
        raise invalid("TLOG_NOTE", "The answer of the witness is too long.")
    begin = f"\u2014 {witness.name} "
    lines = answer.decode("utf-8", "replace").split("\n")
    theirs = "".join(f"{line}\n" for line in lines if line.startswith(begin))
    text = note[: note.rfind("\n\n") + 1]
    open_note(f"{text}\n{theirs}", [witness])
    own = [line for line in theirs.splitlines() if _key_id(line, begin) == witness.key_id]
    return f"{note}{own[0]}\n"


def _key_id(line: str, begin: str) -> bytes:
    return decode_base64(line.removeprefix(begin))[:4]
