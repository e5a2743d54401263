"""API keys: for programs, with at most what their maker may do, good until they expire."""

import base64
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from lotabots.access import PERMISSIONS, Permission, permissions_of, read_api_key, write_api_key
from lotabots.audit import Entry, Journal
from lotabots.identity import key_store, store
from lotabots.identity.key_store import KeyView
from lotabots.kernel import Kind, LotaError, Principal, Role
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.web import TokenSettings

MAX_DAYS = 366
MACHINES = (Role.SERVICE, Role.AGENT)
"""Whose keys somebody else may make: nobody acts in the name of a person."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made, with the user's role or that one, all of it or those permissions."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    role: Role | None = None
    permissions: Annotated[list[Permission], msgspec.Meta(max_length=64)] | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=MAX_DAYS)] = 90


class MadeKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key itself, which is shown this once, and how it is listed."""

    key: str
    shown: KeyView


class Keys:
    """The use cases of API keys."""

    def __init__(self, process: Process, journal: Journal) -> None:
        self._journal = journal
        self._environment = process.settings.section(TokenSettings).environment

    async def make(
        self, tx: Transaction, by: Principal, user_id: UUID, new: NewKey, address: str
    ) -> MadeKey:
        """A key of the user. Raises `USER_UNKNOWN`, `USER_DISABLED`, `API_KEY_SCOPE`.

        It includes at most what its maker may do, and what the user's role includes. Only for a
        service or an agent somebody else makes it.
        """
        user = await store.locked(tx, user_id)
        if user.disabled_at is not None:
            raise LotaError(Kind.CONFLICT, "USER_DISABLED", "Enable the user first.")
        if by.user_id != user_id and user.role not in MACHINES:
            raise _scope("Keys of a person are made by that person.")
        role = new.role or user.role
        if (role is Role.AGENT) != (user.role is Role.AGENT):
            raise _scope("An agent's keys have its role, and no other user's have it.")
        most = PERMISSIONS[role] & PERMISSIONS[user.role] & permissions_of(by)
        wanted = frozenset(PERMISSIONS[role] if new.permissions is None else new.permissions)
        if not wanted <= most:
            missing = sorted(str(one) for one in wanted - most)
            raise _scope(f"This key may not include {', '.join(missing)}.")
        return await self._made(tx, by, user_id, new, role, sorted(wanted), address)

    async def _made(
        self,
        tx: Transaction,
        by: Principal,
        user_id: UUID,
        new: NewKey,
        role: Role,
        permissions: Sequence[Permission],
        address: str,
    ) -> MadeKey:
        key_id = base64.b32encode(secrets.token_bytes(10)).decode().lower()
        text = write_api_key(self._environment, key_id, secrets.token_bytes(32))
        shown = await key_store.add(
            tx,
            key_id,
            read_api_key(text).digest,
            user_id=user_id,
            made_by=by.user_id,
            name=new.name,
            role=role,
            permissions=[str(one) for one in permissions],
            expires_at=tx.began + timedelta(days=new.days),
        )
        await self._record(tx, by, "api_key.create", key_id, address)
        return MadeKey(key=text, shown=shown)

    async def revoke(
        self, tx: Transaction, by: Principal, user_id: UUID, key_id: str, address: str
    ) -> None:
        """Ends a key of the user, in every process. Raises `API_KEY_UNKNOWN`."""
        if not await key_store.revoke(tx, user_id, key_id):
            detail = "There is no such API key, or it was revoked before."
            raise LotaError(Kind.NOT_FOUND, "API_KEY_UNKNOWN", detail)
        await self._record(tx, by, "api_key.revoke", key_id, address)

    async def _record(
        self, tx: Transaction, by: Principal, verb: str, key_id: str, address: str
    ) -> None:
        entry = Entry(
            actor_ref=str(by.user_id),
            verb=verb,
            subject_ref=f"api_key:{key_id}",
            outcome="done",
            address=address,
        )
        await self._journal.append(tx, entry)


def _scope(why: str) -> LotaError:
    return LotaError(Kind.AUTHORIZATION, "API_KEY_SCOPE", why)
