"""Who is calling: the verified identity that authorization decides about."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

OPERATOR_TENANT = UUID("00000000-0000-4000-8000-000000000001")
"""The tenant of whoever runs the installation; what concerns no other tenant is recorded there."""


class Role(StrEnum):
    """The roles a user can have; what each may do stands in `access.roles`."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    VIEWER = "viewer"
    AGENT = "agent"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """A caller whose token was verified. `node_id` is set for an agent, and for nobody else."""

    user_id: UUID
    tenant_id: UUID
    role: Role
    token_id: str
    expires_at: datetime
    node_id: str | None = None
