"""Users as the server lists them: page by page, and one of them by name."""

from collections.abc import Iterator

import click
import msgspec

from lotabots.cli.client import Client
from lotabots.kernel import Kind, LotaError, Role

ROLES = click.Choice([str(role) for role in Role])
PAGE = 200


class User(msgspec.Struct, kw_only=True):
    """One user as the server lists them."""

    id: str
    username: str
    email: str | None = None
    """Absent for whoever does not manage users."""
    role: str
    node_id: str | None
    created_at: str
    last_used_at: str | None
    disabled_at: str | None


class UserPage(msgspec.Struct):
    """What the server answers."""

    users: list[User]
    next: str | None


def pages(client: Client, role: str | None, disabled: bool | None) -> Iterator[User]:
    """Every user, page by page."""
    after: str | None = None
    asked = None if disabled is None else str(disabled).lower()
    while True:
        answer = client.get("/v1/users", limit=PAGE, after=after, role=role, disabled=asked)
        page = msgspec.json.decode(answer, type=UserPage)
        yield from page.users
        if page.next is None:
            return
        after = page.next


def found(client: Client, user: str) -> str:
    """The id of a user who is named by id or by name. Raises `USER_UNKNOWN`."""
    if len(user) == 36 and user.count("-") == 4:
        return user
    # The name just before it, as the server orders them: no name has a character above `z`.
    before = f"{user[:-1]}{chr(ord(user[-1]) - 1)}~" if user.isascii() and user else ""
    answer = client.get("/v1/users", limit=1, after=before)
    for one in msgspec.json.decode(answer, type=UserPage).users:
        if one.username == user:
            return one.id
    raise LotaError(Kind.NOT_FOUND, "USER_UNKNOWN", f"There is no user {user}.")
