"""Codes about bytes, JSON, keys and signatures."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "JSON_TOO_LARGE",
        "validation",
        "The JSON text is longer than this place allows.",
        "Send less; the limit stands in the message.",
    ),
    Code(
        "JSON_TOO_DEEP",
        "validation",
        "Lists and objects are nested deeper than this place allows.",
        "Send a flatter document; nothing we define is nested that deep.",
    ),
    Code(
        "JSON_NOT_UTF8",
        "validation",
        "The JSON text is not valid UTF-8.",
        "Encode it as UTF-8 without a byte order mark.",
    ),
    Code(
        "JSON_MALFORMED",
        "validation",
        "The text is not JSON (RFC 8259); NaN and Infinity are not JSON either.",
        "Write it with a JSON encoder.",
    ),
    Code(
        "JSON_DUPLICATE_KEY",
        "validation",
        "An object has the same key twice, so two readers could see two different documents.",
        "Write each key once.",
    ),
    Code(
        "JSON_NUMBER_RANGE",
        "validation",
        "A number does not fit a double exactly (RFC 7493): beyond 2**53 - 1, or infinite.",
        "Send large numbers as decimal or hex strings.",
    ),
    Code(
        "JSON_SURROGATE",
        "validation",
        "A string holds half of a surrogate pair, which is no character.",
        "Escape characters beyond U+FFFF as whole pairs, or do not escape them.",
    ),
    Code(
        "JSON_NOT_CANONICAL",
        "validation",
        "A value has no canonical JSON form (RFC 8785).",
        "Use strings, booleans, null, finite numbers, lists and objects with string keys only.",
    ),
    Code(
        "TIME_MALFORMED",
        "validation",
        "A time is not RFC 3339 with an offset and at most microseconds.",
        "Write it as 2025-10-24T12:00:00Z.",
    ),
    Code(
        "TIME_NAIVE",
        "validation",
        "A time without an offset was to be written; it names no point in time.",
        "This is an error in LotaBots; please report it.",
    ),
    Code(
        "DURATION_MALFORMED",
        "validation",
        "A duration is not a whole number of days, hours, minutes or seconds up to 36500 days.",
        "Write it as 30d, 12h, 15m or 90s.",
    ),
)
