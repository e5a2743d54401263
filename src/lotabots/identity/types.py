"""Users and what is said about them over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from lotabots.kernel import Role

Username = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,62}\Z")]
"""ASCII and lower case, so that no two names look alike."""
Email = Annotated[str, msgspec.Meta(pattern=r"\A[!-?A-~]+@[!-?A-~]+\Z", max_length=254)]
NodeId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._:-]{1,128}\Z")]

MIN_PASSWORD = 12
"""Characters of a new password. No rules of composition: length is what counts (NIST 800-63B)."""
MAX_PASSWORD_BYTES = 1024


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who someone claims to be. Neither field is judged by its form: a wrong one just fails."""

    username: Annotated[str, msgspec.Meta(max_length=254)]
    password: Annotated[str, msgspec.Meta(max_length=MAX_PASSWORD_BYTES)]


class AccessToken(msgspec.Struct, frozen=True):
    """A user token (RFC 6749 section 5.1); `expires_in` is seconds."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to be made. An agent names its node, nobody else does."""

    username: Username
    email: Email
    password: Annotated[str, msgspec.Meta(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD_BYTES)]
    role: Role
    node_id: NodeId | None = None


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user as others may see them."""

    id: UUID
    username: str
    email: str
    role: Role
    node_id: str | None
    created_at: datetime


class UserPage(msgspec.Struct, frozen=True):
    """Users by name; `next` is what to send as `after`, or null on the last page."""

    users: list[User]
    next: str | None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What log-in needs to know of a user."""

    id: UUID
    tenant_id: UUID
    role: Role
    node_id: str | None
    password_hash: str
