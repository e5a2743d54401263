"""Codes about witnesses of audit logs, ours and those of others."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "WITNESS_MALFORMED",
        "validation",
        "A request to a witness is not in the form of C2SP tlog-witness.",
        "Send `old SIZE`, the hashes of the proof, an empty line, and the checkpoint.",
    ),
    Code(
        "WITNESS_LOG_UNKNOWN",
        "not_found",
        "The checkpoint is of a log that this witness does not watch.",
        "Start the witness with the key of the log: --log VKEY.",
    ),
    Code(
        "WITNESS_SIGNATURE",
        "authorization",
        "No key that the witness trusts for this log signed the checkpoint.",
        "Compare the log's keys with those that the witness was started with.",
    ),
    Code(
        "WITNESS_OLD_SIZE",
        "validation",
        "The old size in a request to a witness is above the size of the checkpoint.",
        "Prove that the newer tree extends the older one, not the other way round.",
    ),
    Code(
        "WITNESS_CONFLICT",
        "conflict",
        "The witness has cosigned another size of this log than the request starts from.",
        "Send a proof from the size that the answer names. A smaller log lost entries: see docs.",
    ),
    Code(
        "WITNESS_FORK",
        "conflict",
        "The log has signed two different trees of the same size.",
        "Keep both checkpoints: they are proof that the log was forked. Trust neither.",
    ),
    Code(
        "WITNESS_PROOF",
        "validation",
        "The proof does not show that the newer tree extends the one that was cosigned.",
        "Check that the log only grew; if it did not, keep both checkpoints as proof.",
    ),
    Code(
        "WITNESS_FORGOT",
        "conflict",
        "A witness has its key but not its memory of what it cosigned.",
        "Retire it and start another in an empty folder, under another name.",
    ),
    Code(
        "WITNESS_KEY_INVALID",
        "validation",
        "The key file of a witness cannot be used.",
        "Restore the file from a backup, with mode 0600, or retire the witness.",
    ),
    Code(
        "WITNESS_QUORUM",
        "unavailable",
        "Too few witnesses cosigned a checkpoint, so it was not published.",
        "Start the witnesses that are missing; nothing is lost, receipts wait.",
    ),
    Code(
        "WITNESS_AHEAD",
        "conflict",
        "A witness has cosigned a larger or another tree of this log than there is here.",
        "Signing stops: the database lost entries, as after a restored backup. See docs/audit.md.",
    ),
)
