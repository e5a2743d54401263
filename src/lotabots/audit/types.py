"""What an audit entry says: who did what to what, how it ended, and the digests that fix it."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from lotabots.kernel import Kind, LotaError, format_time
from lotabots.tlog import leaf_hash

SYSTEM = "system"
"""The actor of what a process does by itself."""
ANONYMOUS = "anonymous"
"""The actor of what someone did without a valid identity."""
NODE = "node"
"""The kind of actor that a node is, through its agent and with its own credential: no person. Which
one, the entry says (`node:UUID`)."""
USER, ADDRESS = "user", "address"
"""The kinds of persons: a user by its UUID, a stranger by the network address."""

VERSION = 2
MAX_DIGESTS = 128
MAX_COUNT = 2**53 - 1
"""The largest integer that every JSON reader agrees on (RFC 7493 section 2.2)."""
MAX_TEXT = 1024
"""Characters of an address or a note, which stand beside the log and not in it."""

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ACTOR = re.compile(rf"{SYSTEM}|{ANONYMOUS}|{NODE}:{_UUID}|{_UUID}")
_VERB = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*){0,3}")
_SUBJECT = re.compile(r"[!-~]{1,256}")
_OUTCOME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_DIGEST = re.compile(r"[A-Za-z0-9:_+/=.-]{1,128}")
_TEXT = re.compile(rf"[^\x00\ud800-\udfff]{{1,{MAX_TEXT}}}")  # a lone surrogate has no UTF-8


class Person(NamedTuple):
    """Someone whom entries mention, and who may ask to be forgotten."""

    kind: str
    value: str

    @property
    def ref(self) -> str:
        """How a caller names it: `user:UUID`, `address:203.0.113.7`."""
        return f"{self.kind}:{self.value}"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, as whoever records it says it.

    `actor_ref` is a user's UUID, `node:UUID`, `SYSTEM` or `ANONYMOUS`; `subject_ref` is `kind:id`;
    `count` is how often it happened, where an entry stands for many events. What is personal (a
    user as actor or subject, an address, a note) enters the log as commitments only; address and
    note belong to the user who acted, so they need one.
    """

    actor_ref: str
    verb: str
    subject_ref: str
    outcome: str
    digests: Mapping[str, str] = {}
    count: int = 1
    address: str | None = None
    note: str | None = None

    def check(self) -> None:
        """Raises `AUDIT_ENTRY_INVALID` unless each field has its form."""
        fits = (
            _ACTOR.fullmatch(self.actor_ref)
            and _VERB.fullmatch(self.verb)
            and _SUBJECT.fullmatch(self.subject_ref)
            and _OUTCOME.fullmatch(self.outcome)
            and all(map(_NAME.fullmatch, self.digests))
            and all(map(_DIGEST.fullmatch, self.digests.values()))
            and len(self.digests) <= MAX_DIGESTS
            and 1 <= self.count <= MAX_COUNT
        )
        if texts := self.texts():
            fits = fits and all(map(_TEXT.fullmatch, texts.values())) and self.actor() is not None
        if not fits:
            detail = "An audit entry holds references, digests, and short texts of its actor."
            raise LotaError(Kind.INTERNAL, "AUDIT_ENTRY_INVALID", detail, verb=self.verb[:64])

    def actor(self) -> Person | None:
        """Who did it, if it was a person."""
        return Person(USER, self.actor_ref) if kind_of(self.actor_ref) == USER else None

    def subject(self) -> Person | None:
        """To whom it was done, if it was a person."""
        return person_of(self.subject_ref)

    def texts(self) -> dict[str, str]:
        """The texts that belong to the actor, by field."""
        if self.address is None and self.note is None:
            return {}
        given = {"address": self.address, "note": self.note}
        return {name: text for name, text in given.items() if text is not None}


def kind_of(actor: str) -> str:
    """Whether an actor, by reference or commitment, is system, nobody known, a node or a user."""
    if actor in (SYSTEM, ANONYMOUS):
        return actor
    return NODE if actor.startswith(f"{NODE}:") else USER


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it stands in the log; its canonical JSON (RFC 8785) is what was hashed.

    A person stands in it as 64 hex digits: SHA-256 over a salt and who it is (see `commitments`).
    """

    version: int
    id: UUID
    tenant: UUID
    at: str
    actor: str
    verb: str
    subject: str
    outcome: str
    count: int
    digests: dict[str, str]
    address: str | UnsetType = UNSET
    note: str | UnsetType = UNSET

    def written(self) -> bytes:
        """The bytes that are stored, hashed and never changed."""
        # Every field is printable ASCII, for which this is the form of RFC 8785; a test holds it
        # against `canonical`, which takes five times as long.
        return _encoder.encode(self)


_encoder = msgspec.json.Encoder(order="sorted")


class Appended(msgspec.Struct, frozen=True):
    """An entry that was appended: its bytes, and the leaf hash under which the log will hold it."""

    id: UUID
    body: bytes
    leaf: bytes


def recorded(
    entry: Entry, entry_id: UUID, tenant: UUID, at: datetime, commitments: Mapping[str, str]
) -> Appended:
    """The entry with each personal field, by name, replaced by its commitment. The entry is valid.

    Raises `AUDIT_ENTRY_INVALID` where a person has no commitment: never a name instead of one.
    """
    subject, person = entry.subject_ref, entry.subject()
    personal = {*entry.texts(), *(["actor"] if entry.actor() else [])}
    if person is not None:
        personal.add("subject")
        subject = f"{person.kind}:{commitments.get('subject')}"
    if personal != commitments.keys():
        detail = "A person would have entered the log in clear text."
        raise LotaError(Kind.INTERNAL, "AUDIT_ENTRY_INVALID", detail, verb=entry.verb)
    body = Recorded(
        version=VERSION,
        id=entry_id,
        tenant=tenant,
        at=format_time(at),
        actor=commitments.get("actor", entry.actor_ref),
        verb=entry.verb,
        subject=subject,
        outcome=entry.outcome,
        count=entry.count,
        digests=dict(entry.digests),
        address=commitments.get("address", UNSET),
        note=commitments.get("note", UNSET),
    ).written()
    return Appended(entry_id, body, leaf_hash(body))


def person_of(ref: str) -> Person | None:
    """The person that a subject reference names, if it names one."""
    kind, _, value = ref.partition(":")
    if kind not in (USER, ADDRESS) or not value:
        return None
    return Person(kind, value.lower() if kind == USER else value)


def new_entry_id(at: datetime) -> UUID:
    """A UUID that sorts by time (RFC 9562 section 5.7): rows that are new lie together."""
    value = int(at.timestamp() * 1000) << 80 | int.from_bytes(secrets.token_bytes(10))
    return UUID(int=value & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x7000 << 64 | 0x8000 << 48)
