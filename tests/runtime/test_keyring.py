"""Signing keys: made once for all processes, rotated, and sealed where they rest."""

import asyncio
import base64
import secrets
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls

from lotabots.kernel import KeySet, LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import MASTER_KEY_BYTES, Keyring, master_key

pytestmark = pytest.mark.anyio

MASTER = bytes(range(MASTER_KEY_BYTES))


@pytest.fixture
def keyring(database: Database) -> Keyring:
    return Keyring(database, MASTER)


@pytest.fixture
def purpose() -> str:
    return f"test-{uuid4().hex}"


async def test_keys_are_made_on_first_use_and_are_the_same_ever_after(
    database: Database, keyring: Keyring, purpose: str
) -> None:
    keys = await keyring.load(purpose)
    assert keys.current.alg == "ES256"
    assert keys.previous is None
    assert keys.next is not None
    again = await Keyring(database, MASTER).load(purpose)
    assert again.jwks() == keys.jwks()


async def test_each_purpose_has_keys_of_its_own(keyring: Keyring, purpose: str) -> None:
    ours, others = await keyring.load(purpose), await keyring.load(f"{purpose}-2")
    assert others.verifying().get(ours.current.kid) is None


async def test_what_the_keyring_signs_any_process_verifies_without_the_master_key(
    database: Database, keyring: Keyring, purpose: str
) -> None:
    key = (await keyring.load(purpose)).current
    stranger = Keyring(database, bytes(32))
    verifying = (await stranger.verifying(purpose)).get(key.kid)
    assert verifying is not None
    verifying.verify(b"data", key.sign(b"data"))


async def test_public_keys_can_be_asked_for_before_anyone_has_signed(
    keyring: Keyring, purpose: str
) -> None:
    assert len(await keyring.verifying(purpose)) == 2


async def rotated(database: Database, keyring: Keyring, purpose: str) -> KeySet:
    async with database.transaction(None) as tx:
        await keyring.rotate(tx, purpose, rest=timedelta())
    return await keyring.load(purpose)


async def test_rotation_moves_next_to_current_and_current_to_previous(
    database: Database, keyring: Keyring, purpose: str
) -> None:
    first = await keyring.load(purpose)
    second = await rotated(database, keyring, purpose)
    assert first.next is not None
    assert second.previous is not None
    assert second.next is not None
    assert second.current.kid == first.next.kid
    assert second.previous.kid == first.current.kid
    third = await rotated(database, keyring, purpose)
    assert third.current.kid == second.next.kid
    kept = await keyring.verifying(purpose)
    assert kept.get(first.current.kid) is None
    assert len(kept) == 3


async def test_keys_that_were_rotated_lately_are_not_rotated_again(
    database: Database, keyring: Keyring, purpose: str
) -> None:
    before = await keyring.load(purpose)
    with pytest.raises(LotaError, match="KEY_ROTATED_LATELY"):
        async with database.transaction(None) as tx:
            await keyring.rotate(tx, purpose)
    assert (await keyring.load(purpose)).jwks() == before.jwks()


@pytest.mark.parametrize("place", ["previous", "current", "next"])
async def test_a_revoked_key_is_gone_and_there_is_still_a_current_and_a_next(
    database: Database, keyring: Keyring, purpose: str, place: str
) -> None:
    await keyring.load(purpose)
    before = await rotated(database, keyring, purpose)
    kid = getattr(before, place).kid
    async with database.transaction(None) as tx:
        assert await keyring.revoke(tx, purpose, kid) == place
    after = await keyring.load(purpose)
    assert after.verifying().get(kid) is None
    assert after.next is not None
    assert before.next is not None
    if place == "current":
        assert after.current.kid == before.next.kid
    else:
        assert after.current.kid == before.current.kid
    with pytest.raises(LotaError, match="KEY_NOT_HELD"):
        async with database.transaction(None) as tx:
            await keyring.revoke(tx, purpose, kid)


async def test_every_key_can_be_revoked_one_after_the_other(
    database: Database, keyring: Keyring, purpose: str
) -> None:
    before = (await keyring.load(purpose)).jwks()["keys"]
    for key in before:
        async with database.transaction(None) as tx:
            await keyring.revoke(tx, purpose, key["kid"])
    after = (await keyring.load(purpose)).jwks()["keys"]
    assert len(after) == 2
    assert not {key["kid"] for key in before} & {key["kid"] for key in after}


async def test_nothing_is_rotated_or_revoked_for_a_purpose_that_has_no_keys(
    database: Database, keyring: Keyring, purpose: str
) -> None:
    for change in (keyring.rotate, lambda tx, purpose: keyring.revoke(tx, purpose, "k" * 43)):
        with pytest.raises(LotaError, match="KEY_PURPOSE_UNKNOWN"):
            async with database.transaction(None) as tx:
                await change(tx, purpose)


async def test_keys_are_listed_without_what_is_secret(
    database: Database, keyring: Keyring, purpose: str
) -> None:
    await keyring.load(purpose)
    keys = await rotated(database, keyring, purpose)
    async with database.transaction(None) as tx:
        listed = [key for key in await keyring.listed(tx) if key.purpose == purpose]
    assert [key.place for key in listed] == ["previous", "current", "next"]
    assert listed[1].kid == keys.current.kid


async def test_keys_do_not_open_under_another_master_key(
    database: Database, keyring: Keyring, purpose: str
) -> None:
    await keyring.load(purpose)
    with pytest.raises(LotaError, match="KEYRING_SEAL_BROKEN"):
        await Keyring(database, bytes(32)).load(purpose)


@pytest.mark.parametrize(
    "tampering",
    [
        "update runtime.signing_keys set purpose = $1 || '-x' where purpose = $1",
        "update runtime.signing_keys set kid = reverse(kid) where purpose = $1",
        "update runtime.signing_keys set sealed = sealed || '\\x00' where purpose = $1",
        "update runtime.signing_keys set sealed = '' where purpose = $1",
        "delete from runtime.signing_keys where purpose = $1 and place = 'current'",
    ],
)
async def test_a_key_moved_or_changed_in_the_database_is_refused(
    database: Database, keyring: Keyring, purpose: str, tampering: str
) -> None:
    await keyring.load(purpose)
    async with database.transaction(None) as tx:
        await tx.execute(tampering, purpose)
    moved = f"{purpose}-x" if "purpose = $1 ||" in tampering else purpose
    with pytest.raises(LotaError, match="KEYRING_SEAL_BROKEN"):
        await Keyring(database, MASTER).load(moved)


async def test_no_private_key_rests_in_the_open(
    database: Database, keyring: Keyring, purpose: str
) -> None:
    key = (await keyring.load(purpose)).current
    async with database.transaction(None) as tx:
        row = await tx.fetch_one("select * from runtime.signing_keys where kid = $1", key.kid)
    assert row is not None
    assert b"PRIVATE" not in bytes(row["sealed"])  # type: ignore[call-overload]
    assert "d" not in row["public_jwk"]  # type: ignore[operator]


async def test_many_first_uses_at_once_agree(database: Database, purpose: str) -> None:
    sets = await asyncio.gather(*(Keyring(database, MASTER).load(purpose) for _ in range(8)))
    assert len({keys.current.kid for keys in sets}) == 1


PROCESS = """
import asyncio, sys
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring

async def main(url, purpose):
    database = await Database.open(url)
    keys = await Keyring(database, bytes(range(32))).load(purpose)
    print(keys.current.kid, keys.next.kid)
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""


def test_processes_that_start_together_agree_on_the_keys(
    fresh_database_urls: DatabaseUrls, purpose: str
) -> None:
    command = [sys.executable, "-c", PROCESS, fresh_database_urls.app, purpose]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    answers = {child.communicate(timeout=30)[0] for child in children}
    assert len(answers) == 1
    assert len(answers.pop().split()) == 2


async def test_a_key_that_was_never_in_the_table_cannot_take_a_taken_place(
    database_urls: DatabaseUrls, keyring: Keyring, purpose: str
) -> None:
    await keyring.load(purpose)
    connection = await asyncpg.connect(database_urls.owner)
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(
            "insert into runtime.signing_keys select reverse(kid), purpose, place, public_jwk,"
            " sealed, created_at, placed_at from runtime.signing_keys where purpose = $1",
            purpose,
        )
    await connection.close()


def test_the_master_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    key = master_key(None, tmp_path / "data")
    file = tmp_path / "data" / "keyring.key"
    assert len(key) == MASTER_KEY_BYTES
    assert file.stat().st_mode & 0o777 == 0o600
    assert master_key(None, tmp_path / "data") == key
    assert list((tmp_path / "data").iterdir()) == [file]


def test_a_master_key_that_others_can_read_or_of_another_size_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "keyring.key"
    file.write_bytes(secrets.token_bytes(MASTER_KEY_BYTES))
    file.chmod(0o640)
    with pytest.raises(LotaError, match="KEYRING_KEY_INVALID"):
        master_key(None, tmp_path)
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(LotaError, match="KEYRING_KEY_INVALID"):
        master_key(None, tmp_path)


def test_a_master_key_of_the_settings_comes_before_the_file(tmp_path: Path) -> None:
    assert master_key(base64.b64encode(MASTER).decode(), tmp_path) == MASTER
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("setting", ["not base64!", "AAAA", base64.b64encode(bytes(33)).decode()])
def test_a_master_key_setting_that_is_no_key_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(LotaError, match="KEYRING_KEY_INVALID") as caught:
        master_key(setting, tmp_path)
    assert setting not in str(caught.value)
