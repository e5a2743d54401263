"""Enough distinct allowed signers, none lapsed, and a statement that is about this model now."""

from collections.abc import Iterator

from lotabots.appraisal.models.case import Case
from lotabots.appraisal.models.facts import Signed
from lotabots.appraisal.models.trusted import count_distinct
from lotabots.kernel import format_duration, format_time
from lotabots.models import Finding, finding


def check(case: Case) -> Iterator[Finding]:
    """What is wrong with who signed, and with when."""
    signed = case.signed
    if signed is None or not signed.signers:
        yield finding("MODEL-UNSIGNED", expected=_wanted(case), measured="no valid signature")
        return
    yield from _signers(case, signed)
    yield from _times(case, signed)
    yield from _name(case)


def _signers(case: Case, signed: Signed) -> Iterator[Finding]:
    current = case.trusted()
    lapsed = [one for one in case.rule.signers if one.lapsed(case.now)]
    count = count_distinct(current, signed.signers)
    enough = count >= case.rule.threshold
    for signer in signed.signers:
        if any(one.is_signer(signer) for one in current):
            continue
        ended = next((one.until for one in lapsed if one.is_signer(signer) and one.until), None)
        if ended is None:
            yield finding("MODEL-SIGNER-NOT-ALLOWED", expected=_wanted(case), measured=str(signer))
        elif not enough:
            yield finding(
                "MODEL-SIGNER-EXPIRED",
                expected=f"trusted at {format_time(case.now)}",
                measured=f"{signer}, until {format_time(ended)}",
            )
    if not enough:
        yield finding("MODEL-SIGNERS-TOO-FEW", expected=_wanted(case), measured=str(count))


def _times(case: Case, signed: Signed) -> Iterator[Finding]:
    now = format_time(case.now)
    if case.rule.expires is not None and case.now > case.rule.expires:
        expires = format_time(case.rule.expires)
        yield finding("MODEL-RULE-EXPIRED", expected=f"a rule in force at {now}", measured=expires)
    if signed.not_after is not None and case.now > signed.not_after:
        ended = format_time(signed.not_after)
        yield finding("MODEL-STATEMENT-EXPIRED", expected=f"valid at {now}", measured=ended)
    if case.rule.max_age is None:
        return
    limit = f"signed within {format_duration(case.rule.max_age)} of {now}"
    strong = case.strong()
    signed_at = None if strong is None else strong.signed_at
    if signed_at is None:
        yield finding("MODEL-SIGNATURE-UNDATED", expected=limit, measured="no signed time")
    elif not case.now - case.rule.max_age <= signed_at <= case.now:
        # A time that lies ahead is no age at all, and it would never run out.
        made = format_time(signed_at)
        yield finding("MODEL-SIGNATURE-TOO-OLD", expected=limit, measured=made)


def _name(case: Case) -> Iterator[Finding]:
    strong = case.strong()
    signed, own = "" if strong is None else strong.name, case.name.rpartition("/")[2]
    if not signed:
        yield finding("MODEL-NAME-UNSIGNED", expected=case.name, measured="no signed name")
    elif signed == own:
        # Signed under its own name alone: whose model it is, only the signers' keys say.
        yield finding("MODEL-NAME-UNSIGNED", expected=case.name, measured=signed)
    elif signed != case.name:
        yield finding("MODEL-NAME-DIFFERS", expected=case.name, measured=signed)


def _wanted(case: Case) -> str:
    return f"{case.rule.threshold} of {len(case.rule.signers)} signers that the rule allows"
