from contextlib import suppress
from datetime import timedelta
from itertools import combinations

import pytest
from appraisal.compliance.made import evidence, report, waiver
from appraisal.models.made import APPRAISER, NOW, ROOT, judge, rule
from hypothesis import given
from hypothesis import strategies as st

from lotabots.appraisal import Outcome
from lotabots.appraisal.compliance import (
    ComplianceReport,
    Status,
    evaluate,
    load_catalogue,
    load_waivers,
)
from lotabots.kernel import LotaError

PARTS = (
    *("signed", "scanned", "rule", "tensors", "sample", "facts", "card"),
    *("provenance", "declarations", "behaviour", "hardware", "ancestors"),
)
WAIVERS = f"""\
waivers:
  - control: LB-LIC-02
    model: "{ROOT}"
    by: legal@acme.example
    until: "2027-01-31T00:00:00Z"
    reason: It is the text with our address in it.
"""


def test_a_report_has_the_same_bytes_again_and_is_read_from_them() -> None:
    made = report((waiver("LB-DOC-01"),), card=None)
    assert made.canonical() == report((waiver("LB-DOC-01"),), card=None).canonical()
    assert ComplianceReport.read(made.canonical()) == made


@given(st.sets(st.sampled_from(PARTS)))
def test_taking_evidence_away_never_makes_a_control_pass(parts: set[str]) -> None:
    whole = {one.id: one.status for one in report().controls.results}
    less = report(**dict.fromkeys(parts))
    for one in less.controls.results:
        assert not (one.status is Status.PASS and whole[one.id] is not Status.PASS)


def test_each_part_is_needed_by_some_control() -> None:
    for part in PARTS:
        assert report(**{part: None}).outcome is not Outcome.ACCEPTED or part == "rule", part


def test_missing_evidence_fails_where_a_control_says_so() -> None:
    text = (
        "pack: p\nversion: 1\ntitle: t\ncontrols:\n"
        "  - {id: A-B, title: t, check: licence-allowed, severity: low, on_missing: fail,"
        " why: w, fix: f}\n"
    )
    made = evaluate(load_catalogue([], [text.encode()]), evidence(card=None), appraiser=APPRAISER)
    assert [one.status for one in made.controls.results] == [Status.FAIL]


def test_a_waiver_makes_a_fail_or_an_unknown_waived_until_its_date() -> None:
    statuses = {}
    for until in (NOW, NOW - timedelta(seconds=1)):
        results = report((waiver("LB-DOC-01", until),), card=None).controls.results
        statuses[until] = next(one for one in results if one.id == "LB-DOC-01")
    assert statuses[NOW].status is Status.WAIVED
    assert statuses[NOW].waived is not None
    assert statuses[NOW].waived.instead_of is Status.UNKNOWN
    lapsed = statuses[NOW - timedelta(seconds=1)]
    assert lapsed.status is Status.UNKNOWN
    assert "lapsed" in lapsed.measured


@pytest.mark.parametrize(
    "given_waiver",
    [waiver("LB-DOC-01", model="0" * 64), waiver("LB-DOC-04")],
    ids=["another model", "another control"],
)
def test_a_waiver_for_something_else_waives_nothing(given_waiver: object) -> None:
    made = report((given_waiver,), card=None)  # type: ignore[arg-type]  # a Waiver
    assert {r.id: r.status for r in made.controls.results}["LB-DOC-01"] is Status.UNKNOWN


def test_signatures_and_rollback_cannot_be_waived() -> None:
    made = report((waiver("LB-INT-01"), waiver("LB-INT-03")), signed=None)
    statuses = {r.id: r for r in made.controls.results}
    for control in ("LB-INT-01", "LB-INT-03"):
        assert statuses[control].status is Status.UNKNOWN
        assert "takes none" in statuses[control].measured


def test_a_waiver_for_what_passes_changes_nothing() -> None:
    assert report((waiver("LB-DOC-01"),)).canonical() == report().canonical()


def test_a_waived_control_that_nobody_evaluated_stays_in_the_list_of_those() -> None:
    made = report((waiver("LB-DOC-01"),), card=None)
    assert "LB-DOC-01" in made.summary.unevaluated


def test_the_report_decides_in_a_verdict_whose_rule_asks_for_its_packs() -> None:
    asks = rule("controls: [core, operation]")
    assert judge(asks, controls=report().controls).outcome is Outcome.ACCEPTED
    assert judge(asks, controls=report(card=None).controls).outcome is Outcome.INCONCLUSIVE
    assert judge(asks, controls=report(hardware=None).controls).outcome is Outcome.INCONCLUSIVE
    other = evaluate(load_catalogue(["core"]), evidence(), appraiser=APPRAISER)
    assert judge(asks, controls=other.controls).outcome is Outcome.INCONCLUSIVE


def test_waivers_are_read_with_the_digest_of_their_file_as_approval() -> None:
    (one,) = load_waivers(WAIVERS.encode())
    assert (one.control, one.model, one.by) == ("LB-LIC-02", ROOT, "legal@acme.example")
    assert one.approval.startswith("sha256:")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    by: legal@acme.example\n", ""),
        (ROOT, "any"),
        ("2027-01-31T00:00:00Z", "never"),
        ("reason: It is", "reasons: It is"),
        ("LB-LIC-02", "'*'"),
        ("waivers:\n", "waivers:\n" + WAIVERS.split("waivers:\n")[1]),
    ],
)
def test_a_list_of_waivers_that_is_not_understood_whole_is_refused(old: str, new: str) -> None:
    assert old in WAIVERS
    with pytest.raises(LotaError) as refusal:
        load_waivers(WAIVERS.replace(old, new).encode())
    assert refusal.value.code in {"WAIVERS_MALFORMED", "TIME_MALFORMED"}


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: (WAIVERS + text).encode()))
def test_any_bytes_are_waivers_or_an_error(data: bytes) -> None:
    with suppress(LotaError):
        load_waivers(data)


def test_no_two_parts_together_hide_what_one_of_them_shows() -> None:
    """An outcome never gets better when a second part is taken away."""
    for first, second in combinations(PARTS, 2):
        one = report(**{first: None}).outcome
        both = report(**{first: None, second: None}).outcome
        assert both is not Outcome.ACCEPTED or one is Outcome.ACCEPTED, (first, second)
