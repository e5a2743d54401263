"""The SQL of users."""

from uuid import UUID

from lotabots.identity.types import Account, NewUser, User
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction

_USER = "id, username, email, role, node_id, created_at"


async def account(tx: Transaction, username: str) -> Account | None:
    """Who has this name, whatever the tenant; the transaction was opened for this log-in."""
    return await tx.fetch_one(
        "select id, tenant_id, role, node_id, password_hash from identity.users"
        " where username = $1",
        username,
        into=Account,
    )


async def add(tx: Transaction, user_id: UUID, new: NewUser, password_hash: str) -> User:
    """The user, added to the transaction's tenant. Raises `USER_EXISTS`."""
    user = User(
        id=user_id,
        username=new.username,
        email=new.email.lower(),
        role=new.role,
        node_id=new.node_id,
        created_at=tx.began,
    )
    try:
        await tx.execute(
            f"insert into identity.users ({_USER}, password_hash)"  # noqa: S608 - our own columns
            " values ($1, $2, $3, $4, $5, $6, $7)",
            user.id, user.username, user.email, user.role, user.node_id, user.created_at,
            password_hash,
        )  # fmt: skip
    except LotaError as error:
        if error.code != "DATABASE_CONFLICT":
            raise
        field = "email" if error.details.get("constraint") == "users_email" else "username"
        detail = f"A user with this {field} exists already."
        raise LotaError(Kind.CONFLICT, "USER_EXISTS", detail, field=field) from error
    return user


async def by_id(tx: Transaction, user_id: UUID) -> User | None:
    """One user of the transaction's tenant."""
    return await tx.fetch_one(
        f"select {_USER} from identity.users where id = $1",  # noqa: S608 - our own columns
        user_id,
        into=User,
    )


async def by_name(tx: Transaction, after: str, limit: int) -> list[User]:
    """At most `limit` users of the transaction's tenant with a name after that one, by name."""
    return await tx.fetch(
        f'select {_USER} from identity.users where username collate "C" > $1'  # noqa: S608 - ours
        ' order by username collate "C" limit $2',
        after,
        limit,
        into=User,
    )


async def any_admin(tx: Transaction) -> bool:
    """Whether the transaction's tenant has an administrator."""
    return bool(
        await tx.fetch_value("select exists (select from identity.users where role = 'admin')")
    )
