"""The one door: the good result is admitted, and everything that misses one thing is not."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from result.samples import NOW, need, part, result, status_list, verdict

from lotabots.appraisal import Outcome
from lotabots.evidence import Cause, Finding, Level
from lotabots.result import (
    INVALID,
    SUSPENDED,
    Need,
    Profile,
    Required,
    StatusRef,
    admit,
)


def codes(**changes: Any) -> list[str]:
    given: dict[str, Any] = {
        "result": result(),
        "subject": "node-1",
        "need": need(),
        "status": status_list(),
        "now": NOW,
    }
    admission = admit(**(given | changes))
    assert admission.admitted is (not admission.reasons)
    assert bool(admission) is admission.admitted
    return [reason.code for reason in admission.reasons]


@pytest.mark.parametrize("profile", Profile)
def test_a_good_result_is_admitted_in_every_profile(profile: Profile) -> None:
    assert codes(result=result(profile=profile)) == []


def test_an_accepted_warning_is_admitted() -> None:
    about = verdict(tier=32, parts=(part("gpu0", tier=32), part("gpu1"), part("switch0")))
    assert codes(result=result(about)) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"need": need(issuer="https://other.example")}, "ADMIT_ISSUER"),
        ({"need": need(audience="gateway")}, "ADMIT_AUDIENCE"),
        ({"subject": "node-2"}, "ADMIT_SUBJECT"),
        ({"need": need(policies=frozenset({"urn:other"}))}, "ADMIT_POLICY"),
        ({"result": result(session_key=None)}, "ADMIT_UNBOUND"),
        ({"result": result(status=None)}, "ADMIT_STATUS_MISSING"),
        ({"status": None}, "ADMIT_STATUS_MISSING"),
        ({"status": status_list(uri="https://other.example/1")}, "ADMIT_STATUS_FOREIGN"),
        ({"status": status_list({3: INVALID})}, "ADMIT_REVOKED"),
        ({"status": status_list({3: SUSPENDED})}, "ADMIT_REVOKED"),
        ({"status": status_list({3: 3})}, "ADMIT_REVOKED"),
        ({"result": result(status=StatusRef(100, status_list().uri))}, "ADMIT_STATUS_RANGE"),
        ({"result": result(status=StatusRef(2**31 - 1, status_list().uri))}, "ADMIT_STATUS_RANGE"),
    ],
)
def test_a_result_that_misses_one_thing_is_refused_for_that_alone(
    changes: dict[str, Any], code: str
) -> None:
    assert codes(**changes) == [code]


@pytest.mark.parametrize(
    ("after", "code"),
    [(-6, "ADMIT_EARLY"), (-5, None), (0, None), (299, None), (300, "ADMIT_EXPIRED")],
)
def test_a_result_holds_from_5_seconds_before_its_issue_to_its_expiry_without_grace(
    after: int, code: str | None
) -> None:
    now = NOW + timedelta(seconds=after)
    assert codes(now=now, status=status_list(now=now)) == ([] if code is None else [code])


@pytest.mark.parametrize(
    ("age", "stale"),
    [(timedelta(seconds=5, microseconds=1), True), (timedelta(seconds=5), False),
     (timedelta(), False), (timedelta(seconds=-5), False), (timedelta(seconds=-6), True)],
)  # fmt: skip
def test_a_status_list_is_at_most_5_seconds_old_and_5_seconds_ahead(
    age: timedelta, stale: bool
) -> None:
    now = NOW + timedelta(minutes=1)
    listed = msgspec.structs.replace(status_list(now=now), issued_at=now - age)
    assert codes(now=now, status=listed) == (["ADMIT_STATUS_STALE"] if stale else [])


def test_a_status_list_that_has_expired_is_stale_however_young() -> None:
    listed = status_list(lifetime=timedelta(seconds=2))
    assert codes(status=listed, now=NOW + timedelta(seconds=2)) == ["ADMIT_STATUS_STALE"]


@pytest.mark.parametrize(
    ("outcome", "tier"), [(Outcome.REJECTED, 96), (Outcome.REJECTED, 97), (Outcome.INCONCLUSIVE, 0)]
)
def test_only_an_accepted_verdict_is_admitted(outcome: Outcome, tier: int) -> None:
    assert codes(result=result(verdict(outcome=outcome, tier=tier))) == ["ADMIT_VERDICT"]


@pytest.mark.parametrize("tier", [2, 32])
@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.INCONCLUSIVE])
def test_a_tier_alone_admits_nothing(outcome: Outcome, tier: int) -> None:
    forged = msgspec.structs.replace(result(), verdict=outcome, tier=tier)
    assert codes(result=forged) == ["ADMIT_VERDICT"]


def test_the_reason_for_a_verdict_names_its_findings() -> None:
    finding = Finding(
        code="NV-RIM-MISSING", cause=Cause.COLLATERAL, subject="gpu0", title="t", expected="e",
        measured="m", fix="f",
    )  # fmt: skip
    about = verdict(outcome=Outcome.INCONCLUSIVE, tier=0, findings=(finding,))
    admission = admit(result(about), "node-1", need(), status_list(), NOW)
    assert "NV-RIM-MISSING" in admission.reasons[0].detail


def required(kind: str, count: int, level: Level = Level.ATTESTED) -> Need:
    return need(required=(Required(kind=kind, count=count, level=level),))


@pytest.mark.parametrize(
    "asked",
    [
        required("gpu", 3), required("cpu", 1), required("gpu", 1, Level.BOUND), required("GPU", 1),
    ],
    ids=repr,
)  # fmt: skip
def test_fewer_or_weaker_devices_than_needed_are_refused(asked: Need) -> None:
    assert codes(need=asked) == ["ADMIT_DEVICES"]


@pytest.mark.parametrize("level", [Level.CLAIMED, Level.CHALLENGED, Level.ATTESTED])
def test_a_device_known_more_strongly_than_needed_is_admitted(level: Level) -> None:
    assert codes(need=required("gpu", 2, level)) == []


@pytest.mark.parametrize(
    "changes",
    [{"outcome": Outcome.INCONCLUSIVE, "tier": 0}, {"outcome": Outcome.REJECTED, "tier": 96},
     {"level": Level.CLAIMED}, {"level": Level.NONE}],
    ids=repr,
)  # fmt: skip
def test_a_device_that_is_not_itself_accepted_or_attested_does_not_count(
    changes: dict[str, Any],
) -> None:
    about = verdict(parts=(part("gpu0"), part("gpu1", **changes), part("switch0")))
    assert codes(result=result(about)) == ["ADMIT_DEVICES"]


def test_simulated_hardware_is_admitted_only_where_it_is_allowed_by_name() -> None:
    about = verdict(parts=(part("gpu0"), part("gpu1"), part("switch0", simulated=True)))
    assert codes(result=result(about)) == ["ADMIT_SIMULATED"]
    assert codes(result=result(about), need=need(allow_simulated=True)) == []


def test_every_reason_is_given_at_once() -> None:
    about = verdict(outcome=Outcome.REJECTED, tier=96, parts=(part("gpu0", simulated=True),))
    assert codes(
        result=result(about, session_key=None),
        subject="node-2",
        need=need(issuer="i", audience="a", policies=frozenset({"p"})),
        status=status_list({3: INVALID}, uri="u"),
        now=NOW + timedelta(hours=1),
    ) == [
        "ADMIT_ISSUER", "ADMIT_AUDIENCE", "ADMIT_SUBJECT", "ADMIT_UNBOUND", "ADMIT_EXPIRED",
        "ADMIT_VERDICT", "ADMIT_POLICY", "ADMIT_SIMULATED", "ADMIT_DEVICES", "ADMIT_DEVICES",
        "ADMIT_STATUS_FOREIGN", "ADMIT_STATUS_STALE", "ADMIT_REVOKED",
    ]  # fmt: skip


def test_a_need_that_nothing_can_fail_cannot_be_made() -> None:
    for make in (
        lambda: need(required=()),
        lambda: need(policies=frozenset()),
        lambda: Required(kind="gpu", count=0, level=Level.ATTESTED),
        lambda: Required(kind="gpu", count=1, level=Level.NONE),
    ):
        with pytest.raises(ValueError, match=r"need|requirement"):
            make()
