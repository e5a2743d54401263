"""A verdict as a signed result token, in the profile that the client chose."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

from lotabots.appraisal import Part, Verdict
from lotabots.evidence import Level
from lotabots.kernel import (
    Kind,
    LotaError,
    SigningKey,
    VerifyingKey,
    encode_base64url,
    sha256,
    sign_jws,
)
from lotabots.result.tiers import SIMULATED, tier_word, worst_value, worst_word
from lotabots.result.types import (
    MAX_FINDINGS,
    MAX_LIFETIME,
    MAX_RESULT_CHARACTERS,
    RESULT_TYPE,
    BindingGrade,
    LogEntry,
    Profile,
    StatusRef,
)
from lotabots.result.wire import EXTENSION, shape_of

DEVELOPER = "LotaBots"
NVIDIA_PEN = 5703
"""NVIDIA's private enterprise number (IANA)."""

PROVEN = (Level.ATTESTED, Level.BOUND)

_encoder = msgspec.json.Encoder()
_decoders = {profile: msgspec.json.Decoder(shape_of(profile)) for profile in Profile}


def issue(
    verdict: Verdict,
    *,
    profile: Profile,
    key: SigningKey,
    issuer: str,
    audience: str,
    subject: str,
    session_key: Mapping[str, object] | None,
    now: datetime,
    lifetime: timedelta,
    token_id: str,
    status: StatusRef | None,
    log: LogEntry | None = None,
    needs_receipt: bool = False,
    nonce: bytes | None = None,
    digest: str | None = None,
) -> str:
    """The signed result of this verdict, valid from `now` for `lifetime`, at most `MAX_LIFETIME`.

    `session_key` is the public JWK for `cnf`, `nonce` the 9 to 64 bytes that a relying party wants
    back. `digest` is `verdict.digest` where the caller has it at hand. With `needs_receipt` the
    result is admitted only with a receipt in `log`. Raises `RESULT_UNISSUABLE` for what
    `read_result` would refuse, and `KEY_*` for a session key that is none.
    """
    if not timedelta(seconds=1) <= lifetime <= MAX_LIFETIME:
        raise _unissuable("a result lives from one second to 10 minutes")
    if subject != verdict.node:
        raise _unissuable("the verdict is about another node")
    if nonce is not None and not 9 <= len(nonce) <= 64:
        raise _unissuable("a nonce has 9 to 64 bytes")
    claims = {
        "eat_profile": profile,
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "jti": token_id,
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + int(lifetime.total_seconds()),
        EXTENSION: _extension(verdict, digest or verdict.digest, log, needs_receipt),
        **_appraisal_claims(profile, verdict),
    }
    if nonce is not None:
        claims["eat_nonce"] = encode_base64url(nonce)
    if session_key is not None:
        claims["cnf"] = {"jwk": confirmation_jwk(session_key)}
    if status is not None:
        claims["status"] = {"status_list": status}
    payload = _encoder.encode(claims)
    try:
        # What goes out is held against the very shape that `read_result` reads.
        _decoders[profile].decode(payload)
    except msgspec.ValidationError as error:
        raise _unissuable(str(error)) from error
    token = sign_jws(payload, key, RESULT_TYPE)
    if len(token) > MAX_RESULT_CHARACTERS:
        raise _unissuable(f"it is longer than {MAX_RESULT_CHARACTERS} characters")
    return token


def confirmation_jwk(jwk: Mapping[str, object]) -> dict[str, str]:
    """The public parameters of this JWK and nothing else (RFC 7638 section 3.2). Raises `KEY_*`."""
    plain = dict(jwk)
    if plain.keys() == {"kty", "crv", "x", "y"} and all(isinstance(v, str) for v in plain.values()):
        return dict(_known_point(tuple(sorted(plain.items()))))
    return _parameters(plain)


@lru_cache(maxsize=4096)  # a pure function of the key; a node uses one key many times
def _known_point(members: tuple[tuple[str, object], ...]) -> dict[str, str]:
    return _parameters(dict(members))


def _parameters(jwk: dict[str, object]) -> dict[str, str]:
    named = VerifyingKey.from_jwk(jwk).jwk()
    return {name: named[name] for name in ("kty", "crv", "x", "y") if name in named}


def _appraisal_claims(profile: Profile, verdict: Verdict) -> dict[str, object]:
    """The claims of EAR proper, under the names of the profile."""
    verifier = {"developer": DEVELOPER, "build": f"lotabots {verdict.appraiser.version}"}
    match profile:
        case Profile.VERAISON_2023 | Profile.TRUSTEE_2024:
            names = ("ear.status", "ear.trustworthiness-vector", "ear.appraisal-policy-id")
            return {
                "ear.verifier-id": verifier,
                "submods": _submodules(verdict, names, verdict.policy_id),
            }
        case Profile.IETF_2026:
            names = ("ear_status", "ear_trustworthiness_vector", "ear_appraisal_policy_ids")
            return {
                "ear_verifier_id": verifier,
                "ear_status": tier_word(_overall(verdict)),
                "submods": _submodules(verdict, names, [verdict.policy_id]),
            }


def _submodules(
    verdict: Verdict, names: tuple[str, str, str], policy: object
) -> dict[str, dict[str, object]]:
    submodules: dict[str, dict[str, object]] = {}
    for part in verdict.parts:
        vector = dict(part.vector)
        if part.simulated:
            vector["hardware"] = SIMULATED
        status = worst_word(tier_word(claim) for claim in (part.tier, *vector.values()))
        values: tuple[object, ...] = (status, vector, policy)
        submodules[part.subject] = {**dict(zip(names, values, strict=True)), **_identity(part)}
    return submodules


def _identity(part: Part) -> dict[str, object]:
    """The EAT claims that a device signature proves; of a simulator's hardware only the name."""
    device = _device(part)
    if device is None:
        return {}
    # RFC 9711 section 4.2.1: type byte 1, then a hash over what identifies the device.
    identity: dict[str, object] = {"ueid": encode_base64url(b"\x01" + sha256(device.encode()))}
    if not part.simulated and device.startswith("NVIDIA:"):
        identity["oemid"] = NVIDIA_PEN
        if isinstance(chip := part.facts.get("chip"), str):
            identity["hwmodel"] = encode_base64url(chip.encode())
    return identity


def _device(part: Part) -> str | None:
    device = part.facts.get("id")
    return device if part.level in PROVEN and isinstance(device, str) else None


def _overall(verdict: Verdict) -> int:
    return worst_value((verdict.tier, *(SIMULATED for part in verdict.parts if part.simulated)))


def _extension(
    verdict: Verdict, digest: str, log: LogEntry | None, needs_receipt: bool
) -> dict[str, object]:
    return {
        "verdict": verdict.outcome,
        "tier": _overall(verdict),
        "appraisal": digest,
        "appraiser": verdict.appraiser,
        "policy": verdict.policy_id,
        "reference": verdict.reference_digest,
        "collateral": verdict.collateral_digest,
        "challenge": verdict.challenge,
        "bindings": [
            BindingGrade(binding.between, binding.strength, binding.accepted)
            for binding in verdict.bindings
        ],
        "findings": list(dict.fromkeys(f.code for f in verdict.findings))[:MAX_FINDINGS],
        "parts": {part.subject: _part(part) for part in verdict.parts},
        "log": log,
        "needs_receipt": needs_receipt,
        # Left out of every other: who reads tokens of older versions only knows full ones.
        **({"scope": "light"} if verdict.facts.get("scope") == "light" else {}),
    }


def _part(part: Part) -> dict[str, object]:
    claims: dict[str, object] = {
        "kind": part.kind,
        "outcome": part.outcome,
        "level": part.level,
        "simulated": part.simulated,
    }
    if (device := _device(part)) is not None:
        claims["device"] = device
    return claims


def _unissuable(why: str) -> LotaError:
    return LotaError(Kind.INTERNAL, "RESULT_UNISSUABLE", f"This result cannot be issued: {why}.")
