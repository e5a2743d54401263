"""The version is the one that was signed, new enough, and never older than what was accepted."""

from collections.abc import Iterator

from lotabots.appraisal.models.case import Case
from lotabots.appraisal.models.versions import order_of
from lotabots.models import Finding, finding


def check(case: Case) -> Iterator[Finding]:
    """What is wrong with the version: that of the statement, of the rule, of the one before."""
    strong = case.strong()
    signed = strong.version if strong is not None else ""
    if signed and signed != case.version:
        yield finding("MODEL-VERSION-DIFFERS", expected=signed, measured=case.version)
    if case.rule.min_version:
        yield from _minimum(case, signed)
    if case.previous is not None:
        yield from _rollback(case)


def _minimum(case: Case, signed: str) -> Iterator[Finding]:
    least = case.rule.min_version
    wanted = f"at least {least}"
    if not signed:
        # A version that only the caller states is a word: an old model would state a new one.
        yield finding("MODEL-VERSION-UNSIGNED", expected=wanted, measured="no signed version")
        return
    given, bound = order_of(signed), order_of(least)
    if given is None or bound is None:
        yield finding("MODEL-VERSION-UNORDERED", expected=wanted, measured=signed)
    elif given < bound:
        yield finding("MODEL-VERSION-TOO-OLD", expected=wanted, measured=signed)


def _rollback(case: Case) -> Iterator[Finding]:
    previous = case.previous
    if previous is None:
        return
    strong = case.strong()
    counter = 0 if strong is None else strong.counter  # leaving the statement out goes back too
    if counter < previous.counter:
        wanted = f"a counter of at least {previous.counter}"
        yield finding("MODEL-VERSION-ROLLBACK", expected=wanted, measured=str(counter))
    root = case.signed.root if case.signed is not None else ""
    if root and root == previous.root and case.version == previous.version:
        return
    wanted = f"newer than {previous.version}"
    given, before = order_of(case.version), order_of(previous.version)
    if given is None or before is None:
        yield finding("MODEL-VERSION-UNORDERED", expected=wanted, measured=case.version)
    elif given < before:
        yield finding("MODEL-VERSION-ROLLBACK", expected=wanted, measured=case.version)
    elif given == before and root != previous.root:
        yield finding(
            "MODEL-VERSION-REUSED",
            expected=f"{previous.version} with root {previous.root}",
            measured=f"root {root}",
        )
