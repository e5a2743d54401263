"""The SQL of sessions and of the refresh tokens that carry them on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from lotabots.runtime.database import Transaction
from lotabots.runtime.events import revoke_token

LIVE = "s.ended_at is null and s.expires_at > $1 and s.last_used_at > $2"


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is opened, and its first refresh token."""

    id: UUID
    user_id: UUID
    method: str
    jkt: str | None
    address: str
    expires_at: datetime
    digest: bytes
    token_id: str
    token_expires_at: datetime


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session that lives, as its user or an administrator sees it."""

    id: UUID
    method: str
    """How it was opened: `password`, `password+code`, `oidc`."""
    address: str | None
    opened_at: datetime
    last_used_at: datetime
    expires_at: datetime
    bound: bool
    """To a key of the client (DPoP): a stolen refresh token is of no use without it."""
    current: bool
    """Whether it is the session that this very request belongs to."""


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """What takes the place of a used refresh token."""

    digest: bytes
    child: bytes
    sealed_child: bytes
    token_id: str
    token_expires_at: datetime
    jkt: str | None
    address: str


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """Whose session goes on, and until when."""

    session_id: UUID
    session_expires_at: datetime
    id: UUID
    tenant_id: UUID
    role: str
    node_id: str | None


class UsedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token that could not be used, and the session it belongs to."""

    session_id: UUID
    user_id: UUID
    used_at: datetime | None
    child: bytes | None
    sealed_child: bytes | None
    jkt: str | None
    ended_at: datetime | None
    expires_at: datetime


class GivenToken(msgspec.Struct, frozen=True, kw_only=True):
    """The access token that was given with a refresh token."""

    token_id: str
    token_expires_at: datetime


async def open_session(tx: Transaction, new: NewSession, password_hash: str | None) -> bool:
    """Whether the session was opened: not if its user was disabled or got another password since.

    The user's row is locked against both until the commit, so neither can miss this session.
    """
    found = await tx.fetch_value(
        "select id from identity.users where id = $1 and disabled_at is null"
        " and password_hash is not distinct from $2 for no key update",
        new.user_id,
        password_hash,
    )
    if found is None:
        return False
    await tx.execute(
        "insert into identity.sessions"
        " (id, user_id, method, jkt, address, opened_at, last_used_at, expires_at)"
        " values ($1, $2, $3, $4, $5, $6, $6, $7)",
        new.id, new.user_id, new.method, new.jkt, new.address[:64], tx.began, new.expires_at,
    )  # fmt: skip
    await tx.execute(
        "insert into identity.refresh_tokens"
        " (digest, session_id, token_id, made_at, token_expires_at) values ($1, $2, $3, $4, $5)",
        new.digest, new.id, new.token_id, tx.began, new.token_expires_at,
    )  # fmt: skip
    return True


# One statement: of any number of uses at once one finds `used_at` empty, and makes the one child.
# The session is locked first, so that whoever ends it comes before, or finds the child's token. The
# user's row is not waited for: whoever changes the user holds it, and wants the session.
_ROTATE = f"""
with live as (
    select s.id, s.user_id, s.expires_at
    from identity.refresh_tokens t join identity.sessions s on s.id = t.session_id
    where {LIVE} and t.digest = $3 and s.jkt is not distinct from $8
    for update of s
), used as (
    update identity.refresh_tokens t set used_at = $1, child = $4, sealed_child = $5
    from live where t.digest = $3 and t.used_at is null
    returning live.id as session_id, live.user_id, live.expires_at
), made as (
    insert into identity.refresh_tokens (digest, session_id, token_id, made_at, token_expires_at)
    select $4, session_id, $6, $1, $7 from used
), touched as (
    update identity.sessions s set last_used_at = $1, address = $9 from used where s.id = session_id
), seen as (
    update identity.users u set last_used_at = $1
    from (select x.id from used join identity.users x on x.id = used.user_id
          for no key update of x skip locked) as free
    where u.id = free.id
)
select session_id, used.expires_at as session_expires_at, u.id, u.tenant_id, u.role, u.node_id
from used join identity.users u on u.id = used.user_id
"""  # noqa: S608 - our own text


async def rotate(tx: Transaction, to: Rotation, idle: timedelta) -> Rotated | None:
    """Whose session goes on with the child; None where the token cannot be used."""
    rotated = await tx.fetch_one(
        _ROTATE,
        tx.began, tx.began - idle, to.digest, to.child, to.sealed_child, to.token_id,
        to.token_expires_at, to.jkt, to.address[:64],
        into=Rotated,
    )  # fmt: skip
    if rotated is not None:
        # Only the newest generation can be given again.
        await tx.execute(
            "update identity.refresh_tokens set sealed_child = null"
            " where session_id = $1 and sealed_child is not null and digest <> $2",
            rotated.session_id,
            to.digest,
        )
    return rotated


async def used_token(tx: Transaction, digest: bytes) -> UsedToken | None:
    """What is known of a refresh token that could not be used."""
    return await tx.fetch_one(
        "select t.session_id, s.user_id, t.used_at, t.child, t.sealed_child, s.jkt, s.ended_at,"
        " s.expires_at from identity.refresh_tokens t"
        " join identity.sessions s on s.id = t.session_id where t.digest = $1",
        digest,
        into=UsedToken,
    )


async def given_with(tx: Transaction, digest: bytes) -> GivenToken | None:
    """The access token that was given with this refresh token."""
    return await tx.fetch_one(
        "select token_id, token_expires_at from identity.refresh_tokens where digest = $1",
        digest,
        into=GivenToken,
    )


async def of_token(tx: Transaction, token_id: str) -> UUID | None:
    """The session that this access token was given to."""
    return await tx.fetch_value(
        "select session_id from identity.refresh_tokens where token_id = $1", token_id, into=UUID
    )


async def live_sessions(
    tx: Transaction, user_id: UUID, idle: timedelta, current: UUID | None
) -> list[Session]:
    """The sessions of a user that live, the one used last first."""
    return await tx.fetch(
        "select id, method, address, opened_at, last_used_at, expires_at,"  # noqa: S608 - our own
        " jkt is not null as bound, id is not distinct from $4 as current"
        f" from identity.sessions s where {LIVE} and user_id = $3 order by last_used_at desc, id",
        tx.began, tx.began - idle, user_id, current,
        into=Session,
    )  # fmt: skip


async def end_sessions(
    tx: Transaction, user_id: UUID, reason: str, *, only: UUID | None = None
) -> int:
    """How many sessions of the user were ended: all of them, or that one.

    Every access token that was given to them is revoked in the same transaction.
    """
    rows = await tx.fetch(
        "update identity.sessions set ended_at = $1, end_reason = $2"
        " where user_id = $3 and ended_at is null and ($4::uuid is null or id = $4) returning id",
        tx.began, reason, user_id, only,
        into=_Id,
    )  # fmt: skip
    ended = [row.id for row in rows]
    await _revoke(tx, ended)
    return len(ended)


async def _revoke(tx: Transaction, sessions: Sequence[UUID]) -> None:
    await tx.execute(
        "update identity.refresh_tokens set sealed_child = null"
        " where session_id = any($1::uuid[]) and sealed_child is not null",
        sessions,
    )
    given = await tx.fetch(
        "select token_id, token_expires_at from identity.refresh_tokens"
        " where session_id = any($1::uuid[]) and token_expires_at > $2",
        sessions,
        tx.began - timedelta(minutes=1),  # clocks differ, and verification allows for it
        into=GivenToken,
    )
    for token in given:
        await revoke_token(tx, token.token_id, token.token_expires_at + timedelta(minutes=1))


class _Id(msgspec.Struct, frozen=True):
    id: UUID


async def sweep(tx: Transaction) -> None:
    """Deletes sessions that are long over, and children that are not given again any more.

    The transaction was opened to sweep: it sees these, of every tenant, and nothing else.
    """
    await tx.execute("delete from identity.sessions")
    await tx.execute(
        "update identity.refresh_tokens set sealed_child = null where sealed_child is not null"
    )
