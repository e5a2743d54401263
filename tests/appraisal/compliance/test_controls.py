"""Each control has a case in which it passes, one in which it fails, and one that is unknown."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from appraisal.compliance.made import (
    BASE,
    CARD,
    TENSORS,
    card,
    catalogue,
    evidence,
    file,
    report,
    sections,
)
from appraisal.models.made import ALICE, BOB, EVE, NOW, rule, scanned, signed

from lotabots.appraisal import Outcome
from lotabots.appraisal.compliance import (
    Ancestor,
    Basis,
    Behaviour,
    Declarations,
    Hardware,
    Provenance,
    Sample,
    Status,
)
from lotabots.appraisal.models import Previous, load_model_policy
from lotabots.models import Finding, Severity

ALL = [loaded.control.id for loaded in catalogue().controls]
COMPUTED = {
    *(f"LB-INT-0{n}" for n in (1, 2, 3)),
    *(f"LB-SAF-0{n}" for n in (1, 2, 3, 4, 5, 6)),
    *("LB-LIC-02", "LB-DOC-02", "LB-DOC-03", "LB-BEH-01", "LB-NOD-01"),
}


def scan_with(code: str, severity: Severity = Severity.REJECT) -> dict[str, Any]:
    return {"scanned": scanned(findings=(Finding(code=code, severity=severity, path="x"),))}


def behaviour(**changes: Any) -> dict[str, Any]:
    return {"behaviour": msgspec.structs.replace(evidence().behaviour or EMPTY, **changes)}


def hardware(**changes: Any) -> dict[str, Any]:
    return {"hardware": msgspec.structs.replace(evidence().hardware or NODE, **changes)}


EMPTY = Behaviour(root="", outcome="inconclusive", e_value_millionths=0, at=NOW)
NODE = Hardware(node="", outcome="inconclusive", simulated=True, at=NOW)
TWO = load_model_policy(rule("threshold: 2").encode()).rules[0]
BOUND = (Ancestor(name="m/base", licence="LicenseRef-llama3", root=BASE, approved=True),)

FAILS: dict[str, list[dict[str, Any]]] = {
    "LB-INT-01": [{"signed": signed(EVE)}, {"signed": signed()}, {"rule": TWO}],
    "LB-INT-02": [
        {"root": "0" * 64},
        {
            "signed": signed(
                ALICE, findings=(Finding(code="FILE-CHANGED", severity=Severity.REJECT),)
            )
        },
    ],
    "LB-INT-03": [
        {"previous": Previous(version="2.0", root=BASE)},
        {"signed": signed(ALICE, not_after=NOW - timedelta(days=1))},
    ],
    "LB-SAF-01": [{"scanned": scanned(files=(file("x", "pickle"),))}],
    "LB-SAF-02": [scan_with("SAFETENSORS-OVERLAP"), scan_with("PICKLE-GLOBAL")],
    "LB-SAF-03": [scan_with("REMOTE-CODE"), scan_with("CODE-FILE")],
    "LB-SAF-04": [scan_with("TEMPLATE-ESCAPE")],
    "LB-SAF-05": [
        {"sample": Sample(tensors=1, skipped=0, bad=("a",))},
        scan_with("INDEX-TENSOR"),
    ],
    "LB-SAF-06": [scan_with("SECRET-FOUND")],
    "LB-LIC-01": [{"card": card(license="proprietary")}, {"card": card(license="mit or gpl")}],
    "LB-LIC-02": [scan_with("LICENCE-MISMATCH")],
    "LB-LIC-03": [{"ancestors": BOUND}, {"card": card(base_model=None), "ancestors": None}],
    "LB-LIC-04": [{"card": card(license="openrail")}],
    "LB-DOC-01": [
        {"card": sections(**{"intended use": "x"})},
        {"card": sections(**{"intended use": " ", "limitations": "x"})},
    ],
    "LB-DOC-02": [
        {"card": card(parameters=1011)},
        {"card": card(parameters=989)},
        {"card": card(dtype="float16")},
    ],
    "LB-DOC-03": [{"card": card(context_length=8192)}],
    "LB-DOC-04": [{"card": card(release_date=None)}, {"card": card(distribution=" ")}],
    "LB-DOC-05": [{"card": card(**{"model-index": None})}, {"card": card(**{"model-index": "x"})}],
    "LB-DOC-06": [{"card": card(training_energy_kwh=None)}],
    "LB-DAT-01": [
        {"card": card(datasets=["acme/words"])},
        {"card": card(datasets=[{"id": "x", "license": "MIT"}])},
        {"card": card(datasets=[{"id": "x", "revision": "1"}])},
    ],
    "LB-DAT-02": [{"card": sections(curation="x", provenance="y")}],
    "LB-PRO-01": [
        {"provenance": Provenance(builder="https://eve.example", materials=("1",))},
        {"provenance": Provenance(builder="https://build.acme.example", materials=())},
    ],
    "LB-PRO-02": [
        {"signed": signed(ALICE)},
        {"ancestors": (Ancestor(name="x", licence="MIT", root=BASE, approved=False),)},
    ],
    "LB-EXP-01": [
        hardware(region="XX"),
        {"declarations": Declarations(signer="x", classification="", destinations=("DE",))},
    ],
    "LB-BEH-01": [
        behaviour(outcome="rejected"),
        behaviour(e_value_millionths=100_000_000),
        behaviour(root="0" * 64),
    ],
    "LB-NOD-01": [hardware(outcome="rejected"), hardware(simulated=True)],
}

UNKNOWN: dict[str, list[dict[str, Any]]] = {
    "LB-INT-01": [{"signed": None}, {"rule": None}],
    "LB-INT-02": [
        {"signed": None},
        {"signed": signed(ALICE, strong=())},
        {"signed": signed(ALICE, BOB, strong=(EVE,))},
        {"signed": signed(ALICE, tensor_root="")},
        {"tensors": None},
    ],
    "LB-INT-03": [{"signed": None}, {"version": "new", "signed": signed(ALICE, version="new")}],
    "LB-SAF-01": [{"scanned": None}, {"scanned": scanned(files=(file("x", ""),))}],
    "LB-SAF-02": [
        {"scanned": None},
        {"scanned": scanned(files=())},
        scan_with("SCAN-UNKNOWN", Severity.INCONCLUSIVE),
    ],
    "LB-SAF-03": [{"scanned": None}],
    "LB-SAF-04": [{"scanned": None}, {"facts": None}],
    "LB-SAF-05": [
        {"scanned": None},
        {"sample": None},
        {"sample": Sample(tensors=0, skipped=9, bad=())},
    ],
    "LB-SAF-06": [{"scanned": None}, scan_with("SECRET-LIKELY", Severity.WARNING)],
    "LB-LIC-01": [{"card": None}, {"card": card(license=None)}, {"card": card(license="other")}],
    "LB-LIC-02": [{"scanned": None}, {"facts": {}}, scan_with("LICENCE-UNKNOWN", Severity.WARNING)],
    "LB-LIC-03": [
        {"card": None},
        {"ancestors": None},
        {"ancestors": (Ancestor(name="x", licence=""),)},
    ],
    "LB-LIC-04": [{"card": None}, {"card": card(license=None)}],
    "LB-DOC-01": [{"card": None}],
    "LB-DOC-02": [
        {"card": None},
        {"tensors": None},
        {"tensors": ()},
        {"card": card(parameters="?")},
        {"facts": {"parameters": 0}},
    ],
    "LB-DOC-03": [
        {"card": None},
        {"facts": {"templates": 0}},
        {"card": card(context_length=None)},
        {"card": card(pipeline_tag=None)},
    ],
    "LB-DOC-04": [{"card": None}],
    "LB-DOC-05": [{"card": None}],
    "LB-DOC-06": [{"card": None}],
    "LB-DAT-01": [{"card": None}, {"card": card(datasets=[])}],
    "LB-DAT-02": [{"card": None}],
    "LB-PRO-01": [{"provenance": None}],
    "LB-PRO-02": [{"facts": None}, {"signed": None}, {"ancestors": None}],
    "LB-EXP-01": [{"declarations": None}, {"hardware": None}],
    "LB-BEH-01": [
        {"behaviour": None},
        behaviour(at=NOW - timedelta(days=31)),
        behaviour(at=NOW + timedelta(days=1)),
        behaviour(outcome="inconclusive"),
    ],
    "LB-NOD-01": [
        {"hardware": None},
        hardware(at=NOW - timedelta(days=2)),
        hardware(outcome="inconclusive"),
    ],
}

APPLIES_NOT: dict[str, dict[str, Any]] = {
    "LB-SAF-04": {"facts": {"templates": 0}},
    "LB-LIC-03": {"card": card(base_model=None), "ancestors": None, "facts": {}},
    "LB-LIC-04": {},
    "LB-PRO-02": {"facts": {"derived": ""}},
}


def of(control: str, **changes: Any) -> Status:
    results = {result.id: result for result in report(**changes).controls.results}
    return results[control].status


def cases(table: dict[str, list[dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    return [(control, changes) for control, several in table.items() for changes in several]


def test_there_are_26_controls_and_each_has_every_case() -> None:
    assert len(ALL) == 26
    assert set(FAILS) == set(UNKNOWN) == set(ALL)


def test_every_control_passes_where_everything_is_in_order() -> None:
    made = report()
    others = {r.id: r.status for r in made.controls.results if r.status is not Status.PASS}
    assert others == {"LB-LIC-04": Status.NOT_APPLICABLE}
    assert made.outcome is Outcome.ACCEPTED
    assert made.summary.unevaluated == ()
    assert (made.summary.computed.passed, made.summary.declared.passed) == (14, 11)


@pytest.mark.parametrize(("control", "changes"), cases(FAILS))
def test_a_control_fails(control: str, changes: dict[str, Any]) -> None:
    assert of(control, **changes) is Status.FAIL


@pytest.mark.parametrize(("control", "changes"), cases(UNKNOWN))
def test_a_control_is_unknown(control: str, changes: dict[str, Any]) -> None:
    assert of(control, **changes) is Status.UNKNOWN


@pytest.mark.parametrize(("control", "changes"), APPLIES_NOT.items())
def test_a_control_does_not_apply(control: str, changes: dict[str, Any]) -> None:
    assert of(control, **changes) is Status.NOT_APPLICABLE


@pytest.mark.parametrize(
    "changes",
    [
        {"card": card(license="openrail"), "scanned": scanned(files=(file("USE_POLICY.md"),))},
        {
            "card": msgspec.structs.replace(
                card(license="llama3"), sections={"acceptable use": "No spam."}
            )
        },
    ],
)
def test_a_licence_with_conditions_and_its_policy_pass(changes: dict[str, Any]) -> None:
    assert of("LB-LIC-04", **changes) is Status.PASS


@pytest.mark.parametrize(
    ("licence", "base"), [("other", "LicenseRef-llama3"), ("other", "licenseref-LLAMA3")]
)
def test_a_licence_that_binds_what_is_made_is_kept(licence: str, base: str) -> None:
    kept = card(license=licence, license_name="llama3")
    ancestors = (Ancestor(name="m/base", licence=base),)
    assert of("LB-LIC-03", card=kept, ancestors=ancestors) is Status.PASS


def test_very_much_compute_asks_for_the_pack_on_systemic_risk() -> None:
    from lotabots.appraisal.compliance import load_catalogue

    much = card(training_compute_flop="1e25")
    assert of("LB-DOC-06", card=much) is Status.PASS
    assert of("LB-DOC-06", card=much, cat=load_catalogue(["eu-ai-act-xi"])) is Status.FAIL


def test_what_rests_on_bytes_is_computed_and_the_rest_declared() -> None:
    made = report()
    assert {r.id for r in made.controls.results if r.basis is Basis.COMPUTED} == COMPUTED


def test_a_model_that_is_there_in_two_formats_is_counted_once() -> None:
    assert of("LB-DOC-02", tensors=(*TENSORS, *TENSORS)) is Status.FAIL
    twice = {"facts": {"parameters": 1000}, "tensors": (*TENSORS, *TENSORS)}
    assert of("LB-DOC-02", **twice) is Status.PASS


def test_code_that_the_policy_pins_passes() -> None:
    assert of("LB-SAF-03", **scan_with("CODE-PINNED", Severity.WARNING)) is Status.PASS


def test_without_a_policy_the_formats_are_those_of_the_catalogue() -> None:
    assert of("LB-SAF-01", rule=None) is Status.PASS


def test_a_card_without_anything_never_makes_a_declared_control_of_it_pass() -> None:
    empty = msgspec.structs.replace(CARD, metadata={}, sections={})
    made = report(card=empty)
    read = [one for one in made.controls.results if one.evidence == ("card",)]
    assert len(read) == 7
    assert not [one.id for one in read if one.status is Status.PASS]
