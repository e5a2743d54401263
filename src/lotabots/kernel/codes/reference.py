"""Codes about bundles of reference values, and about fetching them."""

from lotabots.kernel.codes.code import Code

CODES: tuple[Code, ...] = (
    Code(
        "REFERENCE_MALFORMED",
        "validation",
        "The file is not a reference bundle, or its manifest or layout is malformed.",
        "Export the bundle again, or sign the files with `lotabots reference pack`.",
    ),
    Code(
        "REFERENCE_TOO_LARGE",
        "validation",
        "The bundle, its manifest or one of its files is over the limit.",
        "Leave out what no device here needs, or split the files into bundles of different names.",
    ),
    Code(
        "REFERENCE_TRUNCATED",
        "validation",
        "The bundle ends before its last file, or a stored file of it is missing.",
        "Transfer the file again and compare its size with the original's.",
    ),
    Code(
        "REFERENCE_EDITED",
        "validation",
        "A file in the bundle, or the stored manifest, is not what was signed.",
        "Do not use this file. Get the bundle again from where it was signed.",
    ),
    Code(
        "REFERENCE_SIGNER_UNKNOWN",
        "validation",
        "No key that this instance trusts for reference values signed the bundle.",
        "Check who signed it; then add that public key to the setting `reference.trusted_keys`.",
    ),
    Code(
        "REFERENCE_ROLLBACK",
        "conflict",
        "A newer bundle of this name is in force; an older one would bring back withdrawn values.",
        "Publish the content you want under a higher number.",
    ),
    Code(
        "REFERENCE_NUMBER_TAKEN",
        "conflict",
        "A bundle of this name and number exists with other content.",
        "Publish it under the next number. If you did not expect two, ask who signed the other.",
    ),
    Code(
        "REFERENCE_NOT_FOUND",
        "not_found",
        "There is no reference bundle with this id.",
        "List the bundles with `lotabots reference list`.",
    ),
    Code(
        "REFERENCE_UPLOAD_BASE64",
        "validation",
        "An uploaded file is not base64 in its one canonical form.",
        "Encode the file's bytes as base64 with padding (RFC 4648 section 4).",
    ),
    Code(
        "REFERENCE_KEYS_MALFORMED",
        "validation",
        "The setting `reference.trusted_keys` does not name a readable JWK set.",
        "Let it name a file with a JWK set of public ES256 or Ed25519 keys.",
    ),
    Code(
        "REFERENCE_FETCH_FAILED",
        "unavailable",
        "A server of reference values could not be reached, or did not answer in time.",
        "Check the network and the base addresses; what was fetched before stays in force.",
    ),
    Code(
        "REFERENCE_FETCH_REFUSED",
        "validation",
        "A server of reference values answered with an error, or with something unexpected.",
        "Check the base addresses, and whether the server knows the driver or VBIOS version.",
    ),
)
