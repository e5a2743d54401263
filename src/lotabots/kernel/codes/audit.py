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
)
