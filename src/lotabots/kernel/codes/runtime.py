"""Codes about the process, its database and its web edge."""

from lotabots.kernel.codes.code import Code

DATABASE = (
    Code(
        "DATABASE_CONFLICT",
        "conflict",
        "Something with this name or identifier exists already.",
        "Read the existing one, or choose another name; `constraint` in the details says which.",
    ),
    Code(
        "DATABASE_REFERENCE_BROKEN",
        "conflict",
        "The request refers to something that does not exist, or removes what is still in use.",
        "Create what is referred to first, or remove what refers to it.",
    ),
    Code(
        "DATABASE_VALUE_REFUSED",
        "validation",
        "A value is missing, out of range, or breaks a rule of its table.",
        "Correct the value; `constraint` in the details says which rule.",
    ),
    Code(
        "DATABASE_TEXT_REFUSED",
        "validation",
        "A text holds a character that the database cannot store, such as NUL.",
        "Remove the character.",
    ),
    Code(
        "DATABASE_CONTENDED",
        "unavailable",
        "Another transaction holds or changed the same rows.",
        "Send the request again.",
    ),
    Code(
        "DATABASE_TIMEOUT",
        "unavailable",
        "The database did not answer in time, or every connection was in use.",
        "Try again; if it persists, look at the database's load and at `database.connections`.",
    ),
    Code(
        "DATABASE_UNAVAILABLE",
        "unavailable",
        "The database cannot be reached, is starting or stopping, or is out of resources.",
        "Look at the database's log; an embedded one is started again by itself.",
    ),
    Code(
        "DATABASE_FAILED",
        "internal",
        "The database refused a statement of ours.",
        "This is a fault of ours; please report it with the request id.",
    ),
    Code(
        "DATABASE_URL_INVALID",
        "validation",
        "The database URL in the settings cannot be read.",
        "Write it as postgresql://role:password@host:port/database",
    ),
)

CODES: tuple[Code, ...] = DATABASE
