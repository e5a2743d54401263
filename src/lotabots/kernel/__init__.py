"""The words every other package speaks: errors, digests, canonical bytes, keys and signatures."""

from lotabots.kernel.base64text import (
    decode_base64,
    decode_base64url,
    encode_base64,
    encode_base64url,
)
from lotabots.kernel.canonical_json import Json, canonical, strict_json, strict_struct
from lotabots.kernel.digests import (
    equal,
    hkdf_sha512,
    hmac_sha256,
    hmac_sha512,
    sha256,
    sha256_hex,
)
from lotabots.kernel.envelope import open_envelope, sign_envelope
from lotabots.kernel.errors import Kind, LotaError, invalid
from lotabots.kernel.jws import sign_jws, verify_jws
from lotabots.kernel.keys import KeySet, SigningKey, VerificationKeys, VerifyingKey
from lotabots.kernel.principal import OPERATOR_TENANT, Principal, Role
from lotabots.kernel.refusals import refusal_of
from lotabots.kernel.times import format_duration, format_time, parse_duration, parse_time
from lotabots.kernel.webhooks import (
    read_webhook_secret,
    sign_webhook,
    verify_webhook,
    webhook_secret_text,
)
from lotabots.kernel.wildcards import fits

__all__ = [
    "OPERATOR_TENANT",
    "Json",
    "KeySet",
    "Kind",
    "LotaError",
    "Principal",
    "Role",
    "SigningKey",
    "VerificationKeys",
    "VerifyingKey",
    "canonical",
    "decode_base64",
    "decode_base64url",
    "encode_base64",
    "encode_base64url",
    "equal",
    "fits",
    "format_duration",
    "format_time",
    "hkdf_sha512",
    "hmac_sha256",
    "hmac_sha512",
    "invalid",
    "open_envelope",
    "parse_duration",
    "parse_time",
    "read_webhook_secret",
    "refusal_of",
    "sha256",
    "sha256_hex",
    "sign_envelope",
    "sign_jws",
    "sign_webhook",
    "strict_json",
    "strict_struct",
    "verify_jws",
    "verify_webhook",
    "webhook_secret_text",
]
