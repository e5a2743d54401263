"""The second factor: one-time codes of an authenticator, and recovery codes for when it is lost.

Whoever has confirmed one needs it at every log-in. A code is good once: its step must be later than
the last one used, and a recovery code is used up.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import msgspec

from lotabots.audit import Journal
from lotabots.identity.attempts import Attempts
from lotabots.identity.codes import (
    RECOVERY_CODES,
    SECRET_BYTES,
    as_recovery_code,
    encoded,
    matching_step,
    provisioning_uri,
    recovery_code,
    step_of,
)
from lotabots.identity.recording import record
from lotabots.kernel import Kind, LotaError, Principal, sha256
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.sealing import Seal

ISSUER = "LotaBots"


class Enrolment(msgspec.Struct, frozen=True):
    """A secret for an authenticator, shown this once; it counts when it was confirmed by a code."""

    secret: str
    uri: str


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code of the authenticator, or a recovery code."""

    code: Annotated[str, msgspec.Meta(max_length=64)]


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Codes that each stand in for the authenticator once, shown this once."""

    codes: list[str]


class FactorState(msgspec.Struct, frozen=True):
    """Whether a code is needed at log-in, and how many recovery codes are left."""

    enabled: bool
    recovery_codes_left: int


class SecondFactor:
    """The use cases of one-time codes."""

    def __init__(self, process: Process, journal: Journal, attempts: Attempts) -> None:
        self._clock = process.clock
        self._database = process.database
        self._refusals = process.telemetry.refusals
        self._attempts = attempts
        self._journal = journal
        self._seal = Seal(process.keyring, "identity-one-time-codes")

    async def enabled(self, tx: Transaction, user_id: UUID) -> bool:
        """Whether the user needs a code at log-in."""
        return await _confirmed(tx, user_id)

    async def state(self, tx: Transaction, user_id: UUID) -> FactorState:
        """Whether the user needs a code, and what recovery codes are left."""
        left = await tx.fetch_value(
            "select count(*) from identity.recovery_codes where user_id = $1 and used_at is null",
            user_id,
            into=int,
        )
        return FactorState(await _confirmed(tx, user_id), left or 0)

    async def enrol(self, tx: Transaction, by: Principal, username: str) -> Enrolment:
        """A new secret, not yet in force. Raises `CODE_ENABLED`: remove the other one first."""
        secret = secrets.token_bytes(SECRET_BYTES)
        stored = await tx.execute(
            "insert into identity.one_time_codes as t (user_id, sealed, made_at)"
            " values ($1, $2, $3) on conflict (user_id) do update set sealed = $2, made_at = $3"
            " where t.confirmed_at is null",
            by.user_id,
            self._seal.sealed(secret, by.user_id.bytes),
            tx.began,
        )
        if not stored:
            detail = "There is an authenticator already; remove it first."
            raise LotaError(Kind.CONFLICT, "CODE_ENABLED", detail)
        return Enrolment(encoded(secret), provisioning_uri(secret, ISSUER, username))

    async def confirm(self, by: Principal, code: str, address: str) -> RecoveryCodes:
        """Puts the new secret in force; the recovery codes that go with it.

        Raises `CODE_ENABLED`, `CODE_WRONG`, `LOGIN_DELAYED`.
        """
        async with self._guess(by, address) as tx:
            if await _confirmed(tx, by.user_id):
                detail = "There is an authenticator already; remove it first."
                raise LotaError(Kind.CONFLICT, "CODE_ENABLED", detail)
            if not await self._use_code(tx, by.user_id, code):
                raise _wrong()
            await tx.execute(
                "update identity.one_time_codes set confirmed_at = $2 where user_id = $1",
                by.user_id,
                tx.began,
            )
            await record(self._journal, tx, by, "code.enable", by.user_id, address)
            return await self._new_recovery_codes(tx, by.user_id)

    async def renew_recovery_codes(self, by: Principal, code: str, address: str) -> RecoveryCodes:
        """Ten new recovery codes for those that were left. Raises `CODE_WRONG`, `LOGIN_DELAYED`."""
        async with self._guess(by, address) as tx:
            if not await self.check(tx, by.user_id, code):
                raise _wrong()
            await record(self._journal, tx, by, "code.recovery", by.user_id, address)
            return await self._new_recovery_codes(tx, by.user_id)

    async def remove(self, by: Principal, code: str, address: str) -> None:
        """Takes one's own second factor away. Raises `CODE_WRONG`, `LOGIN_DELAYED`."""
        async with self._guess(by, address) as tx:
            if not await self.check(tx, by.user_id, code):
                raise _wrong()
            await self.reset(tx, by, by.user_id, address)

    @asynccontextmanager
    async def _guess(self, by: Principal, address: str) -> AsyncIterator[Transaction]:
        """A transaction for a code that may be a guess: it counts as one until it succeeds."""
        attempt = await self._attempts.begin(f"code:{by.user_id}", address)
        try:
            async with self._database.transaction(by.tenant_id) as tx:
                yield tx
        except LotaError as error:
            if error.kind is Kind.AUTHENTICATION:
                self._refusals.user(by, "code", error.code)
            raise
        await self._attempts.succeeded(attempt)

    async def reset(self, tx: Transaction, by: Principal, user_id: UUID, address: str) -> None:
        """Takes the second factor of a user away, who lost it."""
        await forget(tx, user_id)
        await record(self._journal, tx, by, "code.disable", user_id, address)

    async def check(self, tx: Transaction, user_id: UUID, code: str) -> bool:
        """Whether the code is right, of a user who needs one; it is used up by this."""
        if not await _confirmed(tx, user_id):
            return False
        recovery = as_recovery_code(code)
        if recovery is None:
            return await self._use_code(tx, user_id, code)
        return bool(
            await tx.execute(
                "update identity.recovery_codes set used_at = $3"
                " where digest = $2 and user_id = $1 and used_at is null",
                user_id,
                _digest(user_id, recovery),
                tx.began,
            )
        )

    async def _use_code(self, tx: Transaction, user_id: UUID, code: str) -> bool:
        sealed = await tx.fetch_value(
            "select sealed from identity.one_time_codes where user_id = $1", user_id, into=bytes
        )
        if sealed is None:
            return False
        secret = self._seal.opened(sealed, user_id.bytes)
        step = matching_step(secret, code, step_of(self._clock().timestamp()))
        if step is None:
            return False
        # One statement, so that of two who show the same code at once one is let in.
        return bool(
            await tx.execute(
                "update identity.one_time_codes set last_step = $2"
                " where user_id = $1 and last_step < $2 and sealed = $3",
                user_id,
                step,
                sealed,
            )
        )

    async def _new_recovery_codes(self, tx: Transaction, user_id: UUID) -> RecoveryCodes:
        codes = [recovery_code(secrets.token_bytes(10)) for _ in range(RECOVERY_CODES)]
        await tx.execute("delete from identity.recovery_codes where user_id = $1", user_id)
        await tx.execute_many(
            "insert into identity.recovery_codes (digest, user_id) values ($1, $2)",
            [(_digest(user_id, code), user_id) for code in codes],
        )
        return RecoveryCodes(codes)


async def forget(tx: Transaction, user_id: UUID) -> None:
    """Deletes what there is of a user's second factor."""
    await tx.execute("delete from identity.one_time_codes where user_id = $1", user_id)
    await tx.execute("delete from identity.recovery_codes where user_id = $1", user_id)


async def _confirmed(tx: Transaction, user_id: UUID) -> bool:
    return bool(
        await tx.fetch_value(
            "select confirmed_at is not null from identity.one_time_codes where user_id = $1",
            user_id,
        )
    )


def _digest(user_id: UUID, code: str) -> bytes:
    """80 random bits need no slow hash; the user is in it so that no two share a row."""
    return sha256(user_id.bytes + code.encode())


def _wrong() -> LotaError:
    detail = "The code is wrong, or was used before."
    return LotaError(Kind.AUTHENTICATION, "CODE_WRONG", detail)
