"""Codes about transparency logs."""

from lotabots.kernel.codes.code import Code

TREES = (
    Code(
        "TLOG_RANGE",
        "validation",
        "What should be the state of a tree is not one.",
        "The stored state is damaged; make it again from the stored leaves.",
    ),
    Code(
        "TLOG_SIZE",
        "validation",
        "An index or a size is outside of the tree, or a proof starts from an empty tree.",
        "Ask for an entry or a size that the checkpoint covers.",
    ),
    Code(
        "TLOG_HASH_LENGTH",
        "validation",
        "A hash does not have 32 bytes.",
        "Do not believe the proof; get it again from its source.",
    ),
    Code(
        "TLOG_PROOF_LENGTH",
        "validation",
        "A proof has more or fewer hashes than its sizes ask for.",
        "Do not believe the proof; get it again from its source.",
    ),
    Code(
        "TLOG_ROOT_MISMATCH",
        "validation",
        "A proof or a copy of a log leads to another root than the one that was signed.",
        "Keep both as proof, and ask the operator of the log: something was altered.",
    ),
    Code(
        "TLOG_PATH",
        "validation",
        "A path is not one of a tile or an entry bundle.",
        "See C2SP tlog-tiles: tile/LEVEL/INDEX or tile/entries/INDEX, with .p/WIDTH if partial.",
    ),
    Code(
        "TLOG_TILE",
        "validation",
        "A tile does not have the length of its width.",
        "Get the file again; if it stays so, the log or its store is damaged.",
    ),
    Code(
        "TLOG_BUNDLE",
        "validation",
        "An entry bundle cannot be cut into the entries it should hold.",
        "Get the file again; if it stays so, the log or its store is damaged.",
    ),
    Code(
        "TLOG_ENTRY_LENGTH",
        "validation",
        "An entry is longer than the 65,535 bytes that a log can hold.",
        "Log the digest of what is large, not the thing itself.",
    ),
)

NOTES = (
    Code(
        "TLOG_KEY",
        "validation",
        "A key is not written as C2SP signed-note says, or not of a kind that is known here.",
        "Give it as NAME+ID+KEY, whole and in quotes; kinds: Ed25519, cosignature/v1, ML-DSA-44.",
    ),
    Code(
        "TLOG_NOTE",
        "validation",
        "What should be a signed note is not one.",
        "Get it again; a note ends with a newline and keeps its empty line.",
    ),
    Code(
        "TLOG_SIGNATURE",
        "validation",
        "A key that is known did not make the signature that bears its name.",
        "The note was altered, or signed with another key under the same name: do not use it.",
    ),
    Code(
        "TLOG_UNSIGNED",
        "validation",
        "A note lacks the signature of a key that must have signed it.",
        "Compare the keys with what the operator of the log published.",
    ),
    Code(
        "TLOG_CHECKPOINT",
        "validation",
        "A note is genuine in form, but its text is not that of a checkpoint.",
        "A checkpoint is three lines: origin, size, root. Get it again from the log.",
    ),
    Code(
        "TLOG_ORIGIN",
        "validation",
        "A checkpoint is of another log than the one whose keys were given.",
        "Compare the first line of the checkpoint with the name of the key.",
    ),
)

TRUST = (
    Code(
        "TLOG_POLICY",
        "validation",
        "A policy file is not one of C2SP tlog-policy.",
        "Lines are: log VKEY, witness NAME VKEY, group NAME K MEMBERS, and one quorum NAME.",
    ),
    Code(
        "TLOG_QUORUM",
        "validation",
        "A checkpoint is signed by its log, but too few of the witnesses saw it.",
        "Get a newer receipt; if it stays so, ask the operator which witnesses cosign the log.",
    ),
    Code(
        "TLOG_RECEIPT",
        "validation",
        "What should be a receipt is not written as C2SP tlog-proof says.",
        "Get the receipt again from the log; it is one text and must not be edited.",
    ),
)

COPIES = (
    Code(
        "TLOG_FILE_MISSING",
        "validation",
        "A copy of a log lacks a file that its checkpoint needs.",
        "Copy the log again, or get the file that is named from another copy of it.",
    ),
    Code(
        "TLOG_TILE_ALTERED",
        "validation",
        "A tile in a copy of a log does not hold the hashes that the log signed.",
        "Get the file that is named from another copy; ask who could write to this one.",
    ),
    Code(
        "TLOG_ENTRY_ALTERED",
        "validation",
        "An entry in a copy of a log is not the one that was logged.",
        "Do not believe the entry; get the bundle from another copy, ask who could write here.",
    ),
    Code(
        "TLOG_NOT_EXTENDED",
        "validation",
        "A log does not begin with the entries over which it signed an earlier checkpoint.",
        "Keep both checkpoints: they are proof that the log was rewritten or forked.",
    ),
    Code(
        "TLOG_BEHIND",
        "validation",
        "A copy of a log has fewer entries than a checkpoint of it says.",
        "Copy the log again. If the log itself is behind, it lost entries: keep the checkpoint.",
    ),
)

CODES: tuple[Code, ...] = TREES + NOTES + TRUST + COPIES
