"""Codes about checking audit logs: copies of them, receipts, and what a monitor sees."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "AUDIT_FILE_MISSING",
        "not_found",
        "A file of a log is not where its path says.",
        "Check that the folder or address is that of a log; fetch the copy again.",
    ),
    Code(
        "AUDIT_KEYS_UNREADABLE",
        "validation",
        "A file of log keys holds none, or something else.",
        "Give keys as the operator writes them, one in a line: NAME+ID+BASE64.",
    ),
    Code(
        "AUDIT_KEYS_DIFFER",
        "validation",
        "The keys that a copy brings along are not those that were given.",
        "Trust the keys that you got another way, and ask where the copy is from.",
    ),
    Code(
        "AUDIT_OUT_NOT_EMPTY",
        "validation",
        "A log was to be copied into a folder that holds something already.",
        "Name a folder that is empty or not there yet.",
    ),
    Code(
        "AUDIT_RECEIPT_UNREADABLE",
        "validation",
        "A file is no receipt, or does not bring its entry along.",
        "Give the receipt as the server wrote it, or the entry with --entry.",
    ),
    Code(
        "AUDIT_ROLLED_BACK",
        "conflict",
        "A log shows fewer entries than it did before.",
        "Keep both checkpoints: together they prove it. Ask the operator for the lost entries.",
    ),
    Code(
        "AUDIT_FORKED",
        "conflict",
        "A log signed two different trees of the same size.",
        "Keep both checkpoints: together they prove it. Trust neither history.",
    ),
    Code(
        "AUDIT_NOT_EXTENDED",
        "conflict",
        "The newer tree of a log does not contain the older one: history was rewritten.",
        "Keep both checkpoints: together they prove it. Trust neither history.",
    ),
    Code(
        "AUDIT_OTHER_LOG",
        "validation",
        "What is watched now is another log than before.",
        "Use one state file for each log.",
    ),
)
