"""Codes about the audit log."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "AUDIT_ENTRY_INVALID",
        "internal",
        "An audit entry was to be written that holds more than references and digests.",
        "This is a fault of ours; please report it with the request id.",
    ),
)
