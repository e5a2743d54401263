"""The decision whether a caller may do something, with the reason; refusing is the default."""

from typing import NamedTuple
from uuid import UUID

from lotabots.access.roles import PERMISSIONS, Permission
from lotabots.kernel import Principal, Role


class Decision(NamedTuple):
    """Whether it is allowed, and why."""

    allowed: bool
    reason: str

    def __bool__(self) -> bool:
        """What `allowed` says: a tuple would be true, and `if authorize(...)` a hole."""
        return self.allowed


def authorize(
    principal: Principal,
    permission: Permission,
    tenant_id: UUID,
    *,
    node_id: str | None = None,
) -> Decision:
    """Whether the caller may do this in that tenant.

    `node_id` is the node that the request is about. Leave it out only where the request is not yet
    read (a guard in front of a handler); the service asks again with the node, since an agent may
    act for its own node alone.
    """
    if principal.tenant_id != tenant_id:
        return Decision(allowed=False, reason="This belongs to another tenant.")
    if permission not in PERMISSIONS.get(principal.role, ()):
        return Decision(
            allowed=False, reason=f"The role {principal.role} does not include {permission}."
        )
    if principal.role is Role.AGENT:
        if principal.node_id is None:
            return Decision(allowed=False, reason="This agent is not tied to a node.")
        if node_id is not None and node_id != principal.node_id:
            return Decision(allowed=False, reason="An agent acts for its own node only.")
    return Decision(allowed=True, reason=f"The role {principal.role} includes {permission}.")
