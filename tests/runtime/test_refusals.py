"""The tally of refused callers."""

from datetime import UTC, datetime
from uuid import uuid4

from prometheus_client import CollectorRegistry, generate_latest

from lotabots.kernel import OPERATOR_TENANT, Principal, Role
from lotabots.runtime.refusals import MAX_DIFFERENT, Refusal, Refusals


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


def test_a_stranger_is_kept_by_address_in_the_log_of_the_operator() -> None:
    refusals = tally()
    refusals.stranger("2001:db8::7", "TOKEN_EXPIRED")
    [refusal] = refusals.take()
    assert (refusal.subject, refusal.code) == ("address:2001:db8::7", "TOKEN_EXPIRED")
    assert (refusal.tenant, refusal.user) == (OPERATOR_TENANT, None)


def test_no_address_is_left_in_the_tally_once_it_was_taken_nor_in_a_metric() -> None:
    registry = CollectorRegistry()
    refusals = Refusals(registry)
    refusals.stranger("192.0.2.1", "TOKEN_EXPIRED")
    refusals.take()
    assert "192.0.2" not in f"{vars(refusals)} {generate_latest(registry)!r}"


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
    assert (
        taken[
            Refusal(
                code="LOGIN_FAILED", tenant=OPERATOR_TENANT, user=None, subject="strangers:many"
            )
        ]
        == 500
    )
    assert sum(taken.values()) == MAX_DIFFERENT + 500


def test_what_could_not_be_written_is_counted_with_what_came_since() -> None:
    refusals = tally()
    refusals.stranger("192.0.2.1", "LOGIN_FAILED")
    taken = refusals.take()
    refusals.stranger("192.0.2.1", "LOGIN_FAILED")
    refusals.give_back(taken)
    assert list(refusals.take().values()) == [2]
