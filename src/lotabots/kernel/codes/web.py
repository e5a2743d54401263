"""Codes about HTTP requests, settings and the web edge of a process."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "INTERNAL",
        "internal",
        "Something broke on our side; the log has the trace under the request id.",
        "This is a fault of ours; please report it with the request id.",
    ),
    Code(
        "ROUTE_UNKNOWN",
        "not_found",
        "There is nothing at this path. A path has one spelling: no trailing or double slash.",
        "Compare the path with /openapi.json.",
    ),
    Code(
        "REQUEST_METHOD",
        "validation",
        "The path exists and does not answer this method (status 405).",
        "Use a method that the Allow header names.",
    ),
    Code(
        "REQUEST_NOT_HTTP",
        "validation",
        "The bytes on the connection are no HTTP/1.1 request, or its head has no end.",
        "Send a well-formed request; look for a proxy that garbles it.",
    ),
    Code(
        "REQUEST_HEADERS_TOO_LARGE",
        "validation",
        "The request has too many headers, or too many bytes of them (status 431).",
        "Send fewer; the limit is the setting web.max_headers.",
    ),
    Code(
        "REQUEST_TOO_LARGE",
        "validation",
        "The request body is larger than the route takes (status 413).",
        "Send less at a time; the limit is the setting web.max_body unless the route has its own.",
    ),
    Code(
        "REQUEST_CONTENT_TYPE",
        "validation",
        "The body is not sent as application/json in UTF-8 (status 415).",
        "Send the header Content-Type: application/json, once.",
    ),
    Code(
        "REQUEST_INCOMPLETE",
        "validation",
        "The connection ended before the body was complete.",
        "Send the request again.",
    ),
    Code(
        "REQUEST_BODY_EMPTY",
        "validation",
        "The route needs a JSON body and got none.",
        "Send the body that /openapi.json describes for this route.",
    ),
    Code(
        "REQUEST_BODY_INVALID",
        "validation",
        "The JSON body has another shape than the route takes; unknown fields are refused.",
        "`path` in the details says where; compare with /openapi.json.",
    ),
    Code(
        "REQUEST_TEXT_NUL",
        "validation",
        "A text holds a NUL character, which no database column can store.",
        "Remove the character.",
    ),
    Code(
        "REQUEST_PARAMETER",
        "validation",
        "A path, query or header parameter cannot be read.",
        "`parameters` in the details names them; compare with /openapi.json.",
    ),
    Code(
        "REQUEST_HEADER_REPEATED",
        "validation",
        "A header that means one thing is there twice.",
        "Send it once; look for a proxy that adds it.",
    ),
    Code(
        "GATEWAY_ONLY",
        "authentication",
        "This process answers the gateway only (setting web.behind_gateway).",
        "Call the gateway.",
    ),
    Code(
        "TOKEN_ABSENT",
        "authentication",
        "The route needs a user token and the request carries none.",
        "Log in and send the header Authorization: Bearer TOKEN.",
    ),
    Code(
        "TOKEN_SCHEME",
        "authentication",
        "The Authorization header is not one bearer token.",
        "Send it once, as: Bearer, one space, the token.",
    ),
    Code(
        "PERMISSION_DENIED",
        "authorization",
        "The caller is known and may not do this.",
        "Ask an administrator for a role that includes the permission named in the details.",
    ),
    Code(
        "SETTINGS_INVALID",
        "validation",
        "A setting has a name that does not exist, or a value that cannot be used.",
        "Correct it in the settings file or the environment; the message says which and where.",
    ),
    Code(
        "WEB_ADDRESS_UNAVAILABLE",
        "unavailable",
        "The address to listen on is taken or is not ours.",
        "Choose another with web.host and web.port, or stop what listens there.",
    ),
    Code(
        "WEB_BUSY",
        "unavailable",
        "There are more connections to this process than it may have (web.max_concurrent).",
        "Try again in a moment; if it stays so, raise the setting or add a process.",
    ),
)
