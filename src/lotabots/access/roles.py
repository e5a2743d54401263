"""The table of who may do what: permissions, and which of them each role has."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from lotabots.kernel import Role


class Permission(StrEnum):
    """One thing that a caller can be allowed to do."""

    CHALLENGE_CREATE = "challenge.create"
    ATTESTATION_SUBMIT = "attestation.submit"
    ATTESTATION_READ = "attestation.read"
    NODE_READ = "node.read"
    NODE_WRITE = "node.write"
    POLICY_READ = "policy.read"
    POLICY_WRITE = "policy.write"
    REFERENCE_READ = "reference.read"
    REFERENCE_WRITE = "reference.write"
    USER_READ = "user.read"
    USER_WRITE = "user.write"
    AUDIT_READ = "audit.read"
    AUDIT_ERASE = "audit.erase"
    CONFIG_READ = "config.read"
    CONFIG_WRITE = "config.write"


_P = Permission

_AGENT = frozenset({_P.CHALLENGE_CREATE, _P.ATTESTATION_SUBMIT})
"""For its own node only: `authorize` sees to that."""

_VIEWER = frozenset({_P.ATTESTATION_READ, _P.NODE_READ, _P.POLICY_READ, _P.REFERENCE_READ})

_AUDITOR = _VIEWER | {_P.USER_READ, _P.AUDIT_READ, _P.CONFIG_READ}

_OPERATOR = _VIEWER | {
    _P.CHALLENGE_CREATE,
    _P.ATTESTATION_SUBMIT,
    _P.NODE_WRITE,
    _P.POLICY_WRITE,
    _P.REFERENCE_WRITE,
}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
        Role.OPERATOR: _OPERATOR,
        Role.AUDITOR: _AUDITOR,
        Role.VIEWER: _VIEWER,
        Role.AGENT: _AGENT,
    }
)
