"""A compliance report as OSCAL assessment results, in JSON.

Source: NIST OSCAL 1.1.2, assessment-results model. OSCAL knows `satisfied` and `not-satisfied`: a
control that is unknown is not satisfied, and the reason says `other` with the status in a property.
A control that does not apply is left out of the findings and named among the reviewed ones.
"""

from collections.abc import Iterator

from lotabots.appraisal.compliance.exports.words import identifier, one_line
from lotabots.appraisal.compliance.report import ComplianceReport
from lotabots.appraisal.controls import ControlResult, Status
from lotabots.kernel import Json, canonical, format_time

OSCAL_VERSION = "1.1.2"
PROPERTIES = "https://lotabots.dev/ns/oscal"

_REASONS = {
    Status.PASS: "pass",
    Status.FAIL: "fail",
    Status.UNKNOWN: "other",
    Status.WAIVED: "other",
}


def oscal(report: ComplianceReport) -> bytes:
    """The assessment results as canonical JSON; equal reports give equal bytes."""
    when = format_time(report.evaluated_at)
    model = one_line(f"{report.name} {report.version}")
    plan = identifier(report.digest, "plan")
    document: dict[str, Json] = {
        "uuid": identifier(report.digest, "document"),
        "metadata": {
            "title": f"Controls on the model {model}",
            "last-modified": when,
            "version": report.digest,
            "oscal-version": OSCAL_VERSION,
            "props": [_property("appraiser", report.appraiser.digest)],
        },
        "import-ap": {"href": f"#{plan}"},
        "results": [_result(report, model, when)],
        "back-matter": {
            "resources": [
                {
                    "uuid": plan,
                    "title": "The catalogue of controls",
                    "description": f"Packs {', '.join(report.controls.packs)}.",
                    "props": [_property("catalogue-sha256", report.controls.catalogue_digest)],
                }
            ]
        },
    }
    return canonical({"assessment-results": document})


def _result(report: ComplianceReport, model: str, when: str) -> dict[str, Json]:
    results = report.controls.results
    shown = [one for one in results if one.status is not Status.NOT_APPLICABLE]
    controls: list[Json] = [{"control-id": one.id} for one in results]
    result: dict[str, Json] = {
        "uuid": identifier(report.digest, "result"),
        "title": model,
        "description": "Every control of the catalogue, held against this model.",
        "start": when,
        "end": when,
        "props": list(_summary(report)),
        "reviewed-controls": {"control-selections": [{"include-controls": controls}]},
        "observations": [_observation(report, one, when) for one in results],
    }
    if shown:
        result["findings"] = [_finding(report, one) for one in shown]
    return result


def _summary(report: ComplianceReport) -> Iterator[Json]:
    yield _property("outcome", report.outcome.value)
    yield _property("model-root", report.root or "unknown")
    if report.policy_id:
        yield _property("policy", report.policy_id)
    for name, count in (
        ("computed", report.summary.computed),
        ("declared", report.summary.declared),
    ):
        yield _property(f"{name}-pass", str(count.passed))
        yield _property(f"{name}-fail", str(count.failed))
        yield _property(f"{name}-unknown", str(count.unknown))
        yield _property(f"{name}-not-applicable", str(count.not_applicable))
        yield _property(f"{name}-waived", str(count.waived))
    yield _property("unevaluated", ", ".join(report.summary.unevaluated) or "none")


def _observation(report: ComplianceReport, result: ControlResult, when: str) -> Json:
    evidence: list[Json] = [{"description": one} for one in result.evidence]
    found: dict[str, Json] = {
        "uuid": identifier(report.digest, "observation", result.id),
        "title": one_line(result.title),
        "description": one_line(f"Expected: {result.expected}. Measured: {result.measured}."),
        "methods": ["TEST" if result.basis.value == "computed" else "EXAMINE"],
        "collected": when,
        "props": [_property("status", result.status), _property("basis", result.basis)],
    }
    if evidence:
        found["relevant-evidence"] = evidence
    return found


def _finding(report: ComplianceReport, result: ControlResult) -> Json:
    satisfied = result.status is Status.PASS
    properties = [_property("status", result.status), _property("basis", result.basis)]
    properties += [_property("maps-to", one) for one in result.maps_to]
    remarks = one_line(result.measured)
    if (waived := result.waived) is not None:
        properties += [
            _property("waived-by", waived.by),
            _property("waived-until", format_time(waived.until)),
            _property("waived-instead-of", waived.instead_of),
        ]
        remarks = one_line(f"{result.measured}. Waived: {waived.reason}")
    return {
        "uuid": identifier(report.digest, "finding", result.id),
        "title": one_line(f"{result.id}: {result.title}"),
        "description": one_line(result.expected),
        "props": properties,
        "target": {
            "type": "objective-id",
            "target-id": f"{result.id}_obj",
            "status": {
                "state": "satisfied" if satisfied else "not-satisfied",
                "reason": _REASONS[result.status],
                "remarks": remarks,
            },
        },
        "related-observations": [
            {"observation-uuid": identifier(report.digest, "observation", result.id)}
        ],
    }


def _property(name: str, value: str) -> Json:
    return {"name": name, "ns": PROPERTIES, "value": one_line(str(value))}
