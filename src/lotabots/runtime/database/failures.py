"""The driver's errors in our words: who is at fault, and whether trying again can help."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import msgspec

from lotabots.kernel import Kind, LotaError, invalid

_NOT_LET_IN = (
    Kind.UNAVAILABLE,
    "DATABASE_LOGIN_REFUSED",
    "The database does not let us in: the role, its password or the database's name is wrong.",
)
# By SQLSTATE (PostgreSQL documentation, appendix A): the whole code first, then its class.
# Nothing of the server's own message reaches the caller: it can quote values of the row.
_BY_STATE: dict[str, tuple[Kind, str, str]] = {
    "23505": (Kind.CONFLICT, "DATABASE_CONFLICT", "This exists already."),
    "23P01": (Kind.CONFLICT, "DATABASE_CONFLICT", "This exists already."),
    "23503": (
        Kind.CONFLICT,
        "DATABASE_REFERENCE_BROKEN",
        "This refers to something that is not there, or is still referred to.",
    ),
    "23514": (Kind.VALIDATION, "DATABASE_VALUE_REFUSED", "A value breaks a rule of its table."),
    "23502": (Kind.VALIDATION, "DATABASE_VALUE_REFUSED", "A value that must be there is missing."),
    "22021": (Kind.VALIDATION, "DATABASE_TEXT_REFUSED", "Text cannot hold this character."),
    "22P05": (Kind.VALIDATION, "DATABASE_TEXT_REFUSED", "Text cannot hold this character."),
    "40001": (Kind.UNAVAILABLE, "DATABASE_CONTENDED", "Another transaction was faster; try again."),
    "40P01": (Kind.UNAVAILABLE, "DATABASE_CONTENDED", "Another transaction was faster; try again."),
    "55P03": (Kind.UNAVAILABLE, "DATABASE_CONTENDED", "Another transaction holds the lock."),
    "55000": (Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", "The database is not accepting work."),
    "3D000": _NOT_LET_IN,
    "57014": (Kind.UNAVAILABLE, "DATABASE_TIMEOUT", "The database took too long."),
}
_BY_CLASS: dict[str, tuple[Kind, str, str]] = {
    "22": (Kind.VALIDATION, "DATABASE_VALUE_REFUSED", "A value does not fit its column."),
    "08": (Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", "The database cannot be reached."),
    "28": _NOT_LET_IN,
    "53": (Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", "The database is out of resources."),
    "57": (Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", "The database is starting or stopping."),
    "58": (Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", "The database's machine has failed."),
}
_OTHER = (Kind.INTERNAL, "DATABASE_FAILED", "The database refused a statement.")


DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""Everything that the driver raises; it has no class above these."""


@contextmanager
def coded_failures() -> Iterator[None]:
    """Turns whatever the driver raises inside the block into a `LotaError`.

    Put around single driver calls, never around a caller's own code: an `OSError` from there is not
    the database's.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        raise _of_server(error) from error
    except TimeoutError as error:  # also an OSError, so it comes first
        detail = "The database took too long."
        raise LotaError(Kind.UNAVAILABLE, "DATABASE_TIMEOUT", detail) from error
    except (OSError, asyncpg.InternalClientError) as error:
        # The second is what the driver says when the server's farewell came between two statements.
        detail = "The database cannot be reached."
        raise LotaError(Kind.UNAVAILABLE, "DATABASE_UNAVAILABLE", detail) from error
    except asyncpg.InterfaceError as error:
        raise _of_client(error) from error
    except msgspec.ValidationError as error:
        detail = "A row has not the shape that the code expects."
        raise LotaError(Kind.INTERNAL, "DATABASE_FAILED", detail) from error


def unreadable_url() -> LotaError:
    """For a URL of the settings. It holds a password, so nothing of it is shown."""
    detail = "The database URL cannot be read; want postgresql://role@host:port/database"
    return invalid("DATABASE_URL_INVALID", detail)


def _of_server(error: asyncpg.PostgresError) -> LotaError:
    state = getattr(error, "sqlstate", None) or ""
    kind, code, detail = _BY_STATE.get(state) or _BY_CLASS.get(state[:2], _OTHER)
    details = {
        name: value
        for name in ("constraint", "table")
        if (value := getattr(error, f"{name}_name", None))
    }
    return LotaError(kind, code, detail, **details)


def _of_client(error: asyncpg.InterfaceError) -> LotaError:
    # A value that the driver cannot encode is also a ValueError: the caller's fault.
    # Else it has one class for a lost connection and for misuse by us; only its words tell.
    if isinstance(error, asyncpg.ClientConfigurationError):
        return unreadable_url()
    if isinstance(error, ValueError):
        return LotaError(*_BY_CLASS["22"])
    lost = any(word in str(error) for word in ("closed", "closing", "released back"))
    return LotaError(*(_BY_CLASS["08"] if lost else _OTHER))
