"""How a node stands at this moment, as SQL: its row says how it stood when something was written.

Silence is a verdict on time, also where nobody watches: past `due_at` a node is `stale`, past
`overdue_at` `rejected`, whatever its row still says; and one that an operator took out of service
is `rejected`.
"""

SILENT = "rejected"


def standing_at(now: str, table: str = "n") -> str:
    """The standing of the row `table` of `attestation.nodes`; `now` is SQL for the moment."""
    return (
        f"case when {table}.lifecycle <> 'active' or {table}.overdue_at <= {now} then '{SILENT}'"
        f" when {table}.due_at <= {now} and {table}.standing <> '{SILENT}' then 'stale'"
        f" else {table}.standing end"
    )


def freshness_at(now: str, table: str = "n") -> str:
    """How old its newest word is: `never` heard, `fresh`, `stale`, or `silent` for too long."""
    return (
        f"case when {table}.overdue_at <= {now} then 'silent'"
        f" when {table}.due_at <= {now} then 'stale'"
        f" when {table}.standing = 'unknown' then 'never' else 'fresh' end"
    )
