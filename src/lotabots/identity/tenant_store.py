"""The SQL of tenants."""

from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database, Transaction

LISTING = "tenants:"
"""What a transaction claims that reads the list of tenants, and nothing else."""
_TENANT = "id, name, created_at, disabled_at"


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant, as whoever runs the installation sees it."""

    id: UUID
    name: str
    created_at: datetime
    disabled_at: datetime | None


class _Id(msgspec.Struct, frozen=True):
    id: UUID


async def all_tenants(database: Database) -> list[Tenant]:
    """Every tenant, by name."""
    async with database.transaction(None, login=LISTING) as tx:
        return await tx.fetch(f"select {_TENANT} from identity.tenants order by name", into=Tenant)  # noqa: S608 - our own columns


async def add(tx: Transaction, name: str) -> None:
    """Makes the transaction's tenant. Raises `TENANT_EXISTS`."""
    try:
        await tx.execute(
            "insert into identity.tenants (id, name, created_at) values ($1, $2, $3)",
            tx.tenant, name, tx.began,
        )  # fmt: skip
    except LotaError as error:
        if error.code != "DATABASE_CONFLICT":
            raise
        detail = "A tenant with this name exists already."
        raise LotaError(Kind.CONFLICT, "TENANT_EXISTS", detail) from error


async def locked(tx: Transaction) -> Tenant | None:
    """The transaction's tenant, in which meanwhile nobody is made or enabled."""
    return await tx.fetch_one(
        f"select {_TENANT} from identity.tenants where id = $1 for update",  # noqa: S608 - ours
        tx.tenant,
        into=Tenant,
    )


async def require_enabled(tx: Transaction) -> None:
    """Returns unless the transaction's tenant is disabled: it stays as it is until the commit.

    Raises `TENANT_DISABLED`. For whatever lets another user in: a request that began before the
    tenant was disabled must not leave one behind.
    """
    if await tx.fetch_value(
        "select disabled_at is not null from identity.tenants where id = $1 for share", tx.tenant
    ):
        raise LotaError(Kind.CONFLICT, "TENANT_DISABLED", "The tenant is disabled.")


async def disable(tx: Transaction) -> list[UUID]:
    """Whom of the transaction's tenant this has disabled: everybody who was not before."""
    await tx.execute(
        "update identity.tenants set disabled_at = $2 where id = $1", tx.tenant, tx.began
    )
    rows = await tx.fetch(
        "update identity.users set disabled_at = $1, disabled_with_tenant = true"
        " where disabled_at is null returning id",
        tx.began,
        into=_Id,
    )
    return [row.id for row in rows]


async def enable(tx: Transaction) -> int:
    """How many this has let in again: those who were disabled with the tenant."""
    await tx.execute("update identity.tenants set disabled_at = null where id = $1", tx.tenant)
    return await tx.execute(
        "update identity.users set disabled_at = null, disabled_with_tenant = false"
        " where disabled_with_tenant and erased_at is null"
    )
