"""Signed notes: a text, and lines of signatures under it (C2SP signed-note)."""

from collections.abc import Sequence

import msgspec

from lotabots.kernel import LotaError, decode_base64, invalid
from lotabots.tlog.signers import NoteSigner, NoteVerifier, is_name

MAX_NOTE_BYTES = 256 * 1024
MAX_SIGNATURES = 64
KEY_ID_BYTES = 4

_DASH = "\u2014"


class Signature(msgspec.Struct, frozen=True):
    """A signature line: whose it says it is, and the signature."""

    name: str
    key_id: bytes
    data: bytes


class Note(msgspec.Struct, frozen=True):
    """A note as it came: nothing in it is believed before `open_note`."""

    text: str
    signatures: tuple[Signature, ...]


class Signed(msgspec.Struct, frozen=True):
    """A signature that is true, and the time it says (seconds since 1970, 0 for none)."""

    verifier: NoteVerifier
    at: int


class Opened(msgspec.Struct, frozen=True):
    """The text of a note, and the true signatures under it: at least one."""

    text: str
    signed: tuple[Signed, ...]


def sign_note(text: str, signers: Sequence[NoteSigner], at: int = 0) -> str:
    """The note with a line of each signer. `text` is lines, each ended."""
    lines = "".join(signer.sign(text, at) for signer in signers)
    note = f"{text}\n{lines}"
    read_note(note)  # what we could not read again is not sent out
    return note


def read_note(note: str | bytes) -> Note:
    """The parts of a note. Raises `TLOG_NOTE`."""
    whole = _text_of(note)
    border = whole.rfind("\n\n")
    text, lines = whole[: border + 1], whole[border + 2 :].split("\n")
    if border < 1 or lines.pop() or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise _malformed("it is not a text, an empty line and lines of signatures")
    return Note(text, tuple(map(_signature, lines)))


def open_note(note: str | bytes, verifiers: Sequence[NoteVerifier]) -> Opened:
    """The text and who of these signed it. Signatures of others are passed over.

    Raises `TLOG_NOTE`, `TLOG_SIGNATURE` for a false signature of a key that is known, and
    `TLOG_UNSIGNED` where none of them signed.
    """
    parts = read_note(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    if len(known) != len({(one.name, one.algorithm, one.public) for one in verifiers}):
        raise invalid("TLOG_KEY", "Two keys have one name and key id: it cannot be told whose.")
    signed: dict[tuple[str, bytes], Signed] = {}
    for one in parts.signatures:
        verifier = known.get((one.name, one.key_id))
        if verifier is not None:
            at = verifier.verify(parts.text, one.data)
            signed.setdefault((one.name, one.key_id), Signed(verifier, at))
    if not signed:
        raise invalid("TLOG_UNSIGNED", "None of the keys that are trusted signed this.")
    return Opened(parts.text, tuple(signed.values()))


def _text_of(note: str | bytes) -> str:
    if len(note) > MAX_NOTE_BYTES:
        raise _malformed("it is too long")
    try:
        data = note if isinstance(note, bytes) else note.encode()
        whole = data.decode()
    except UnicodeError as error:
        raise _malformed("it is not UTF-8") from error
    if any(byte < 0x20 and byte != 0x0A for byte in data):
        raise _malformed("it has control characters")
    return whole


def _signature(line: str) -> Signature:
    dash, name, text = (*line.split(" "), "", "")[:3]
    if dash != _DASH or not is_name(name) or line != f"{dash} {name} {text}":
        raise _malformed("a line under it is no signature")
    try:
        data = decode_base64(text)
    except LotaError as error:
        raise _malformed("a signature is not in base64") from error
    if len(data) <= KEY_ID_BYTES:
        raise _malformed("a signature is empty")
    return Signature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _malformed(why: str) -> LotaError:
    return invalid("TLOG_NOTE", f"This is no signed note: {why}.")
