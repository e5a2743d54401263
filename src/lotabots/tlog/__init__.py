"""A log whose growth anyone can check: Merkle tree, proofs, tiles, signed checkpoints (C2SP)."""

from lotabots.tlog.checkpoints import open_checkpoint, read_head, sign_checkpoint
from lotabots.tlog.copies import verify_copy
from lotabots.tlog.findings import CopyFinding, CopyReport
from lotabots.tlog.heads import Checkpoint
from lotabots.tlog.notes import Note, Opened, Signed, open_note, read_note, sign_note
from lotabots.tlog.policies import Group, Log, Policy, Witness
from lotabots.tlog.proofs import (
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)
from lotabots.tlog.receipts import Receipt, Receipted, make_receipt, verify_receipt
from lotabots.tlog.signers import Algorithm, NoteSigner, NoteVerifier
from lotabots.tlog.submissions import merge_cosignatures, write_submission
from lotabots.tlog.tiles import (
    MAX_ENTRY,
    WIDTH,
    HashReader,
    Tile,
    bundle,
    entries_path,
    grow_bundles,
    grow_tiles,
    narrowed,
    parse_path,
    read_bundle,
    tile_path,
    tiles_for,
)
from lotabots.tlog.tree import EMPTY_ROOT, CompactRange, leaf_hash, node_hash, root_of
from lotabots.tlog.witness import NOTHING, Known, Submission, advance, read_submission

__all__ = [
    "EMPTY_ROOT",
    "MAX_ENTRY",
    "NOTHING",
    "WIDTH",
    "Algorithm",
    "Checkpoint",
    "CompactRange",
    "CopyFinding",
    "CopyReport",
    "Group",
    "HashReader",
    "Known",
    "Log",
    "Note",
    "NoteSigner",
    "NoteVerifier",
    "Opened",
    "Policy",
    "Receipt",
    "Receipted",
    "Signed",
    "Submission",
    "Tile",
    "Witness",
    "advance",
    "bundle",
    "entries_path",
    "grow_bundles",
    "grow_tiles",
    "leaf_hash",
    "make_receipt",
    "merge_cosignatures",
    "narrowed",
    "node_hash",
    "open_checkpoint",
    "open_note",
    "parse_path",
    "prove_consistency",
    "prove_inclusion",
    "read_bundle",
    "read_head",
    "read_note",
    "read_submission",
    "root_of",
    "sign_checkpoint",
    "sign_note",
    "tile_path",
    "tiles_for",
    "verify_consistency",
    "verify_copy",
    "verify_inclusion",
    "verify_receipt",
    "write_submission",
]
