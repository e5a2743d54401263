"""A model held against a catalogue: every control asked, waivers applied, one report.

1. Each control's check answers from the evidence; a check that finds its evidence missing is
   `unknown`, or `fail` where the control says so.
2. A waiver for this control and this very model, not yet lapsed, makes a fail or an unknown
   `waived`. What passes needs none, and a control that is not waivable takes none.
3. No share, no score: counts, and the list of what could not be judged.
"""

from collections.abc import Iterable

import msgspec

from lotabots.appraisal.compliance.answer import Answer
from lotabots.appraisal.compliance.catalogue import Catalogue, LoadedControl
from lotabots.appraisal.compliance.evidence import Evidence
from lotabots.appraisal.compliance.report import ComplianceReport, outcome_of, summary_of
from lotabots.appraisal.compliance.waivers import Waiver
from lotabots.appraisal.controls import ControlResult, ControlResults, Status, Waived
from lotabots.appraisal.verdict import Appraiser
from lotabots.kernel import format_time


def evaluate(
    catalogue: Catalogue,
    evidence: Evidence,
    *,
    waivers: Iterable[Waiver] = (),
    policy_id: str = "",
    appraiser: Appraiser,
) -> ComplianceReport:
    """The report on this model, in whole seconds of the evidence's `now`."""
    now = evidence.now.replace(microsecond=0)
    evidence = msgspec.structs.replace(evidence, now=now, packs=catalogue.packs)
    by_control = {
        one.control: one for one in waivers if evidence.root and one.model == evidence.root
    }
    results = tuple(
        _result(loaded, evidence, by_control.get(loaded.control.id))
        for loaded in catalogue.controls
    )
    return ComplianceReport(
        outcome=outcome_of(results),
        name=evidence.name,
        version=evidence.version,
        root=evidence.root,
        policy_id=policy_id,
        titles=dict(catalogue.titles),
        controls=ControlResults(
            root=evidence.root,
            packs=catalogue.packs,
            catalogue_digest=catalogue.digest,
            results=results,
            members=dict(catalogue.members),
        ),
        summary=summary_of(results),
        evaluated_at=now,
        appraiser=appraiser,
    )


def _result(loaded: LoadedControl, evidence: Evidence, waiver: Waiver | None) -> ControlResult:
    control, check = loaded.control, loaded.check
    answer: Answer = check.function(evidence, loaded.parameters)
    status, measured = answer.status, answer.measured
    if answer.missing and control.on_missing == "fail":
        status = Status.FAIL
    waived = None
    if waiver is not None and status in (Status.FAIL, Status.UNKNOWN):
        if not control.waivable:
            measured += "; a waiver was handed in, and this control takes none"
        elif evidence.now > waiver.until:
            measured += f"; the waiver of {waiver.by} lapsed at {format_time(waiver.until)}"
        else:
            waived = Waived(
                by=waiver.by,
                until=waiver.until,
                reason=waiver.reason,
                instead_of=status,
                approval=waiver.approval,
            )
            status = Status.WAIVED
    return ControlResult(
        id=control.id,
        title=control.title,
        status=status,
        basis=check.basis,
        expected=answer.expected,
        measured=measured,
        fix=control.fix,
        maps_to=control.maps_to,
        evidence=check.evidence,
        waived=waived,
    )
