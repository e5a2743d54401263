"""The table of who may do what: permissions, and which of them each role has."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from lotabots.kernel import Principal, Role


class Permission(StrEnum):
    """One thing that a caller can be allowed to do."""

    CHALLENGE_CREATE = "challenge.create"
    ATTESTATION_SUBMIT = "attestation.submit"
    ATTESTATION_READ = "attestation.read"
    NODE_READ = "node.read"
    NODE_WRITE = "node.write"
    NODE_REPORT = "node.report"
    REVOCATION_READ = "revocation.read"
    REVOCATION_WRITE = "revocation.write"
    EVENT_READ = "event.read"
    WEBHOOK_READ = "webhook.read"
    WEBHOOK_WRITE = "webhook.write"
    MODEL_READ = "model.read"
    MODEL_WRITE = "model.write"
    MODEL_APPROVE = "model.approve"
    POLICY_READ = "policy.read"
    POLICY_WRITE = "policy.write"
    REFERENCE_READ = "reference.read"
    REFERENCE_WRITE = "reference.write"
    USER_READ = "user.read"
    USER_WRITE = "user.write"
    OWNER_WRITE = "owner.write"
    SESSION_READ = "session.read"
    SESSION_END = "session.end"
    API_KEY_READ = "api_key.read"
    API_KEY_WRITE = "api_key.write"
    PERSONAL_READ = "personal.read"
    AUDIT_READ = "audit.read"
    AUDIT_ERASE = "audit.erase"
    CONFIG_READ = "config.read"
    CONFIG_WRITE = "config.write"


_P = Permission

_AGENT = frozenset({_P.CHALLENGE_CREATE, _P.ATTESTATION_SUBMIT, _P.NODE_REPORT})
"""For its own node only: `authorize` sees to that."""

_VIEWER = frozenset(
    {
        _P.ATTESTATION_READ,
        _P.NODE_READ,
        _P.MODEL_READ,
        _P.POLICY_READ,
        _P.REFERENCE_READ,
        _P.REVOCATION_READ,
        _P.EVENT_READ,
    }
)

_SERVICE = _VIEWER | {_P.CHALLENGE_CREATE, _P.ATTESTATION_SUBMIT, _P.MODEL_WRITE}
"""A program of the tenant; its API key can narrow this further."""

_AUDITOR = _VIEWER | {
    _P.USER_READ,
    _P.AUDIT_READ,
    _P.CONFIG_READ,
    _P.SESSION_READ,
    _P.API_KEY_READ,
    _P.WEBHOOK_READ,
}

_OPERATOR = _VIEWER | {
    _P.CHALLENGE_CREATE,
    _P.ATTESTATION_SUBMIT,
    _P.NODE_WRITE,
    _P.REVOCATION_WRITE,
    _P.MODEL_WRITE,
    _P.MODEL_APPROVE,
    _P.POLICY_WRITE,
    _P.REFERENCE_WRITE,
}

_ADMIN = frozenset(Permission) - {_P.OWNER_WRITE}
"""Everything but making, changing and removing owners: an admin cannot take the place over."""

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.OWNER: frozenset(Permission),
        Role.ADMIN: _ADMIN,
        Role.OPERATOR: _OPERATOR,
        Role.AUDITOR: _AUDITOR,
        Role.VIEWER: _VIEWER,
        Role.AGENT: _AGENT,
        Role.SERVICE: _SERVICE,
    }
)


def permissions_of(caller: Principal) -> frozenset[Permission]:
    """What the caller may do in its tenant: what its role includes, and its API key names."""
    included = PERMISSIONS[caller.role]
    if caller.scope is None:
        return included
    return frozenset(one for one in included if one in caller.scope)


def may_give(caller: Principal, role: Role) -> bool:
    """Whether the caller may give that role to somebody, or take it away.

    Nobody gives more than they have, also not by an API key; an owner alone makes owners.
    """
    return PERMISSIONS[role] <= permissions_of(caller)
