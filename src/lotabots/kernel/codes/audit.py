"""Codes about the audit log."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "AUDIT_ENTRY_INVALID",
        "internal",
        "An audit entry was to be written that holds more than references and digests.",
        "This is a fault of ours; please report it with the request id.",
    ),
    Code(
        "AUDIT_FROZEN",
        "conflict",
        "The published log has a checkpoint that this database did not sign, as after a restore.",
        "Nothing more is signed. Restore the newer database; never delete what was published.",
    ),
    Code(
        "AUDIT_ALTERED",
        "conflict",
        "Entries, leaves or tiles are not those that were placed and signed.",
        "Nothing of it is published. Run `lotabots audit fsck`; restore what it names.",
    ),
    Code(
        "AUDIT_DAMAGED",
        "internal",
        "A published tile does not lead from an entry to the checkpoint.",
        "Run `lotabots audit fsck`, which names the file; restore it from a copy of the log.",
    ),
    Code(
        "AUDIT_GAP",
        "conflict",
        "The places in the log are not one behind the other: one is missing, or an entry has two.",
        "Restore `audit.leaves` from a backup, or make it again from the published entries.",
    ),
    Code(
        "AUDIT_MISFILED",
        "conflict",
        "The columns by which an entry is found do not say what it says: lists may not show it.",
        "The entry itself holds. Write into its columns what it says, and ask who changed them.",
    ),
    Code(
        "AUDIT_STRANDED",
        "conflict",
        "An entry has no place in the log and does not wait for one, or has one and waits.",
        "The entry is there. As the database's owner put it into `audit.pending`, or take it out.",
    ),
    Code(
        "AUDIT_TREE_MISMATCH",
        "conflict",
        "The stored state of the tree is not that of its leaves.",
        "Mend what else is named; if nothing is, restore `audit.state` from a backup of that age.",
    ),
    Code(
        "AUDIT_CHECKPOINT_FALSE",
        "conflict",
        "A checkpoint that was signed is not of the leaves that the database has.",
        "Leaves or the checkpoint were changed: hold both against any copy of the log.",
    ),
    Code(
        "AUDIT_ROLE_MISSING",
        "validation",
        "The audit log is to be looked at as a whole, without the role that may see all of it.",
        "Set `database.sequencer_url`, the database in the role lotabots_sequencer.",
    ),
    Code(
        "AUDIT_ENTRY_UNKNOWN",
        "not_found",
        "There is no such entry in the audit log of the caller's tenant.",
        "Take the id from the answer of what was recorded, or from the list of entries.",
    ),
    Code(
        "AUDIT_POLICY_FOREIGN",
        "validation",
        "The policy of the witnesses cannot be read, or lists other keys than those of this log.",
        "Write a `log` line for each key that `/v1/audit/keys` gives, and no other.",
    ),
    Code(
        "AUDIT_SEAL_BROKEN",
        "internal",
        "The sealed secret or text of a person does not open.",
        "Give this process the keyring key that the other processes have.",
    ),
    Code(
        "AUDIT_UNPLACED",
        "unavailable",
        "An entry is recorded, but nobody gave it its place in the log in time.",
        "See that a process serves audit with `database.sequencer_url`, and what it logs.",
    ),
    Code(
        "RECEIPT_PENDING",
        "conflict",
        "No checkpoint holds the entry yet, so there is no receipt.",
        "Ask again in a second; if it stays so, look at the metric `lotabots_audit_frozen`.",
    ),
    Code(
        "PERSON_UNKNOWN",
        "not_found",
        "No entry of the tenant mentions this person, or it was erased already.",
        "Check the id. Erasing twice is not needed.",
    ),
    Code(
        "PERSON_UNNAMED",
        "validation",
        "A person to be erased is not named as one.",
        "Write `user:` and the user's id, or `address:` and the network address.",
    ),
    Code(
        "ERASURE_OF_SELF",
        "validation",
        "An administrator asked to be erased by an entry that would name that administrator.",
        "Let another administrator do it.",
    ),
)
