from typing import Any

from lotabots.appraisal import Appraiser, Outcome, appraise, builtin_policy, try_policy
from lotabots.evidence import Caches


def test_a_dry_run_says_what_another_policy_would_change(
    inputs_of: Any, appraiser: Appraiser, policy_of: Any
) -> None:
    stricter = policy_of(
        "gpu.nonce == 'match'",
        "gpu.mode == 'ppcie'",
        good={"gpu": {"mode": "ppcie"}},
        parameters={"allow_simulated": True},
    )
    inputs = inputs_of()
    trial = try_policy(stricter, inputs, Caches(), appraiser)
    assert trial.before == appraise(inputs, Caches(), appraiser)
    assert trial.after.policy_id == stricter.id
    whole, *devices = trial.changes
    assert (whole.subject, whole.before, whole.after) == (
        "node",
        Outcome.ACCEPTED,
        Outcome.REJECTED,
    )
    assert [change.subject for change in devices] == ["gpu0", "gpu1"]
    assert [found.rule for found in devices[0].appeared] == ["rule-1"]
    assert devices[0].vanished == ()


def test_a_dry_run_of_the_same_policy_changes_nothing(inputs_of: Any, appraiser: Appraiser) -> None:
    assert try_policy(builtin_policy("demo"), inputs_of(), Caches(), appraiser).changes == ()


def test_a_dry_run_shows_the_findings_that_would_vanish(
    inputs_of: Any, appraiser: Appraiser
) -> None:
    inputs = inputs_of(policy=builtin_policy("default"))
    trial = try_policy(builtin_policy("demo"), inputs, Caches(), appraiser)
    assert trial.after.outcome is Outcome.ACCEPTED
    assert {found.code for change in trial.changes for found in change.vanished} == {
        "POLICY-SIMULATED"
    }
