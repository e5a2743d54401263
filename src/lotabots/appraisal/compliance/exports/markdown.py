"""A compliance report as Markdown, for a repository or an issue."""

import re
from collections.abc import Iterator

from lotabots.appraisal.compliance.exports.words import one_line
from lotabots.appraisal.compliance.report import ComplianceReport, Count
from lotabots.appraisal.controls import ControlResult
from lotabots.kernel import format_time

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&@:/$^])")


def markdown(report: ComplianceReport) -> str:
    """The page: what was judged, the counts, what could not be judged, then every control."""
    return "\n".join(_lines(report)) + "\n"


def escape(text: str) -> str:
    """The text as itself, on one line: nothing in it is Markdown or HTML.

    Every mark that Markdown or one of its dialects gives a meaning is escaped; so no name can end a
    cell, begin a link or a tag, or call somebody.
    """
    return _SPECIAL.sub(r"\\\1", one_line(text))


def _lines(report: ComplianceReport) -> Iterator[str]:
    yield f"# Controls on {escape(report.name)} {escape(report.version)}"
    yield ""
    yield f"**{report.outcome.value}** at {format_time(report.evaluated_at)}"
    yield ""
    yield f"- Model root: {_code(report.root or 'not known')}"
    yield f"- Packs: {', '.join(escape(pack) for pack in report.controls.packs)}"
    yield f"- Catalogue: {_code(report.controls.catalogue_digest)}"
    if report.policy_id:
        yield f"- Trust policy: {_code(report.policy_id)}"
    yield f"- Report: {_code(report.digest)}"
    yield ""
    yield "| resting on | pass | fail | unknown | not applicable | waived |"
    yield "|---|---|---|---|---|---|"
    yield _row("bytes that were read (computed)", report.summary.computed)
    yield _row("somebody's word (declared)", report.summary.declared)
    yield ""
    unevaluated = report.summary.unevaluated
    yield f"Not evaluated: {', '.join(map(escape, unevaluated)) or 'none'}."
    yield ""
    yield "| control | status | basis | expected | measured |"
    yield "|---|---|---|---|---|"
    for result in report.controls.results:
        yield _control(result)


def _row(name: str, count: Count) -> str:
    numbers = (count.passed, count.failed, count.unknown, count.not_applicable, count.waived)
    return f"| {name} | {' | '.join(map(str, numbers))} |"


def _control(result: ControlResult) -> str:
    measured = escape(result.measured)
    if (waived := result.waived) is not None:
        until = format_time(waived.until)
        measured += f" Waived by {escape(waived.by)} until {escape(until)}: {escape(waived.reason)}"
    words = (
        f"{escape(result.id)} {escape(result.title)}",
        escape(result.status.value),
        result.basis.value,
        escape(result.expected),
        measured,
    )
    return f"| {' | '.join(words)} |"


def _code(text: str) -> str:
    """A digest or an id; our own alphabet, so a grave accent can only be ours."""
    return f"`{one_line(text).replace('`', '')}`"
