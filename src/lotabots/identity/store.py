"""The SQL of users."""

from datetime import datetime
from uuid import UUID

from lotabots.identity.tenant_store import require_enabled
from lotabots.identity.types import Account, Invitee, NewUser, User
from lotabots.kernel import Kind, LotaError, Role
from lotabots.runtime.database import Transaction

ACCOUNT = "id, tenant_id, username, role, node_id, password_hash, disabled_at"
_USER = "id, username, email, role, node_id, created_at, last_used_at, disabled_at"


async def account(tx: Transaction, username: str) -> Account | None:
    """Who has this name, whatever the tenant; the transaction was opened for this log-in."""
    return await tx.fetch_one(
        f"select {ACCOUNT} from identity.users where username = $1",  # noqa: S608 - our own columns
        username,
        into=Account,
    )


async def add(
    tx: Transaction, user_id: UUID, new: NewUser | Invitee, password_hash: str | None
) -> User:
    """The user, added to the transaction's tenant. Raises `USER_EXISTS`, `TENANT_DISABLED`."""
    await require_enabled(tx)
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
            "insert into identity.users"
            " (id, username, email, role, node_id, created_at, password_hash)"
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
        f"select {_USER} from identity.users"  # noqa: S608 - our own columns
        " where id = $1 and erased_at is null",
        user_id,
        into=User,
    )


async def existing(tx: Transaction, user_id: UUID) -> User:
    """One user of the transaction's tenant. Raises `USER_UNKNOWN`."""
    user = await by_id(tx, user_id)
    if user is None:
        raise LotaError(Kind.NOT_FOUND, "USER_UNKNOWN", "There is no such user.")
    return user


async def by_name(
    tx: Transaction,
    after: str,
    limit: int,
    *,
    role: Role | None = None,
    disabled: bool | None = None,
) -> list[User]:
    """At most `limit` users of the transaction's tenant with a name after that one, by name.

    Those who were erased are not among them.
    """
    return await tx.fetch(
        f'select {_USER} from identity.users where username collate "C" > $1'  # noqa: S608 - ours
        " and erased_at is null and ($3::text is null or role = $3)"
        " and ($4::boolean is null or (disabled_at is not null) = $4)"
        ' order by username collate "C" limit $2',
        after, limit, role, disabled,
        into=User,
    )  # fmt: skip


async def account_of(tx: Transaction, user_id: UUID) -> Account | None:
    """What log-in needs to know of a user of the transaction's tenant."""
    return await tx.fetch_one(
        f"select {ACCOUNT} from identity.users where id = $1",  # noqa: S608 - our own columns
        user_id,
        into=Account,
    )


async def lock(tx: Transaction, user_id: UUID) -> bool:
    """Whether there is such a user, whom then nobody else changes now.

    Whatever changes a user and what is theirs takes this first, so that no two wait crosswise.
    """
    return None is not await tx.fetch_value(
        "select id from identity.users where id = $1 and erased_at is null for no key update",
        user_id,
    )


async def locked(tx: Transaction, user_id: UUID) -> User:
    """One user of the transaction's tenant, whom nobody else changes now. Raises `USER_UNKNOWN`."""
    if not await lock(tx, user_id):
        raise LotaError(Kind.NOT_FOUND, "USER_UNKNOWN", "There is no such user.")
    return await existing(tx, user_id)


async def set_password(
    tx: Transaction, user_id: UUID, password_hash: str, *, instead_of: str | None = None
) -> bool:
    """Whether the user has this hash now: not if another than `instead_of` was there meanwhile."""
    return bool(
        await tx.execute(
            "update identity.users set password_hash = $2 where id = $1 and disabled_at is null"
            " and ($3::text is null or password_hash = $3)",
            user_id, password_hash, instead_of,
        )
    )  # fmt: skip


async def set_role(tx: Transaction, user_id: UUID, role: Role, node_id: str | None) -> None:
    """Gives the user that role."""
    await tx.execute(
        "update identity.users set role = $2, node_id = $3 where id = $1", user_id, role, node_id
    )


async def set_disabled(tx: Transaction, user_id: UUID, *, disabled: bool) -> None:
    """Lets the user log in no more, or again."""
    await tx.execute(
        "update identity.users set disabled_with_tenant = false,"
        " disabled_at = case when $2 then $3::timestamptz end where id = $1",
        user_id, disabled, tx.began,
    )  # fmt: skip


async def other_owners(tx: Transaction, user_id: UUID) -> int:
    """How many owners beside this user can log in."""
    return (
        await tx.fetch_value(
            "select count(*) from identity.users"
            " where role = 'owner' and disabled_at is null and id <> $1",
            user_id,
            into=int,
        )
        or 0
    )


async def invite(tx: Transaction, user_id: UUID, digest: bytes, expires_at: datetime) -> None:
    """Lets whoever has the ticket set the user's password, instead of any earlier one."""
    await tx.execute(
        "insert into identity.invitations (user_id, digest, expires_at) values ($1, $2, $3)"
        " on conflict (user_id) do update set digest = $2, expires_at = $3",
        user_id, digest, expires_at,
    )  # fmt: skip


async def invited(tx: Transaction, digest: bytes) -> Account | None:
    """Whose password the ticket sets, while it is good and the user is not disabled."""
    user_id = await tx.fetch_value(
        "select user_id from identity.invitations where digest = $1 and expires_at > $2",
        digest, tx.began,
        into=UUID,
    )  # fmt: skip
    account = None if user_id is None else await account_of(tx, user_id)
    return None if account is None or account.disabled_at is not None else account


async def use_invitation(tx: Transaction, digest: bytes) -> bool:
    """Whether the ticket was still good; it is not any more."""
    return bool(
        await tx.execute(
            "delete from identity.invitations where digest = $1 and expires_at > $2",
            digest, tx.began,
        )
    )  # fmt: skip


async def any_owner(tx: Transaction) -> bool:
    """Whether the transaction's tenant has an owner, enabled or not."""
    return bool(
        await tx.fetch_value("select exists (select from identity.users where role = 'owner')")
    )
