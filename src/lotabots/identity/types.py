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
NewPassword = Annotated[str, msgspec.Meta(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD_BYTES)]


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who someone claims to be. Neither field is judged by its form: a wrong one just fails."""

    username: Annotated[str, msgspec.Meta(max_length=254)]
    password: Annotated[str, msgspec.Meta(max_length=MAX_PASSWORD_BYTES)]
    code: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    """A one-time code or a recovery code, of a user who has them."""


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refresh token, to be traded for the next one."""

    refresh_token: Annotated[str, msgspec.Meta(max_length=256)]


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """A user token (RFC 6749 section 5.1); `expires_in` is seconds, of the access token alone.

    `token_type` is `DPoP` where the session is bound to a key (RFC 9449). The refresh token is good
    for one use; the session ends at `session_expires_at` however often it is refreshed.
    """

    access_token: str
    expires_in: int
    refresh_token: str
    session_id: UUID
    session_expires_at: datetime
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to be made. An agent names its node, nobody else does.

    Without a password nobody can log in with one: for a service, which has API keys.
    """

    username: Username
    email: Email
    password: NewPassword | None = None
    role: Role
    node_id: NodeId | None = None


class Invitee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to be made who chooses their own password."""

    username: Username
    email: Email
    role: Role
    node_id: NodeId | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """The one-time token with which a user sets a password. It is shown this once."""

    user_id: UUID
    token: str
    expires_at: datetime


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An invitation's token, and the password that its user chose."""

    token: Annotated[str, msgspec.Meta(max_length=256)]
    password: NewPassword


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One's own password, and the one to come."""

    current: Annotated[str, msgspec.Meta(max_length=MAX_PASSWORD_BYTES)]
    new: NewPassword


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who a user is at an identity provider: its issuer, and the subject of its ID tokens."""

    issuer: Annotated[str, msgspec.Meta(pattern=r"\Ahttps?://[!-~]+\Z", max_length=512)]
    subject: Annotated[str, msgspec.Meta(pattern=r"\A[ -~]+\Z", max_length=255)]


class RoleChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The role that a user is to have; an agent's node with it."""

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
    last_used_at: datetime | None = None
    """When they last logged in or refreshed a session."""
    disabled_at: datetime | None = None


class UserPage(msgspec.Struct, frozen=True):
    """Users by name; `next` is what to send as `after`, or null on the last page."""

    users: list[User]
    next: str | None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What log-in needs to know of a user."""

    id: UUID
    tenant_id: UUID
    username: str
    role: Role
    node_id: str | None
    password_hash: str | None
    disabled_at: datetime | None
