"""Tries at log-in, counted for each account and each address before any password is looked at.

Rows are named by keyed digests: the table tells nobody which accounts exist, or who came from
where. A name that belongs to nobody is counted like any other, so a delay tells nothing either.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

import msgspec

from lotabots.identity.delays import Tries, forgiven, tried
from lotabots.kernel import Kind, LotaError, hmac_sha512
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process

KNOWN = timedelta(days=30)
"""How long it is known that an account has logged in from an address."""


class Attempt(NamedTuple):
    """A try that was let through, and what it was counted for."""

    account: bytes
    address: bytes
    pair: bytes
    counted: tuple[bytes, ...]


class _Row(msgspec.Struct, frozen=True):
    name: bytes
    failures: int
    last_at: datetime
    until: datetime
    known_until: datetime | None


class Attempts:
    """Every process counts in the same table; the database's clock is the only one."""

    def __init__(self, process: Process, *, free: int) -> None:
        self._database = process.database
        self._refusals = process.telemetry.refusals
        self._key = process.keyring.derive("identity-attempts")
        self._free = free

    async def begin(self, username: str, address: str) -> Attempt:
        """The try, counted as failed until it is said to have succeeded.

        Raises `LOGIN_DELAYED` with the time to wait, and counts it for the address.
        """
        place = _place(address)
        names = [self._name(*parts) for parts in ((username,), ("", place), (username, place))]
        async with self._database.transaction(None) as tx:
            rows, now = await _locked(tx, names)
            account, addressed, pair = names
            known = (row := rows.get(pair)) is not None and (
                row.known_until is not None and row.known_until > now
            )
            counted = (pair,) if known else (account, addressed)
            wait = timedelta(0)
            for name in counted:
                found = tried(_tries(rows.get(name)), now, self._free)
                if isinstance(found, timedelta):
                    wait = max(wait, found)
                else:
                    await _write(tx, name, found)
            if wait:
                self._refusals.stranger(address, "LOGIN_DELAYED")
                seconds = math.ceil(wait.total_seconds())
                raise LotaError(  # and nothing of this try is counted: the transaction is undone
                    Kind.RATE_LIMITED, "LOGIN_DELAYED", "Too many failed log-ins: wait a little.",
                    retry_after_seconds=seconds,
                )  # fmt: skip
        return Attempt(account, addressed, pair, counted)

    async def succeeded(self, attempt: Attempt) -> None:
        """The account begins anew, and is known at this address; other failures there stay."""
        async with self._database.transaction(None) as tx:
            rows, now = await _locked(tx, [attempt.account, attempt.address, attempt.pair])
            if attempt.address in attempt.counted:
                await self._forgive(tx, rows, [attempt.address], now)
            await tx.execute("delete from identity.attempts where name = $1", attempt.account)
            await tx.execute(
                "insert into identity.attempts (name, failures, last_at, until, known_until)"
                " values ($1, 0, $2, $2, $3) on conflict (name) do update"
                " set failures = 0, last_at = $2, until = $2, known_until = $3",
                attempt.pair,
                now,
                now + KNOWN,
            )

    async def undone(self, attempt: Attempt) -> None:
        """The try was not looked at after all."""
        async with self._database.transaction(None) as tx:
            rows, now = await _locked(tx, attempt.counted)
            await self._forgive(tx, rows, attempt.counted, now)

    async def _forgive(
        self, tx: Transaction, rows: Mapping[bytes, _Row], names: Sequence[bytes], now: datetime
    ) -> None:
        for name in names:
            if (tries := _tries(rows.get(name))) is not None:
                await _write(tx, name, forgiven(tries, now, self._free))

    def _name(self, *parts: str) -> bytes:
        data = msgspec.json.encode(parts)
        return hmac_sha512(self._key, data)[:32]


async def _locked(tx: Transaction, names: Sequence[bytes]) -> tuple[dict[bytes, _Row], datetime]:
    """The rows of these names, made if need be, locked in one order; and the time then.

    Not the transaction's time: whoever was waited for may have begun after us.
    """
    ordered = sorted(names)
    await tx.execute(
        "insert into identity.attempts (name, failures, last_at, until)"
        " select name, 0, $2, $2 from unnest($1::bytea[]) as name order by name"
        " on conflict (name) do nothing",
        ordered,
        tx.began,
    )
    rows = await tx.fetch(
        "select name, failures, last_at, until, known_until from identity.attempts"
        " where name = any($1::bytea[]) order by name for update",
        ordered,
        into=_Row,
    )
    now = await tx.fetch_value("select clock_timestamp()", into=datetime)
    return {row.name: row for row in rows}, now or tx.began


async def _write(tx: Transaction, name: bytes, tries: Tries) -> None:
    await tx.execute(
        "update identity.attempts set failures = $2, last_at = $3, until = $4 where name = $1",
        name, tries.failures, tries.last_at, tries.until,
    )  # fmt: skip


def _tries(row: _Row | None) -> Tries | None:
    return None if row is None else Tries(row.failures, row.last_at, row.until)


def _place(address: str) -> str:
    """The address; of IPv6 the /64, all of which belongs to one customer."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return parsed.ipv4_mapped.compressed if parsed.ipv4_mapped else parsed.packed[:8].hex()
    return parsed.compressed
