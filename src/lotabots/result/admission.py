"""The one door: whether a relying party may act on a result now, with every reason why not."""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from lotabots.appraisal import Outcome
from lotabots.evidence import Level
from lotabots.kernel import LotaError, format_time
from lotabots.result.logged import check_receipt
from lotabots.result.read import SKEW
from lotabots.result.status import VALID, StatusList
from lotabots.result.types import Result, ResultPart
from lotabots.tlog import Policy as LogPolicy

MAX_STATUS_AGE = timedelta(seconds=5)

_RANK = {level: rank for rank, level in enumerate(Level)}


class Required(msgspec.Struct, frozen=True, kw_only=True):
    """Devices of one kind that must stand in the result: how many, and how strongly known."""

    kind: str
    count: int
    level: Level

    def __post_init__(self) -> None:
        if self.count < 1 or self.level is Level.NONE:
            raise ValueError("a requirement that nothing can fail is none")


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What a relying party asks of a result; each member but `allow_simulated` requires."""

    issuer: str
    audience: str
    policies: frozenset[str]
    """The ids of the policies whose verdicts count here."""
    required: tuple[Required, ...]
    allow_simulated: bool = False
    log: LogPolicy | None = None
    """Whose log must hold the appraisal, and which witnesses must have seen it; None: none must."""

    def __post_init__(self) -> None:
        if not (self.policies and self.required):
            raise ValueError("a need names at least one policy and one kind of device")


class Reason(NamedTuple):
    """Why a result is not admitted: a public code, and what was found."""

    code: str
    detail: str


class Admission(NamedTuple):
    """Whether the result is admitted; otherwise every reason."""

    admitted: bool
    reasons: tuple[Reason, ...]

    def __bool__(self) -> bool:
        """What `admitted` says: a tuple would be true, and `if admit(...)` a hole."""
        return self.admitted


def admit(
    result: Result, subject: str, need: Need, status: StatusList | None, now: datetime
) -> Admission:
    """Whether the caller may act on this result about `subject` now.

    1. it is from the issuer, for this audience, and about the subject
    2. it is bound to a session key (`cnf`), which the caller of this must have seen proven
    3. it is in force: issued at most `SKEW` ahead of our clock, and not expired, without grace
    4. our verdict in it is `accepted`, under a policy that counts here; a tier alone admits nothing
    5. it has the devices that are needed, each accepted and known at least so strongly
    6. nothing in it is simulated, unless that is allowed by name
    7. its receipt holds, where `need.log` or the policy of the appraisal asks for one; a policy
       that asks cannot be satisfied by a relying party that knows no log
    8. a signed status list, at most `MAX_STATUS_AGE` old and `SKEW` ahead, says that it holds

    Profile, `jti`, shape and signature are proven by the type: only `read_result` makes a Result,
    only `read_status_list` a StatusList. Without a status list nothing is admitted.
    """
    reasons = (
        *_identity(result, subject, need),
        *_times(result, now),
        *_judgement(result, need),
        *_logged(result, need),
        *_status(result, status, now),
    )
    return Admission(admitted=not reasons, reasons=reasons)


def _identity(result: Result, subject: str, need: Need) -> list[Reason]:
    reasons = []
    if result.issuer != need.issuer:
        reasons.append(Reason("ADMIT_ISSUER", f"The issuer is {result.issuer}."))
    if result.audience != need.audience:
        reasons.append(Reason("ADMIT_AUDIENCE", f"The result is for {result.audience}."))
    if result.subject != subject:
        reasons.append(Reason("ADMIT_SUBJECT", f"The result is about {result.subject}."))
    if result.session_key is None:
        reasons.append(Reason("ADMIT_UNBOUND", "The result is bound to no session key."))
    return reasons


def _times(result: Result, now: datetime) -> list[Reason]:
    reasons = []
    if result.issued_at > now + SKEW:
        reasons.append(Reason("ADMIT_EARLY", f"It was issued at {format_time(result.issued_at)}."))
    if result.expires_at <= now:
        reasons.append(Reason("ADMIT_EXPIRED", f"It expired at {format_time(result.expires_at)}."))
    return reasons


def _judgement(result: Result, need: Need) -> list[Reason]:
    reasons = []
    if result.verdict is not Outcome.ACCEPTED:
        findings = ", ".join(result.findings) or "no finding"
        reasons.append(Reason("ADMIT_VERDICT", f"The verdict is {result.verdict}: {findings}."))
    if result.policy_id not in need.policies:
        reasons.append(Reason("ADMIT_POLICY", f"It was appraised by {result.policy_id}."))
    if not need.allow_simulated and any(part.simulated for part in result.parts):
        reasons.append(Reason("ADMIT_SIMULATED", "Its hardware is simulated."))
    for required in need.required:
        found = sum(_meets(part, required) for part in result.parts)
        if found < required.count:
            detail = (
                f"{found} of {required.count} {required.kind} devices are accepted "
                f"and at least {required.level}."
            )
            reasons.append(Reason("ADMIT_DEVICES", detail))
    return reasons


def _meets(part: ResultPart, required: Required) -> bool:
    return (
        part.kind == required.kind
        and part.outcome is Outcome.ACCEPTED
        and _RANK[part.level] >= _RANK[required.level]
    )


def _logged(result: Result, need: Need) -> list[Reason]:
    if need.log is None:
        detail = "Its policy asks for a receipt, and no log is known here to hold one against."
        return [Reason("ADMIT_UNLOGGED", detail)] if result.needs_receipt else []
    try:
        check_receipt(result, need.log)
    except LotaError as error:
        return [Reason("ADMIT_UNLOGGED", f"{error.code}: {error.detail}")]
    return []


def _status(result: Result, status: StatusList | None, now: datetime) -> list[Reason]:
    if result.status is None or status is None:
        return [Reason("ADMIT_STATUS_MISSING", "There is no status list to hold it against.")]
    reasons = []
    if status.uri != result.status.uri:
        reasons.append(Reason("ADMIT_STATUS_FOREIGN", f"The status list is {status.uri}."))
    age = now - status.issued_at
    if not -SKEW <= age <= MAX_STATUS_AGE or status.expires_at <= now:
        reasons.append(
            Reason("ADMIT_STATUS_STALE", f"The status list is {age.total_seconds():.0f} s old.")
        )
    value = status.get(result.status.idx)
    if value is None:
        reasons.append(Reason("ADMIT_STATUS_RANGE", "The status list has no such place."))
    elif value != VALID:
        reasons.append(Reason("ADMIT_REVOKED", f"Its status is {value}: it no longer holds."))
    return reasons
