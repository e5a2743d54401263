"""Appending to the audit log, in the transaction of whatever is being recorded; and forgetting."""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import msgspec

from lotabots.audit import persons as sql
from lotabots.audit import store
from lotabots.audit.persons import Known, Persons
from lotabots.audit.reading import Asked, LoggedEntry, page
from lotabots.audit.types import Appended, Entry, Person, new_entry_id, recorded
from lotabots.kernel import Kind, LotaError, Principal, invalid
from lotabots.runtime.database import Transaction
from lotabots.runtime.keyring import Keyring

ERASED = "person.erase"
"""The verb of the entry that says that someone was forgotten."""


class Journal:
    """The log as a service writes to it. Any number may be used at once, in any process."""

    def __init__(self, keyring: Keyring) -> None:
        self._persons = Persons(keyring)

    async def append(self, tx: Transaction, entry: Entry) -> Appended:
        """The entry, added to the log of the transaction's tenant: both are committed, or neither.

        The time is the transaction's. Raises `AUDIT_ENTRY_INVALID` for an entry that holds more
        than references and digests, or for a transaction without tenant.
        """
        [appended] = await self.append_many(tx, [entry])
        return appended

    async def append_many(self, tx: Transaction, entries: Sequence[Entry]) -> list[Appended]:
        """The same for several, in their order and in one round trip."""
        tenant = tx.tenant
        if tenant is None:
            raise LotaError(Kind.INTERNAL, "AUDIT_ENTRY_INVALID", "An audit entry needs a tenant.")
        persons: set[Person] = set()
        for entry in entries:
            entry.check()
            persons.update(filter(None, (entry.actor(), entry.subject())))
        for _ in range(2):  # again if someone was erased whose secret was still remembered
            known = await self._persons.known(tx, tenant, persons)
            if persons <= known.keys():  # else someone was erased while we looked
                written = [_written(entry, tenant, tx, known) for entry in entries]
                appended = [one for one, _ in written]
                mentions = [mention for _, mention in written if mention is not None]
                ids = {one.id for one in known.values()}
                if await store.insert(tx, entries, appended, mentions, ids):
                    return appended
            self._persons.forget(tenant, persons)
        detail = "A person whom the entry mentions is being erased; try again."
        raise LotaError(Kind.UNAVAILABLE, "DATABASE_CONTENDED", detail)

    async def erase(
        self, tx: Transaction, by: Principal, person: Person, reason: str, address: str | None
    ) -> Appended:
        """The entry that says so. Nothing that is kept leads from any entry to the person now.

        What was hashed stays: every receipt and checkpoint holds as before. Raises
        `PERSON_UNKNOWN`, and `ERASURE_OF_SELF`: the entry would name the very person.
        """
        if person == Person("user", str(by.user_id)):
            raise invalid("ERASURE_OF_SELF", "Another administrator must erase you.")
        known = await self._persons.find(tx, by.tenant_id, person)
        count = None if known is None else await sql.erase(tx, known.id)
        if count is None:
            detail = "No entry mentions this person, or it was erased already."
            raise LotaError(Kind.NOT_FOUND, "PERSON_UNKNOWN", detail)
        self._persons.forget(by.tenant_id, [person])
        return await self.append(
            tx,
            Entry(
                actor_ref=str(by.user_id),
                verb=ERASED,
                # Neither the person nor which entries: either would tie those together for ever.
                subject_ref=f"erasure:{uuid4()}",
                outcome="done",
                count=max(count, 1),
                address=address,
                note=reason,
            ),
        )

    async def about(
        self, tx: Transaction, tenant: UUID, person: Person, most: int
    ) -> list[LoggedEntry]:
        """The newest entries that the person did or that were about them, at most so many."""
        found: dict[UUID, LoggedEntry] = {}
        for asked in (Asked(actor=person.ref), Asked(subject=person.ref)):
            shown = (await page(tx, self._persons, tenant, asked, most)).entries
            found |= {one.entry.id: one for one in shown}
        newest = sorted(found.values(), key=lambda one: one.entry.at, reverse=True)
        return newest[:most]

    @property
    def persons(self) -> Persons:
        """Whom entries mention, for those who may read them."""
        return self._persons


def _written(
    entry: Entry, tenant: UUID, tx: Transaction, known: Mapping[Person, Known]
) -> tuple[Appended, store.Mention | None]:
    entry_id = new_entry_id(tx.began)
    actor, subject, texts = entry.actor(), entry.subject(), entry.texts()
    fields: dict[str, str] = {}
    if actor is not None:
        secret = known[actor].secret
        for name, text in {"actor": actor.value, **texts}.items():
            fields[name] = secret.commitment(entry_id, name, text)
    if subject is not None:
        fields["subject"] = known[subject].secret.commitment(entry_id, "subject", subject.value)
    appended = recorded(entry, entry_id, tenant, tx.began, fields)
    if actor is None and subject is None:
        return appended, None
    sealed = None
    if actor is not None and texts:
        plain = msgspec.json.encode(texts)
        sealed = known[actor].secret.sealed(plain, entry_id.bytes)
    return appended, store.Mention(
        entry_id,
        None if actor is None else known[actor].id,
        None if subject is None else known[subject].id,
        sealed,
    )
