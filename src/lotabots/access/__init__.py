"""Who may do what: roles, permissions, and the strict profile of user tokens."""

from lotabots.access.decision import Decision, authorize
from lotabots.access.roles import PERMISSIONS, Permission
from lotabots.access.tokens import issue_token, verify_token

__all__ = [
    "PERMISSIONS",
    "Decision",
    "Permission",
    "authorize",
    "issue_token",
    "verify_token",
]
