"""A compliance report as one HTML page for people: no script, nothing loaded, made for printing.

The page works under `default-src 'none'; style-src 'sha256-...'` (see `STYLE_HASH`): its only style
is one constant, and no text from a file ever reaches a tag, an attribute or a style.
"""

import html
from base64 import b64encode
from collections.abc import Iterator

from lotabots.appraisal.compliance.exports.style import STYLE
from lotabots.appraisal.compliance.exports.words import one_line
from lotabots.appraisal.compliance.report import ComplianceReport, Count
from lotabots.appraisal.controls import ControlResult, Status
from lotabots.kernel import format_time, sha256

STYLE_HASH = f"sha256-{b64encode(sha256(STYLE.encode())).decode()}"
"""For the header `Content-Security-Policy` of who serves the page."""

_WORDS = {
    Status.PASS: "pass",
    Status.FAIL: "fail",
    Status.UNKNOWN: "unknown",
    Status.NOT_APPLICABLE: "not applicable",
    Status.WAIVED: "waived",
}
_OUTCOMES = {
    "accepted": "Every control passes, does not apply or is waived",
    "rejected": "At least one control failed",
    "inconclusive": "No control failed; some could not be judged",
}


def page(report: ComplianceReport) -> str:
    """The whole page."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: ComplianceReport) -> Iterator[str]:
    policy = f"default-src 'none'; style-src '{STYLE_HASH}'"
    name = f"{_text(report.name)} {_text(report.version)}"
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Controls on {name}</title>"
    yield f"<style>{STYLE}</style></head><body><main>"
    outcome = report.outcome.value
    yield f'<header class="{outcome}"><p class="kind">Controls on a model</p>'
    yield f"<h1>{name}</h1>"
    yield f'<p class="outcome"><strong>{outcome}</strong> {_OUTCOMES[outcome]}</p></header>'
    yield from _facts(report)
    yield from _counts(report)
    for pack in report.controls.packs:
        own = _own(report, pack)
        yield f"<section><h2>{_text(report.titles[pack])} <small>{_text(pack)}</small></h2>"
        yield from (_control(result) for result in own)
        yield "</section>"
    yield "<footer>"
    yield "<p>Computed: it rests on bytes that were read. Declared: it rests on somebody's word."
    yield "Unknown is never a pass. This page proves nothing by itself: the report whose digest"
    yield "stands above does, and <code>lotabots model comply</code> makes it again.</p>"
    yield "</footer></main></body></html>"


def _facts(report: ComplianceReport) -> Iterator[str]:
    rows = {
        "Model root": report.root or "not known",
        "Judged at": format_time(report.evaluated_at),
        "Catalogue": report.controls.catalogue_digest,
        "Trust policy": report.policy_id or "none was given",
        "Report": report.digest,
        "Judged by": f"lotabots {report.appraiser.version}, {report.appraiser.digest}",
    }
    yield "<dl>"
    for name, value in rows.items():
        yield f"<dt>{name}</dt><dd><code>{_text(value)}</code></dd>"
    yield "</dl>"


def _counts(report: ComplianceReport) -> Iterator[str]:
    heads = "".join(f'<th scope="col">{word}</th>' for word in _WORDS.values())
    yield f'<table><thead><tr><th scope="col">Controls</th>{heads}</tr></thead><tbody>'
    yield _count("computed", report.summary.computed)
    yield _count("declared", report.summary.declared)
    yield "</tbody></table>"
    unevaluated = report.summary.unevaluated
    words = ", ".join(map(_text, unevaluated)) or "none"
    yield f'<p class="open"><strong>Not evaluated:</strong> {words}</p>'


def _count(name: str, count: Count) -> str:
    numbers = (count.passed, count.failed, count.unknown, count.not_applicable, count.waived)
    cells = "".join(
        f'<td class="{"zero" if not number else status.value}">{number}</td>'
        for number, status in zip(numbers, _WORDS, strict=True)
    )
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _own(report: ComplianceReport, pack: str) -> list[ControlResult]:
    """The pack's controls that no pack before it showed."""
    before: set[str] = set()
    for name in report.controls.packs[: report.controls.packs.index(pack)]:
        before.update(report.controls.members[name])
    own = set(report.controls.members[pack]) - before
    return [result for result in report.controls.results if result.id in own]


def _control(result: ControlResult) -> str:
    rows = [("Expected", result.expected), ("Measured", result.measured)]
    if result.status in (Status.FAIL, Status.UNKNOWN, Status.WAIVED):
        rows.append(("What to do", result.fix))
    if (waived := result.waived) is not None:
        words = f"by {waived.by} until {format_time(waived.until)}: {waived.reason}"
        rows.append(("Waived", f"{words} (instead of {waived.instead_of})"))
    if result.maps_to:
        rows.append(("Maps to", "; ".join(result.maps_to)))
    listed = "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in rows if value)
    status = result.status.value
    return (
        f'<article class="{status}"><h3><span class="status">{_WORDS[result.status]}</span> '
        f"{_text(result.title)} <small>{_text(result.id)}, {result.basis.value}</small></h3>"
        f"<dl>{listed}</dl></article>"
    )


def _text(value: str) -> str:
    return html.escape(one_line(value))
