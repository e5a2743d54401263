"""The words every other package speaks: errors, digests, canonical bytes, keys and signatures."""

from lotabots.kernel.canonical import Json, canonical, strict_json
from lotabots.kernel.digests import equal, hkdf_sha512, hmac_sha512, sha256, sha256_hex
from lotabots.kernel.errors import Kind, LotaError, invalid
from lotabots.kernel.principal import Principal, Role
from lotabots.kernel.times import format_duration, format_time, parse_duration, parse_time

__all__ = [
    "Json",
    "Kind",
    "LotaError",
    "Principal",
    "Role",
    "canonical",
    "equal",
    "format_duration",
    "format_time",
    "hkdf_sha512",
    "hmac_sha512",
    "invalid",
    "parse_duration",
    "parse_time",
    "sha256",
    "sha256_hex",
    "strict_json",
]
