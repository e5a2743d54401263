"""The decision whether a caller may do something, with the reason; refusing is the default."""

from collections.abc import Mapping
from types import MappingProxyType
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


class Resource(NamedTuple):
    """What a request is about: something of a tenant, and of a node where it is a node's.

    Leave `node_id` out only where the request is not yet read (a guard in front of a handler); the
    service asks again with the node, since an agent may act for its own node alone.
    """

    tenant_id: UUID
    node_id: str | None = None


def authorize(principal: Principal, action: Permission, resource: Resource) -> Decision:
    """Whether the caller may do this to that."""
    if principal.tenant_id != resource.tenant_id:
        return _OTHER_TENANT
    decision = _BY_ROLE.get((principal.role, action), _UNKNOWN)
    if not decision.allowed:
        return decision
    if principal.scope is not None and action not in principal.scope:
        return _OUT_OF_SCOPE[action]
    if principal.role is Role.AGENT:
        if principal.node_id is None:
            return _NO_NODE
        if resource.node_id is not None and resource.node_id != principal.node_id:
            return _OTHER_NODE
    return decision


# Every answer is made once: a decision costs look-ups, and no text is put together.
_OTHER_TENANT = Decision(allowed=False, reason="This belongs to another tenant.")
_UNKNOWN = Decision(allowed=False, reason="No role includes this.")
_NO_NODE = Decision(allowed=False, reason="This agent is not tied to a node.")
_OTHER_NODE = Decision(allowed=False, reason="An agent acts for its own node only.")
_OUT_OF_SCOPE: Mapping[Permission, Decision] = MappingProxyType(
    {
        action: Decision(allowed=False, reason=f"This API key does not include {action}.")
        for action in Permission
    }
)
_BY_ROLE: Mapping[tuple[Role, Permission], Decision] = MappingProxyType(
    {
        (role, action): Decision(allowed=True, reason=f"The role {role} includes {action}.")
        if action in PERMISSIONS[role]
        else Decision(allowed=False, reason=f"The role {role} does not include {action}.")
        for role in Role
        for action in Permission
    }
)
