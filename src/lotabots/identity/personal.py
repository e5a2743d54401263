"""What is known of a person: all of it handed out, what they agreed to, and all of it forgotten.

Erasure keeps the row that other rows point to, without anything that says who it was: no name, no
address, no password, no session, no key. What the audit log has of the person is committed to with
a secret that is destroyed; the log itself stays as it is.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

import msgspec

from lotabots.audit import Appended, Entry, Journal, LoggedEntry, Person
from lotabots.identity import key_store, store
from lotabots.identity.key_store import KeyView
from lotabots.identity.oidc import links_of
from lotabots.identity.recording import record
from lotabots.identity.second_factor import FactorState, SecondFactor, forget
from lotabots.identity.session_store import end_sessions
from lotabots.identity.types import Link, User
from lotabots.kernel import Kind, LotaError, Principal
from lotabots.runtime.database import Transaction

MOST_ENTRIES = 1000
"""Of the newest audit entries that mention the person; the audit log pages through all."""


class NewConsent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a user agrees to, or takes back: for what purpose, in which version of its text."""

    purpose: Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9_.-]{0,63}\Z")]
    version: Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{1,64}\Z")]
    given: bool


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger of consents."""

    purpose: str
    version: str
    given: bool
    at: datetime


class PastSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session of the person, over or not."""

    id: UUID
    method: str
    address: str | None
    opened_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    end_reason: str | None


class PersonalData(msgspec.Struct, frozen=True, kw_only=True):
    """All that identity and the audit log have of a person (GDPR article 15)."""

    user: User
    sessions: list[PastSession]
    keys: list[KeyView]
    links: list[Link]
    second_factor: FactorState
    consents: list[Consent]
    entries: list[LoggedEntry]
    entries_complete: bool
    """Whether these are all the entries that mention the person."""


class PersonalRecords:
    """The use cases about a person's data."""

    def __init__(self, journal: Journal, second_factor: SecondFactor) -> None:
        self._journal = journal
        self._second_factor = second_factor

    async def export(
        self, tx: Transaction, by: Principal, user_id: UUID, address: str
    ) -> PersonalData:
        """All of it. That it was handed out is an audit entry. Raises `USER_UNKNOWN`."""
        user = await store.existing(tx, user_id)
        person = Person("user", str(user_id))
        entries = await self._journal.about(tx, by.tenant_id, person, MOST_ENTRIES)
        data = PersonalData(
            user=user,
            sessions=await _sessions(tx, user_id),
            keys=await key_store.of_user(tx, user_id),
            links=await links_of(tx, user_id),
            second_factor=await self._second_factor.state(tx, user_id),
            consents=await consents_of(tx, user_id),
            entries=entries,
            entries_complete=len(entries) < MOST_ENTRIES,
        )
        await record(self._journal, tx, by, "personal.export", user_id, address)
        return data

    async def erase(
        self, tx: Transaction, by: Principal, user: User, reason: str, address: str
    ) -> UUID:
        """The entry that says that somebody was erased. Cannot be undone.

        Raises `ERASURE_OF_SELF` and `USER_UNKNOWN`, for one who was erased before too.
        """
        await end_sessions(tx, user.id, "erased")
        await key_store.revoke_all(tx, user.id)
        for table in ("sessions", "api_keys", "invitations", "links", "consents"):
            await tx.execute(f"delete from identity.{table} where user_id = $1", user.id)  # noqa: S608 - our own names
        await forget(tx, user.id)
        nobody = f"erased-{uuid4().hex}"
        erased = await tx.execute(
            "update identity.users set username = $2, email = $3, password_hash = null,"
            " role = 'viewer', node_id = null, last_used_at = null,"
            " disabled_at = coalesce(disabled_at, $4), erased_at = $4"
            " where id = $1 and erased_at is null",
            user.id,
            nobody,
            f"{nobody}@erased.invalid",
            tx.began,
        )
        if not erased:
            raise LotaError(Kind.NOT_FOUND, "USER_UNKNOWN", "There is no such user.")
        return (await self._forgotten(tx, by, user.id, reason, address)).id

    async def _forgotten(
        self, tx: Transaction, by: Principal, user_id: UUID, reason: str, address: str
    ) -> Appended:
        try:
            person = Person("user", str(user_id))
            return await self._journal.erase(tx, by, person, reason, address)
        except LotaError as error:
            if error.code != "PERSON_UNKNOWN":
                raise
        # The log was made to forget them before: now identity does, and that is an entry as well.
        entry = Entry(
            actor_ref=str(by.user_id),
            verb="person.erase",
            subject_ref=f"erasure:{uuid4()}",
            outcome="done",
            address=address,
            note=reason,
        )
        return await self._journal.append(tx, entry)

    async def consent(
        self, tx: Transaction, by: Principal, new: NewConsent, address: str
    ) -> Consent:
        """What the caller agreed to or took back, written down."""
        consent = Consent(purpose=new.purpose, version=new.version, given=new.given, at=tx.began)
        await tx.execute(
            "insert into identity.consents (id, user_id, purpose, version, given, at)"
            " values ($1, $2, $3, $4, $5, $6)",
            uuid4(),
            by.user_id,
            new.purpose,
            new.version,
            new.given,
            tx.began,
        )
        verb = "consent.give" if new.given else "consent.withdraw"
        await record(self._journal, tx, by, verb, by.user_id, address, purpose=new.purpose)
        return consent


async def consents_of(tx: Transaction, user_id: UUID) -> list[Consent]:
    """The ledger of a user, the newest first."""
    return await tx.fetch(
        "select purpose, version, given, at from identity.consents where user_id = $1"
        " order by at desc, id",
        user_id,
        into=Consent,
    )


async def _sessions(tx: Transaction, user_id: UUID) -> list[PastSession]:
    return await tx.fetch(
        "select id, method, address, opened_at, last_used_at, expires_at, ended_at, end_reason"
        " from identity.sessions where user_id = $1 order by opened_at desc, id",
        user_id,
        into=PastSession,
    )
