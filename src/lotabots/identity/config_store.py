"""The SQL of settings that were changed at run time."""

from uuid import UUID

from lotabots.runtime.database import Transaction


async def all_values(tx: Transaction) -> dict[str, str]:
    """Every value by its option."""
    rows = await tx.fetch("select key, value from identity.settings")
    return {str(row["key"]): str(row["value"]) for row in rows}


async def held(tx: Transaction) -> dict[str, str]:
    """The same, which nobody else changes until this transaction ends."""
    await tx.lock("identity.settings")
    return await all_values(tx)


async def put(tx: Transaction, key: str, value: str, by: UUID) -> None:
    """Sets one; the transaction's tenant must be the operator's."""
    await tx.execute(
        "insert into identity.settings (key, value, changed_at, changed_by)"
        " values ($1, $2, $3, $4) on conflict (key) do update set value = excluded.value,"
        " changed_at = excluded.changed_at, changed_by = excluded.changed_by",
        key, value, tx.began, by,
    )  # fmt: skip


async def remove(tx: Transaction, key: str) -> None:
    """Takes one away; the transaction's tenant must be the operator's."""
    await tx.execute("delete from identity.settings where key = $1", key)
