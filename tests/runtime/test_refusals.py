"""The tally of refused callers."""

from datetime import UTC, datetime
from uuid import uuid4

from prometheus_client import CollectorRegistry

from lotabots.kernel import OPERATOR_TENANT, Principal, Role
from lotabots.runtime.refusals import MAX_DIFFERENT, Refusals


def tally() -> Refusals:
    return Refusals(CollectorRegistry())


def test_equal_refusals_are_counted_together() -> None:
    refusals = tally()
    for _ in range(3):
        refusals.stranger("192.0.2.1", "TOKEN_EXPIRED")
    refusals.stranger("192.0.2.1", "TOKEN_ABSENT")
    refusals.stranger("192.0.2.2", "TOKEN_EXPIRED")
    assert sorted(refusals.take().values()) == [1, 1, 3]
    assert refusals.take() == {}


def test_an_address_is_kept_as_a_pseudonym_that_another_process_does_not_share() -> None:
    one, other = tally(), tally()
    for refusals in (one, other):
        refusals.stranger("192.0.2.1", "TOKEN_EXPIRED")
    [first], [second] = one.take(), other.take()
    assert "192.0.2" not in first.subject
    assert first.subject != second.subject
    assert (first.tenant, first.user) == (OPERATOR_TENANT, None)


def test_a_user_is_counted_in_their_own_tenant() -> None:
    refusals = tally()
    caller = Principal(
        user_id=uuid4(), tenant_id=uuid4(), role=Role.VIEWER, token_id="t",
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    refusals.user(caller, "node.write", "PERMISSION_DENIED")
    [refusal] = refusals.take()
    assert (refusal.tenant, refusal.user) == (caller.tenant_id, caller.user_id)
    assert refusal.subject == "permission:node.write"


def test_a_flood_from_many_addresses_takes_bounded_memory_and_loses_no_count() -> None:
    refusals = tally()
    for number in range(MAX_DIFFERENT + 500):
        refusals.stranger(str(number), "LOGIN_FAILED")
    taken = refusals.take()
    assert len(taken) <= MAX_DIFFERENT + 1
    assert sum(taken.values()) == MAX_DIFFERENT + 500


def test_what_could_not_be_written_is_counted_with_what_came_since() -> None:
    refusals = tally()
    refusals.stranger("192.0.2.1", "LOGIN_FAILED")
    taken = refusals.take()
    refusals.stranger("192.0.2.1", "LOGIN_FAILED")
    refusals.give_back(taken)
    assert list(refusals.take().values()) == [2]
