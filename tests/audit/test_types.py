"""Audit entries: what may be in one, and the bytes it becomes."""

import hashlib
import json
import re
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.audit import ANONYMOUS, SYSTEM, Entry
from lotabots.audit.types import Appended, Person, new_entry_id, person_of, recorded
from lotabots.kernel import LotaError, canonical
from lotabots.tlog import leaf_hash

USER = "6a1c1f0e-0000-4000-8000-000000000001"
ENTRY = Entry(
    actor_ref=USER,
    verb="attestation.submit",
    subject_ref="node:n1",
    outcome="accepted",
    digests={"verdict": "ab" * 32, "bundle": "sha256:" + "cd" * 32},
)
AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
ID, TENANT = UUID(int=1), UUID(int=2)


def stand_in(name: str) -> str:
    """Something of the form of a commitment, another one for each field."""
    return hashlib.sha256(name.encode()).hexdigest()


def committed(entry: Entry) -> dict[str, str]:
    names = [*entry.texts(), *(["actor"] if entry.actor() else [])]
    return {name: stand_in(name) for name in (*names, *(["subject"] if entry.subject() else []))}


def made(entry: Entry) -> Appended:
    entry.check()
    return recorded(entry, ID, TENANT, AT, committed(entry))


WORD = "[a-z][a-z0-9_-]{0,9}"
PRINTABLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
TEXTS = st.none() | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=50
)


@st.composite
def valid_entries(draw: st.DrawFn) -> Entry:
    user = draw(st.booleans())
    persons = st.builds(lambda kind, id_: f"{kind}:{id_}", st.sampled_from(["user", "address"]),
                        st.uuids() | st.ip_addresses())  # fmt: skip
    return Entry(
        actor_ref=str(draw(st.uuids())) if user else draw(st.sampled_from([SYSTEM, ANONYMOUS])),
        verb=draw(st.from_regex(rf"{WORD}(\.{WORD}){{0,3}}", fullmatch=True)),
        subject_ref=draw(st.text(PRINTABLE, min_size=1, max_size=256) | persons),
        outcome=draw(st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", fullmatch=True)),
        digests=draw(
            st.dictionaries(
                st.from_regex(r"[a-z][a-z0-9_.-]{0,20}", fullmatch=True),
                st.from_regex(r"[A-Za-z0-9:_+/=.-]{1,128}", fullmatch=True),
                max_size=6,
            )
        ),
        count=draw(st.integers(1, 2**53 - 1)),
        address=draw(TEXTS) if user else None,
        note=draw(TEXTS) if user else None,
    )  # fmt: skip


def test_an_entry_becomes_canonical_json_with_a_commitment_for_each_person() -> None:
    body = made(ENTRY).body
    value = json.loads(body)
    assert body == canonical(value)
    assert value == {
        "actor": stand_in("actor"),
        "at": "2026-01-02T03:04:05.000678Z",
        "count": 1,
        "digests": {"bundle": "sha256:" + "cd" * 32, "verdict": "ab" * 32},
        "id": "00000000-0000-0000-0000-000000000001",
        "outcome": "accepted",
        "subject": "node:n1",
        "tenant": "00000000-0000-0000-0000-000000000002",
        "verb": "attestation.submit",
        "version": 2,
    }


@given(valid_entries())
def test_the_bytes_of_any_valid_entry_are_its_canonical_json(entry: Entry) -> None:
    appended = made(entry)
    value = json.loads(appended.body)
    assert appended.body == canonical(value)
    assert appended.leaf == leaf_hash(appended.body)
    shown = (value["verb"], value["outcome"], value["count"], value["digests"])
    assert shown == (entry.verb, entry.outcome, entry.count, dict(entry.digests))
    assert value.keys() - {"address", "note"} == {
        "version", "id", "tenant", "at", "actor", "verb", "subject", "outcome", "count", "digests"
    }  # fmt: skip


@given(valid_entries())
def test_no_person_and_no_text_of_a_person_stands_in_the_bytes(entry: Entry) -> None:
    value = json.loads(made(entry).body)
    for name, text in entry.texts().items():
        assert value[name] == stand_in(name) != text
    if entry.actor() is not None:
        assert value["actor"] == stand_in("actor")
    if (person := entry.subject()) is not None:
        assert value["subject"] == f"{person.kind}:{stand_in('subject')}"
        assert entry.subject_ref.lower() == person.ref.lower()


def test_what_stands_for_a_user_as_the_subject_keeps_only_its_kind() -> None:
    entry = msgspec.structs.replace(ENTRY, subject_ref=f"user:{USER}")
    body = made(entry).body
    assert USER.encode() not in body
    assert json.loads(body)["subject"] == f"user:{stand_in('subject')}"


def test_address_and_note_stand_in_the_entry_only_where_it_has_them() -> None:
    value = json.loads(made(msgspec.structs.replace(ENTRY, address="203.0.113.7")).body)
    assert value["address"] == stand_in("address")
    assert "note" not in value


@pytest.mark.parametrize("missing", ["actor", "subject", "address", "note"])
def test_a_person_without_a_commitment_is_refused(missing: str) -> None:
    entry = msgspec.structs.replace(ENTRY, subject_ref=f"user:{USER}", address="::1", note="why")
    whole = committed(entry)
    assert recorded(entry, ID, TENANT, AT, whole)
    del whole[missing]
    with pytest.raises(LotaError, match="AUDIT_ENTRY_INVALID"):
        recorded(entry, ID, TENANT, AT, whole)


def test_a_commitment_that_belongs_to_nothing_is_refused() -> None:
    with pytest.raises(LotaError, match="AUDIT_ENTRY_INVALID"):
        recorded(ENTRY, ID, TENANT, AT, {"actor": "ab" * 32, "note": "cd" * 32})


@pytest.mark.parametrize("actor", [SYSTEM, ANONYMOUS])
@pytest.mark.parametrize("text", ["address", "note"])
def test_a_text_needs_a_user_to_whom_it_belongs(actor: str, text: str) -> None:
    fields = {"actor_ref": actor, text: "x"}
    with pytest.raises(LotaError, match="AUDIT_ENTRY_INVALID"):
        msgspec.structs.replace(ENTRY, **fields).check()
    msgspec.structs.replace(ENTRY, **{text: "x"}).check()


def test_the_leaf_hash_is_that_of_rfc_6962() -> None:
    # The leaf of the empty entry, as in the test vectors of Certificate Transparency.
    empty = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"").hex() == empty
    assert leaf_hash(b"L123456") == hashlib.sha256(b"\x00L123456").digest()


@pytest.mark.parametrize("actor", [USER, SYSTEM, ANONYMOUS])
def test_an_actor_is_a_user_id_the_system_or_nobody(actor: str) -> None:
    made(Entry(actor_ref=actor, verb="user.create", subject_ref="user:1", outcome="done"))


@pytest.mark.parametrize(
    "field",
    [
        {"actor_ref": "alice"},
        {"actor_ref": "alice@example.org"},
        {"actor_ref": USER.upper()},
        {"actor_ref": ""},
        {"verb": "Drop Table"},
        {"verb": "a.b.c.d.e"},
        {"subject_ref": "node: with space"},
        {"subject_ref": "naïve"},
        {"subject_ref": "x" * 257},
        {"outcome": "it went well"},
        {"outcome": ""},
        {"digests": {"Name": "ab"}},
        {"digests": {"name": "a note, in words"}},
        {"digests": {"name": "x" * 129}},
        {"digests": {f"d{number}": "ab" for number in range(129)}},
        {"count": 0},
        {"count": 2**53},
        {"address": ""},
        {"note": "x" * 1025},
        {"note": "a\0b"},
        {"note": "\ud800"},
    ],
)
def test_personal_text_or_prose_does_not_get_in(field: dict[str, object]) -> None:
    with pytest.raises(LotaError) as caught:
        made(msgspec.structs.replace(ENTRY, **field))
    assert caught.value.code == "AUDIT_ENTRY_INVALID"


ANYTHING = st.text(st.characters())


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING, st.dictionaries(ANYTHING, ANYTHING), st.integers())
def test_any_entry_is_recorded_or_refused(
    actor: str, verb: str, subject: str, outcome: str, digests: dict[str, str], count: int
) -> None:
    entry = Entry(
        actor_ref=actor, verb=verb, subject_ref=subject, outcome=outcome, digests=digests,
        count=count,
    )  # fmt: skip
    try:
        body = made(entry).body
    except LotaError:
        return
    assert json.loads(body)["verb"] == verb


@given(ANYTHING, st.none() | ANYTHING)
def test_any_text_of_a_user_can_be_written_or_is_refused(note: str, address: str | None) -> None:
    try:
        made(msgspec.structs.replace(ENTRY, note=note, address=address))
    except LotaError:
        return
    assert note.encode()
    assert address is None or address.encode()


MOMENTS = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 1970 <= moment.year < 9999)


@given(MOMENTS, MOMENTS)
def test_entry_ids_are_uuids_of_version_7_that_sort_by_time(one: datetime, two: datetime) -> None:
    first, second = sorted([one, two])
    ids = [new_entry_id(first), new_entry_id(second)]
    assert [(id_.version, id_.variant) for id_ in ids] == [(7, RFC_4122)] * 2
    stamps = [int.from_bytes(id_.bytes[:6]) for id_ in ids]
    assert stamps == sorted(stamps)
    if stamps[0] < stamps[1]:
        assert ids[0].bytes < ids[1].bytes
    for moment, stamp in zip((first, second), stamps, strict=True):
        assert abs(stamp - moment.timestamp() * 1000) < 2


def test_two_entries_of_one_moment_have_two_ids() -> None:
    assert len({new_entry_id(AT) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("ref", "person"),
    [
        (f"user:{USER}", Person("user", USER)),
        (f"user:{USER.upper()}", Person("user", USER)),
        ("address:2001:db8::7", Person("address", "2001:db8::7")),
        ("address:FE80::1%eth0", Person("address", "FE80::1%eth0")),
        ("user:", None),
        ("user", None),
        ("node:n1", None),
        ("User:x", None),
        ("", None),
    ],
)
def test_users_and_addresses_are_persons_and_nothing_else(ref: str, person: Person | None) -> None:
    assert person_of(ref) == person
    assert person is None or person_of(person.ref) == person


def test_commitments_have_a_form_of_their_own() -> None:
    assert re.fullmatch("[0-9a-f]{64}", json.loads(made(ENTRY).body)["actor"])
