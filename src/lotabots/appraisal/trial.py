"""A dry run: what another policy would say of the same inputs, and what would change."""

import msgspec

from lotabots.appraisal.appraiser import appraise
from lotabots.appraisal.inputs import Inputs
from lotabots.appraisal.policy import Policy
from lotabots.appraisal.verdict import Appraiser, Outcome, Part, Verdict
from lotabots.evidence import Caches, Finding


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """How one part (`node` for the whole) would change; None where a policy does not know it."""

    subject: str
    before: Outcome | None
    after: Outcome | None
    appeared: tuple[Finding, ...]
    vanished: tuple[Finding, ...]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """Both verdicts and their difference; only what differs is listed."""

    before: Verdict
    after: Verdict
    changes: tuple[Change, ...]


def try_policy(policy: Policy, inputs: Inputs, caches: Caches, appraiser: Appraiser) -> Trial:
    """The verdicts by the inputs' own policy and by `policy`, through the same code."""
    before = appraise(inputs, caches, appraiser)
    after = appraise(msgspec.structs.replace(inputs, policy=policy), caches, appraiser)
    subjects = dict.fromkeys(part.subject for part in before.parts + after.parts)
    changes = [_change("node", before, after)]
    changes += [
        _change(subject, _named(before, subject), _named(after, subject)) for subject in subjects
    ]
    return Trial(
        before=before,
        after=after,
        changes=tuple(
            change
            for change in changes
            if change.before != change.after or change.appeared or change.vanished
        ),
    )


def _named(verdict: Verdict, subject: str) -> Part | None:
    return next((part for part in verdict.parts if part.subject == subject), None)


def _change(subject: str, before: Verdict | Part | None, after: Verdict | Part | None) -> Change:
    old, new = _findings(before, subject), _findings(after, subject)
    return Change(
        subject=subject,
        before=None if before is None else before.outcome,
        after=None if after is None else after.outcome,
        appeared=tuple(found for found in new if found not in old),
        vanished=tuple(found for found in old if found not in new),
    )


def _findings(judged: Verdict | Part | None, subject: str) -> tuple[Finding, ...]:
    if judged is None:
        return ()
    return tuple(found for found in judged.findings if found.subject == subject)
