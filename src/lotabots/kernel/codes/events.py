"""Codes about events between processes."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "EVENTS_DEAF",
        "unavailable",
        "Notifications do not reach this process: every token and key is looked up in the database,"
        " which is slow and safe. A pooler that lends connections by the transaction does this.",
        "Let `database.url` name PostgreSQL itself, or a pooler that lends by the session.",
    ),
    Code(
        "EVENT_INVALID",
        "internal",
        "An event was to be published whose key is no short printable text.",
        "This is a fault of ours; please report it with the request id.",
    ),
)
