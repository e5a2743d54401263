"""Who may do what, over every role and permission."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from lotabots.access import PERMISSIONS, Permission, Resource, authorize, may_give
from lotabots.kernel import Principal, Role

TENANT, OTHER = UUID(int=1), UUID(int=2)

READ = {
    "attestation.read",
    "node.read",
    "policy.read",
    "reference.read",
    "model.read",
    "revocation.read",
    "event.read",
}
SUBMIT = {"challenge.create", "attestation.submit"}
EVERYTHING = {permission.value for permission in Permission}
TABLE: dict[Role, set[str]] = {
    Role.OWNER: EVERYTHING,
    Role.ADMIN: EVERYTHING - {"owner.write"},
    Role.OPERATOR: READ
    | SUBMIT
    | {"node.write", "policy.write", "reference.write", "model.write", "model.approve"}
    | {"revocation.write"},
    Role.AUDITOR: READ
    | {"user.read", "audit.read", "config.read", "session.read", "api_key.read", "webhook.read"},
    Role.VIEWER: READ,
    Role.AGENT: SUBMIT | {"node.report"},
    Role.SERVICE: READ | SUBMIT | {"model.write"},
}


def caller(role: Role, node_id: str | None = None) -> Principal:
    return Principal(
        user_id=UUID(int=3),
        tenant_id=TENANT,
        role=role,
        token_id="t",
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        node_id="node-1" if role is Role.AGENT and node_id is None else node_id,
    )


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_the_table_says_and_nothing_else(
    role: Role, permission: Permission
) -> None:
    decision = authorize(caller(role), permission, Resource(TENANT))
    assert decision.allowed is (permission.value in TABLE[role])
    assert role.value in decision.reason


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_nobody_may_do_anything_in_another_tenant(role: Role, permission: Permission) -> None:
    decision = authorize(caller(role), permission, Resource(OTHER))
    assert not decision.allowed
    assert decision.reason == "This belongs to another tenant."


def test_every_role_stands_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role)


def test_an_agent_acts_for_its_own_node_only() -> None:
    agent = caller(Role.AGENT)
    assert authorize(agent, Permission.ATTESTATION_SUBMIT, Resource(TENANT, "node-1")).allowed
    refused = authorize(agent, Permission.ATTESTATION_SUBMIT, Resource(TENANT, "node-2"))
    assert not refused.allowed
    assert "own node" in refused.reason


def test_an_agent_without_a_node_may_do_nothing() -> None:
    agent = Principal(
        user_id=UUID(int=3),
        tenant_id=TENANT,
        role=Role.AGENT,
        token_id="t",
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    for permission in Permission:
        assert not authorize(agent, permission, Resource(TENANT)).allowed
        assert not authorize(agent, permission, Resource(TENANT, "node-1")).allowed


def test_an_operator_acts_for_any_node_of_the_tenant() -> None:
    assert authorize(
        caller(Role.OPERATOR), Permission.ATTESTATION_SUBMIT, Resource(TENANT, "node-7")
    ).allowed


def test_a_refusal_is_false_where_somebody_asks_for_its_truth() -> None:
    assert not authorize(caller(Role.VIEWER), Permission.USER_WRITE, Resource(TENANT))
    assert authorize(caller(Role.VIEWER), Permission.NODE_READ, Resource(TENANT))


def test_an_api_key_has_at_most_what_its_scope_names_and_its_role_includes() -> None:
    key = msgspec.structs.replace(
        caller(Role.OPERATOR), scope=frozenset({"node.read", "user.write"})
    )
    assert authorize(key, Permission.NODE_READ, Resource(TENANT))
    refused = authorize(key, Permission.NODE_WRITE, Resource(TENANT))
    assert (refused.allowed, refused.reason) == (
        False,
        "This API key does not include node.write.",
    )
    assert not authorize(key, Permission.USER_WRITE, Resource(TENANT))
    assert not authorize(key, Permission.NODE_READ, Resource(OTHER))


@pytest.mark.parametrize("role", Role)
def test_nobody_gives_a_role_that_may_more_than_theirs(role: Role) -> None:
    assert may_give(caller(Role.OWNER), role)
    assert may_give(caller(Role.ADMIN), role) is (role is not Role.OWNER)
    assert may_give(caller(role), role)
    assert may_give(caller(Role.VIEWER), role) is (role is Role.VIEWER)
    key = msgspec.structs.replace(caller(Role.OWNER), scope=frozenset({"user.write"}))
    assert not may_give(key, role)
