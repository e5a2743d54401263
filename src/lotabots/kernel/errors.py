"""The one error class, its kinds, and the error body every service answers with."""

from enum import StrEnum


class Kind(StrEnum):
    """What went wrong, in the eight kinds that map to an HTTP status (DESIGN section 7, Errors)."""

    AUTHENTICATION = "authentication"
    AUTHORIZATION = "authorization"
    NOT_FOUND = "not_found"
    VALIDATION = "validation"
    CONFLICT = "conflict"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class LotaError(Exception):
    """Breakage with a public code: never reused, never renamed, listed in `kernel.codes`.

    A refusal (a verdict that says no) is a value, not an error.
    `details` are safe to show to the caller: no evidence bytes, tokens or keys.
    """

    def __init__(self, kind: Kind, code: str, detail: str, **details: object) -> None:
        super().__init__(f"{code}: {detail}")
        self.kind = kind
        self.code = code
        self.detail = detail
        self.details = details

    def body(self) -> dict[str, object]:
        """The error body of the API: message, code, details."""
        return {"message": self.detail, "code": self.code, "details": self.details}


def invalid(code: str, detail: str, **details: object) -> LotaError:
    """A validation error: the caller sent something that cannot be used."""
    return LotaError(Kind.VALIDATION, code, detail, **details)
