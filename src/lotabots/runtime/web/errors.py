"""Every error as the one body of the API: mapped to HTTP here and nowhere else."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import Scope

from lotabots.access import ALGORITHMS
from lotabots.kernel import Kind, LotaError, Principal, invalid
from lotabots.runtime.telemetry import Telemetry

STATUS: Mapping[Kind, int] = {
    Kind.VALIDATION: 400,
    Kind.AUTHENTICATION: 401,
    Kind.AUTHORIZATION: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.RATE_LIMITED: 429,
    Kind.INTERNAL: 500,
    Kind.UNAVAILABLE: 503,
}
# Refusals for which HTTP has a status of its own; for us they are all validation.
STATUS_OF_CODE: Mapping[str, int] = {
    "REQUEST_METHOD": 405,
    "REQUEST_TOO_LARGE": 413,
    "REQUEST_CONTENT_TYPE": 415,
    "REQUEST_HEADERS_TOO_LARGE": 431,
}
COUNTED_BY_GUARD = frozenset({"PERMISSION_DENIED", "SESSION_NEEDED", "USER_NEEDED"})
CHALLENGE = 'Bearer realm="lotabots"'
PROOF_CHALLENGE = f'DPoP algs="{" ".join(ALGORITHMS)}", error="invalid_dpop_proof"'
# No token was sent, or none was asked for: nothing to say about one.
WITHOUT_TOKEN = frozenset({"TOKEN_ABSENT", "LOGIN_FAILED", "LOGIN_CODE", "REFRESH_REFUSED"})


def status_of(error: LotaError) -> int:
    """The HTTP status of an error."""
    return STATUS_OF_CODE.get(error.code, STATUS[error.kind])


def headers_of(error: LotaError) -> dict[str, str]:
    """The headers that HTTP wants beside this error (RFC 9110, RFC 6750)."""
    if error.code == "REQUEST_METHOD":
        return {"allow": str(error.details.get("allow", ""))}
    match error.kind:
        case Kind.AUTHENTICATION if error.code in WITHOUT_TOKEN:
            return {"www-authenticate": CHALLENGE}
        case Kind.AUTHENTICATION if error.code.startswith("PROOF_"):
            return {"www-authenticate": PROOF_CHALLENGE}
        case Kind.AUTHENTICATION:
            return {"www-authenticate": f'{CHALLENGE}, error="invalid_token"'}
        case Kind.AUTHORIZATION:
            return {"www-authenticate": f'{CHALLENGE}, error="insufficient_scope"'}
        case Kind.RATE_LIMITED | Kind.UNAVAILABLE:
            return {"retry-after": str(error.details.get("retry_after_seconds", 1))}
        case _:
            return {}


def body_of(error: LotaError) -> bytes:
    """The error body, DESIGN section 7. Always encodable, whatever the details hold."""
    try:
        return msgspec.json.encode(error.body(), enc_hook=str)
    except UnicodeEncodeError:  # a lone surrogate quoted from the request
        return msgspec.json.encode(LotaError(error.kind, error.code, "").body())


def coded(error: Exception) -> LotaError:
    """The public form of any exception; what we did not expect becomes `INTERNAL`, with no word."""
    match error:
        case LotaError():
            return error
        case ExceptionGroup():
            # A dependency that failed while it was being closed: what failed is inside.
            found = [inner for inner in error.exceptions if isinstance(inner, LotaError)]
            return found[0] if found else coded(error.exceptions[0])
        case HTTPException():
            return _of_framework(error)
        case _:
            return LotaError(Kind.INTERNAL, "INTERNAL", "Something broke on our side.")


def _of_framework(error: HTTPException) -> LotaError:
    match error.status_code:
        case 404:
            return LotaError(Kind.NOT_FOUND, "ROUTE_UNKNOWN", "There is nothing at this path.")
        case 405:
            allow = ", ".join(sorted((error.headers or {}).get("allow", "").split(", ")))
            return invalid("REQUEST_METHOD", f"This path answers {allow}.", allow=allow)
        case 413:
            return invalid("REQUEST_TOO_LARGE", "The request body is larger than this route takes.")
        case status if status >= 500:
            return LotaError(Kind.INTERNAL, "INTERNAL", "Something broke on our side.")
        case _:
            return _of_parameters(error)


def _of_parameters(error: HTTPException) -> LotaError:
    """A query or path parameter that could not be read; its value is not quoted."""
    extra = error.extra if isinstance(error.extra, list) else []
    named = {str(one["key"]): str(one["message"])[:200] for one in extra if "key" in one}
    words = "; ".join(f"{key}: {message}" for key, message in named.items())
    return invalid("REQUEST_PARAMETER", words or "The request cannot be read.", parameters=[*named])


class ErrorMapper:
    """Litestar's handler for every exception; logs what we did not expect, with its traceback.

    A user who is let through by the guard and refused behind it is counted here, like the others.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._log = telemetry.log
        self._refusals = telemetry.refusals

    def __call__(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """The response for an error raised anywhere in a handler, guard or dependency."""
        mapped = coded(error)
        note_code(request.scope, mapped)
        if mapped.kind is Kind.INTERNAL:
            self._log.error("request.crashed", code=mapped.code, exc_info=error)
        user = request.scope.get("user")
        counted = mapped.code in COUNTED_BY_GUARD
        if mapped.kind is Kind.AUTHORIZATION and not counted and isinstance(user, Principal):
            self._refusals.user(user, "request", mapped.code)
        return Response(
            body_of(mapped),
            status_code=status_of(mapped),
            headers=headers_of(mapped),
            media_type="application/json",
        )


def note_code(scope: Scope, error: LotaError) -> None:
    """Leaves the code on the request for its log line."""
    scope["state"]["error_code"] = error.code


def code_noted(scope: Scope) -> str | None:
    """The code left on the request, if it was refused."""
    code = scope["state"].get("error_code")
    return code if isinstance(code, str) else None
