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
    Code(
        "JSON_SHAPE",
        "validation",
        "A document is JSON, but a member is missing, unknown or of another type than is wanted.",
        "The message names the first place that does not fit; nothing is converted for you.",
    ),
    Code(
        "BASE64_MALFORMED",
        "validation",
        "A text is not base64 in the one form that encodes its bytes.",
        "Encode without line breaks; base64url without padding, base64 with it.",
    ),
    Code(
        "KEY_MALFORMED",
        "validation",
        "A key or key set cannot be used; the message says why.",
        "Publish public keys only, each with its own kid, for `sig`, with the alg of its curve.",
    ),
    Code(
        "KEY_UNSUPPORTED",
        "validation",
        "A key is of a kind that LotaBots does not use.",
        "Use ES256 (P-256) or Ed25519.",
    ),
    Code(
        "SIGNATURE_INVALID",
        "validation",
        "A signature is not that of the named key over these bytes.",
        "The document was changed, cut, or signed by another key; get it again from its source.",
    ),
    Code(
        "JWS_MALFORMED",
        "validation",
        "A token is not a compact JWS of the one form that is read here.",
        "Pass the token as it was issued: three parts, a header of exactly alg, kid and typ.",
    ),
    Code(
        "JWS_TYPE",
        "validation",
        "A token of one kind was used as another.",
        "Use an access token for the API and a result for admission, never one for the other.",
    ),
    Code(
        "JWS_KEY_UNKNOWN",
        "validation",
        "A token names a key that is not in the trusted key set.",
        "Fetch the issuer's current key set; if it is there, the token is from another issuer.",
    ),
    Code(
        "JWS_ALGORITHM",
        "validation",
        "The header's algorithm is not that of the key it names.",
        "This is how tokens are forged; get a new token from its issuer.",
    ),
    Code(
        "ENVELOPE_MALFORMED",
        "validation",
        "A file is not a DSSE envelope with exactly one signature.",
        "Export it again; do not edit signed files.",
    ),
    Code(
        "ENVELOPE_TYPE",
        "validation",
        "A signed file holds a document of another type than is wanted here.",
        "Give this command the kind of file that its help names.",
    ),
    Code(
        "ENVELOPE_KEY_UNKNOWN",
        "validation",
        "A signed file names a key that is not trusted here.",
        "Import the signer's public key first, after checking its thumbprint with the signer.",
    ),
)
