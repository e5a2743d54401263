"""Receipts: one entry proven to stand in a log, in one text, offline (C2SP tlog-proof)."""

import re
from collections.abc import Sequence

import msgspec

from lotabots.kernel import LotaError, decode_base64, encode_base64, invalid
from lotabots.tlog.heads import Checkpoint
from lotabots.tlog.notes import MAX_NOTE_BYTES, read_note
from lotabots.tlog.policies import Policy, believed
from lotabots.tlog.proofs import MAX_PROOF, verify_inclusion
from lotabots.tlog.signers import NoteVerifier
from lotabots.tlog.tiles import MAX_ENTRY
from lotabots.tlog.tree import HASH_BYTES, MAX_SIZE, leaf_hash

MAX_RECEIPT_BYTES = 2 * MAX_NOTE_BYTES
MAX_EXTRA = MAX_ENTRY
"""Bytes of extra data: room for the entry itself."""
FIRST_LINE = "c2sp.org/tlog-proof@v1"

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


class Receipt(msgspec.Struct, frozen=True):
    """A receipt as it came: nothing in it is believed before `verify_receipt`."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    """The signed note."""
    extra: bytes | None = None
    """Nobody vouches for it: only an entry that is put to the proof is proven."""

    def __post_init__(self) -> None:
        hashes = len(self.proof) <= MAX_PROOF and all(len(one) == HASH_BYTES for one in self.proof)
        if not hashes or not 0 <= self.index < MAX_SIZE or len(self.extra or b"") > MAX_EXTRA:
            raise _malformed("its index, its proof or its extra data cannot be")
        read_note(self.checkpoint)

    def text(self) -> str:
        """The receipt as text, for a file that ends in `.tlog-proof`."""
        extra = [] if self.extra is None else [f"extra {encode_base64(self.extra)}"]
        hashes = [encode_base64(one) for one in self.proof]
        lines = [FIRST_LINE, *extra, f"index {self.index}", *hashes, "", self.checkpoint]
        return "\n".join(lines)

    @classmethod
    def read(cls, text: str) -> "Receipt":
        """The receipt that `text` writes as exactly this. Raises `TLOG_RECEIPT`, `TLOG_NOTE`."""
        if len(text) > MAX_RECEIPT_BYTES:
            raise _malformed("it is too long")
        head, _, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if first != FIRST_LINE or not lines:
            raise _malformed("it does not begin as one")
        extra = lines.pop(0).removeprefix("extra ") if lines[0].startswith("extra ") else None
        index = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if index is None or len(lines) > MAX_PROOF:
            raise _malformed("it says no index, or its proof is too long")
        try:
            data = None if extra is None else decode_base64(extra)
            proof = tuple(map(decode_base64, lines))
        except LotaError as error:
            raise _malformed("a line of it is not in base64") from error
        return cls(int(index[1]), proof, checkpoint, data)


class Receipted(msgspec.Struct, frozen=True):
    """What a receipt has proven: the entry stands at this index under this checkpoint."""

    index: int
    checkpoint: Checkpoint


def make_receipt(
    index: int, proof: Sequence[bytes], checkpoint_note: str, extra: bytes | None = None
) -> str:
    """The receipt of the entry at `index`, with its audit path in the tree of the checkpoint."""
    return Receipt(index, tuple(proof), checkpoint_note, extra).text()


def verify_receipt(text: str, entry: bytes, trust: Policy | Sequence[NoteVerifier]) -> Receipted:
    """Where the entry stands in the log, as the receipt proves it to whoever trusts these.

    1. the receipt is one, in its one writing
    2. its checkpoint is signed by the log and cosigned by the quorum
    3. its proof leads from the entry to the root of the checkpoint

    Raises `TLOG_*`.
    """
    receipt = Receipt.read(text)
    checkpoint = believed(receipt.checkpoint, trust)
    verify_inclusion(
        leaf_hash(entry), receipt.index, checkpoint.size, receipt.proof, checkpoint.root
    )
    return Receipted(receipt.index, checkpoint)


def _malformed(why: str) -> LotaError:
    return invalid("TLOG_RECEIPT", f"This is no receipt: {why}.")
