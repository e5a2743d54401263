"""Audit entries: what may be in one, and the bytes it becomes."""

import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.audit import ANONYMOUS, SYSTEM, Entry
from lotabots.audit.types import record
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


def made(entry: Entry) -> bytes:
    return record(entry, UUID(int=1), UUID(int=2), AT)


def test_an_entry_becomes_canonical_json_with_every_field() -> None:
    body = made(ENTRY)
    value = json.loads(body)
    assert body == canonical(value)
    assert value == {
        "actor": USER,
        "at": "2026-01-02T03:04:05.000678Z",
        "count": 1,
        "digests": {"bundle": "sha256:" + "cd" * 32, "verdict": "ab" * 32},
        "id": "00000000-0000-0000-0000-000000000001",
        "outcome": "accepted",
        "subject": "node:n1",
        "tenant": "00000000-0000-0000-0000-000000000002",
        "verb": "attestation.submit",
        "version": 1,
    }


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
    ],
)
def test_personal_text_or_prose_does_not_get_in(field: dict[str, object]) -> None:
    fields = {name: getattr(ENTRY, name) for name in ENTRY.__struct_fields__} | field
    with pytest.raises(LotaError) as caught:
        made(Entry(**fields))
    assert caught.value.code == "AUDIT_ENTRY_INVALID"


@given(st.text(), st.text(), st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_any_entry_is_recorded_or_refused(
    actor: str, verb: str, subject: str, outcome: str, digests: dict[str, str]
) -> None:
    entry = Entry(actor_ref=actor, verb=verb, subject_ref=subject, outcome=outcome, digests=digests)
    try:
        body = made(entry)
    except LotaError:
        return
    assert json.loads(body)["verb"] == verb
