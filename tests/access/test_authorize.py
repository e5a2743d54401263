"""Who may do what, over every role and permission."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from lotabots.access import PERMISSIONS, Permission, authorize
from lotabots.kernel import Principal, Role

TENANT, OTHER = UUID(int=1), UUID(int=2)

READ = {"attestation.read", "node.read", "policy.read", "reference.read"}
SUBMIT = {"challenge.create", "attestation.submit"}
TABLE: dict[Role, set[str]] = {
    Role.ADMIN: {permission.value for permission in Permission},
    Role.OPERATOR: READ | SUBMIT | {"node.write", "policy.write", "reference.write"},
    Role.AUDITOR: READ | {"user.read", "audit.read", "config.read"},
    Role.VIEWER: READ,
    Role.AGENT: SUBMIT,
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
    decision = authorize(caller(role), permission, TENANT)
    assert decision.allowed is (permission.value in TABLE[role])
    assert role.value in decision.reason


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_nobody_may_do_anything_in_another_tenant(role: Role, permission: Permission) -> None:
    decision = authorize(caller(role), permission, OTHER)
    assert not decision.allowed
    assert decision.reason == "This belongs to another tenant."


def test_every_role_stands_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role)


def test_an_agent_acts_for_its_own_node_only() -> None:
    agent = caller(Role.AGENT)
    assert authorize(agent, Permission.ATTESTATION_SUBMIT, TENANT, node_id="node-1").allowed
    refused = authorize(agent, Permission.ATTESTATION_SUBMIT, TENANT, node_id="node-2")
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
        assert not authorize(agent, permission, TENANT).allowed
        assert not authorize(agent, permission, TENANT, node_id="node-1").allowed


def test_an_operator_acts_for_any_node_of_the_tenant() -> None:
    assert authorize(
        caller(Role.OPERATOR), Permission.ATTESTATION_SUBMIT, TENANT, node_id="node-7"
    ).allowed


def test_a_refusal_is_false_where_somebody_asks_for_its_truth() -> None:
    assert not authorize(caller(Role.VIEWER), Permission.USER_WRITE, TENANT)
    assert authorize(caller(Role.VIEWER), Permission.NODE_READ, TENANT)
