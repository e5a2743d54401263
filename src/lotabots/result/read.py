"""A result token read back into a Result, in any of the three profiles, or refused."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import UnsetType

from lotabots.appraisal import (
    AFFIRMING,
    CONTRAINDICATED,
    NO_CLAIM,
    UNRECOGNISED,
    WARNING,
    Outcome,
)
from lotabots.kernel import (
    Json,
    LotaError,
    VerificationKeys,
    decode_base64url,
    invalid,
    strict_json,
    verify_jws,
)
from lotabots.result.issuance import PROVEN, confirmation_jwk
from lotabots.result.tiers import SIMULATED, Tier, tier_word, worst_word
from lotabots.result.types import (
    MAX_LIFETIME,
    MAX_RESULT_CHARACTERS,
    RESULT_TYPE,
    Profile,
    Result,
    ResultPart,
)
from lotabots.result.wire import (
    AnyToken,
    DeployedSubmodule,
    DraftSubmodule,
    DraftToken,
    Extension,
    PartClaims,
    shape_of,
)

SKEW = timedelta(seconds=5)
"""How far the issuer's clock may run ahead of ours. An expiry has no grace."""

_PROFILES = frozenset(Profile)


def read_result(token: str, keys: VerificationKeys) -> Result:
    """What the token says, once one of these keys signed it. For deciding, see `admit`.

    Raises `JWS_*` or `SIGNATURE_INVALID` for the signature, `JSON_*` for the text,
    `RESULT_PROFILE`, `RESULT_MALFORMED` or `RESULT_INCONSISTENT` for the claims. Neither the time
    nor issuer, audience or status are looked at here.
    """
    payload = verify_jws(token, keys, RESULT_TYPE, MAX_RESULT_CHARACTERS)
    claims = _claims(strict_json(payload, max_bytes=MAX_RESULT_CHARACTERS, max_depth=8))
    if not 0 < claims.exp - claims.iat <= MAX_LIFETIME.total_seconds():
        raise invalid("RESULT_MALFORMED", "The result lives longer than 10 minutes, or not at all.")
    ours = claims.extension
    return Result(
        profile=claims.eat_profile,
        issuer=claims.iss,
        audience=claims.aud,
        subject=claims.sub,
        token_id=claims.jti,
        issued_at=datetime.fromtimestamp(claims.iat, UTC),
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        session_key=_session_key(claims),
        nonce=_nonce(claims),
        verdict=ours.verdict,
        tier=ours.tier,
        appraisal=ours.appraisal,
        appraiser=ours.appraiser,
        policy_id=ours.policy,
        reference_digest=ours.reference,
        collateral_digest=ours.collateral,
        challenge=ours.challenge,
        bindings=ours.bindings,
        findings=ours.findings,
        parts=_parts(claims),
        status=None if isinstance(claims.status, UnsetType) else claims.status.status_list,
        log=ours.log,
        needs_receipt=ours.needs_receipt,
        scope=ours.scope,
    )


def verify_result(
    token: str, keys: VerificationKeys, issuer: str, audience: str, now: datetime
) -> Result:
    """What the token says, once it is genuine, for this audience and in force.

    Raises what `read_result` raises, and `RESULT_FOREIGN`, `RESULT_EARLY`, `RESULT_EXPIRED`. Its
    status is not looked at: this needs no network.
    """
    result = read_result(token, keys)
    if result.issuer != issuer or result.audience != audience:
        raise invalid("RESULT_FOREIGN", "The result was issued by or for another party.")
    if result.issued_at > now + SKEW:
        raise invalid("RESULT_EARLY", "The result was issued in the future; compare the clocks.")
    if result.expires_at <= now:
        raise invalid("RESULT_EXPIRED", "The result has expired.")
    return result


def _claims(value: Json) -> AnyToken:
    profile = value.get("eat_profile") if isinstance(value, dict) else None
    if not isinstance(profile, str) or profile not in _PROFILES:
        raise invalid("RESULT_PROFILE", "The result is in a profile that we do not know.")
    try:
        return msgspec.convert(value, shape_of(Profile(profile)))
    except msgspec.ValidationError as error:
        raise _malformed(str(error)) from error


def _session_key(claims: AnyToken) -> Mapping[str, str] | None:
    if isinstance(claims.cnf, UnsetType):
        return None
    try:
        plain = confirmation_jwk(claims.cnf.jwk)
    except LotaError as error:
        raise _malformed("cnf holds no key that we use") from error
    if plain != claims.cnf.jwk:
        raise _malformed("cnf holds more than a public key")
    return plain


def _nonce(claims: AnyToken) -> bytes | None:
    if isinstance(claims.eat_nonce, UnsetType):
        return None
    try:
        return decode_base64url(claims.eat_nonce)
    except LotaError as error:
        raise _malformed("eat_nonce is not base64url") from error


def _parts(claims: AnyToken) -> tuple[ResultPart, ...]:
    """The parts, once what EAR says of each and what we say of it cannot contradict each other."""
    ours = claims.extension
    if claims.submods.keys() != ours.parts.keys():
        raise _inconsistent("EAR and the extension speak about different parts")
    if ours.tier not in _tiers_of(ours):
        raise _inconsistent("the tier is not one of this verdict")
    if isinstance(claims, DraftToken) and claims.overall is not tier_word(ours.tier):
        raise _inconsistent("the overall status is not that of the tier")
    return tuple(
        _part(name, submodule, ours.parts[name], ours.policy)
        for name, submodule in claims.submods.items()
    )


def _tiers_of(ours: Extension) -> tuple[int, ...]:
    if any(part.simulated for part in ours.parts.values()):
        return (SIMULATED,)
    match ours.verdict:
        case Outcome.ACCEPTED:
            return (AFFIRMING, WARNING)
        case Outcome.INCONCLUSIVE:
            return (NO_CLAIM,)
        case Outcome.REJECTED:
            return (CONTRAINDICATED, UNRECOGNISED)


def _part(
    name: str, submodule: DeployedSubmodule | DraftSubmodule, ours: PartClaims, policy: str
) -> ResultPart:
    vector: dict[str, int] = msgspec.to_builtins(submodule.vector)
    if worst_word((submodule.status, *map(tier_word, vector.values()))) is not submodule.status:
        raise _inconsistent(f"the status of {name} is better than its vector")
    if ours.simulated and submodule.status is not Tier.CONTRAINDICATED:
        raise _inconsistent(f"{name} is simulated and not contraindicated")
    device = "" if isinstance(ours.device, UnsetType) else ours.device
    if device and ours.level not in PROVEN:
        raise _inconsistent(f"{name} has a device id that nothing proves")
    if submodule.policies() != (policy,):
        raise _inconsistent(f"{name} was appraised by another policy")
    return ResultPart(
        subject=name,
        kind=ours.kind,
        outcome=ours.outcome,
        level=ours.level,
        simulated=ours.simulated,
        status=submodule.status,
        vector=vector,
        device=device,
    )


def _malformed(why: str) -> LotaError:
    return invalid("RESULT_MALFORMED", f"The result has another shape: {why}.")


def _inconsistent(why: str) -> LotaError:
    return invalid("RESULT_INCONSISTENT", f"The result contradicts itself: {why}.")
