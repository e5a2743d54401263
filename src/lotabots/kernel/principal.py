"""Who is calling: the verified identity that authorization decides about."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

OPERATOR_TENANT = UUID("00000000-0000-4000-8000-000000000001")
"""The tenant of whoever runs the installation; what concerns no other tenant is recorded there."""


class Role(StrEnum):
    """The roles a user can have; what each may do stands in `access.roles`."""

    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    VIEWER = "viewer"
    AGENT = "agent"
    SERVICE = "service"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """A caller whose token or API key was verified.

    `node_id` is set for an agent, and for nobody else. `scope` is set for an API key: the
    permissions that it has at most, whatever the role. `key_thumbprint` names the key that a token
    is bound to (RFC 7638), where it is bound to one: its holder has proven to have that key.
    """

    user_id: UUID
    tenant_id: UUID
    role: Role
    token_id: str
    expires_at: datetime
    node_id: str | None = None
    scope: frozenset[str] | None = None
    key_thumbprint: str | None = None

    @property
    def is_node(self) -> bool:
        """Whether this is a node by the credential it enrolled for, and no user."""
        return self.node_id == str(self.user_id)
