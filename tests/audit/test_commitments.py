"""Commitments: anyone can check the one that is opened to them, and nobody can try a guess."""

import hashlib
import hmac
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotabots.audit.commitments import PersonKeys, Secret, disclosed
from lotabots.audit.types import Person
from lotabots.kernel import LotaError

FIELDS = st.sampled_from(["actor", "subject", "address", "note"])
SECRETS = st.binary(min_size=32, max_size=32).map(Secret)
TEXTS = st.text(max_size=200)


def salt_by_hand(secret: bytes, entry: UUID, field: str) -> bytes:
    message = b"lotabots/v1/commitment/" + entry.bytes + b"/" + field.encode()
    return hmac.new(secret, message, hashlib.sha512).digest()[:32]


@given(st.binary(min_size=32, max_size=32), st.uuids(), FIELDS, TEXTS)
def test_a_commitment_is_the_sha_256_of_its_salt_and_the_text(
    secret: bytes, entry: UUID, field: str, text: str
) -> None:
    salt = salt_by_hand(secret, entry, field)
    expected = hashlib.sha256(salt + text.encode()).hexdigest()
    assert Secret(secret).commitment(entry, field, text) == expected
    assert Secret(secret).salt(entry, field) == salt


@given(SECRETS, st.uuids(), FIELDS, TEXTS)
def test_what_is_disclosed_proves_itself_against_the_commitment(
    secret: Secret, entry: UUID, field: str, text: str
) -> None:
    shown = disclosed(secret, entry, {field: text})[field]
    opened = hashlib.sha256(bytes.fromhex(shown.salt) + shown.text.encode()).hexdigest()
    assert (opened, shown.text) == (secret.commitment(entry, field, text), text)


@given(SECRETS, st.lists(st.tuples(st.uuids(), FIELDS), unique=True, min_size=2, max_size=20))
def test_no_two_fields_of_one_person_share_a_value(
    secret: Secret, places: list[tuple[UUID, str]]
) -> None:
    commitments = {secret.commitment(entry, field, "the same") for entry, field in places}
    salts = {secret.salt(entry, field) for entry, field in places}
    assert len(commitments) == len(salts) == len(places)


def test_two_persons_with_one_name_share_no_value() -> None:
    entry, one, two = uuid4(), Secret.new(), Secret.new()
    assert one.commitment(entry, "actor", "x") != two.commitment(entry, "actor", "x")


@given(SECRETS, st.binary(max_size=300), st.binary(max_size=20), st.binary(max_size=20))
def test_a_sealed_text_opens_in_its_place_and_in_no_other(
    secret: Secret, text: bytes, place: bytes, other: bytes
) -> None:
    sealed = secret.sealed(text, place)
    assert secret.opened(sealed, place) == text
    if other != place:
        with pytest.raises(LotaError, match="AUDIT_SEAL_BROKEN"):
            secret.opened(sealed, other)


def test_a_sealed_text_opens_with_no_other_secret() -> None:
    sealed = Secret.new().sealed(b"203.0.113.7", b"here")
    with pytest.raises(LotaError, match="AUDIT_SEAL_BROKEN"):
        Secret.new().opened(sealed, b"here")


def test_the_same_text_is_never_sealed_the_same() -> None:
    secret = Secret.new()
    assert secret.sealed(b"x", b"here") != secret.sealed(b"x", b"here")


@given(st.binary(max_size=100), st.data())
def test_changed_bytes_open_nothing(text: bytes, data: st.DataObject) -> None:
    secret = Secret(b"s" * 32)
    sealed = bytearray(secret.sealed(text, b"here"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(LotaError, match="AUDIT_SEAL_BROKEN"):
        secret.opened(bytes(sealed), b"here")


@given(st.binary(max_size=80))
def test_any_bytes_that_were_not_sealed_are_refused(data: bytes) -> None:
    with pytest.raises(LotaError, match="AUDIT_SEAL_BROKEN"):
        Secret(b"s" * 32).opened(data, b"here")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Secret(b"x" * length)


def keys(seal: bytes = b"a" * 32, find: bytes = b"b" * 32) -> PersonKeys:
    return PersonKeys(seal, find)


def test_the_secret_of_a_person_opens_in_its_row_with_its_key_alone() -> None:
    secret, row = Secret.new(), uuid4()
    sealed = keys().sealed(secret, row)
    assert secret.bytes not in sealed
    assert keys().opened(sealed, row).bytes == secret.bytes
    for opener, place in ((keys(), uuid4()), (keys(seal=b"z" * 32), row)):
        with pytest.raises(LotaError, match="AUDIT_SEAL_BROKEN"):
            opener.opened(sealed, place)


def test_a_person_is_found_in_one_tenant_under_one_key() -> None:
    tenant, person = uuid4(), Person("user", str(uuid4()))
    lookup = keys().lookup(tenant, person)
    by_hand = hmac.new(b"b" * 32, tenant.bytes + f"user:{person.value}".encode(), hashlib.sha512)
    assert lookup == keys().lookup(tenant, person) == by_hand.digest()[:32]
    others = [
        keys().lookup(uuid4(), person),
        keys().lookup(tenant, Person("user", str(uuid4()))),
        keys().lookup(tenant, Person("address", person.value)),
        keys(find=b"z" * 32).lookup(tenant, person),
    ]
    assert len({lookup, *others}) == 5
