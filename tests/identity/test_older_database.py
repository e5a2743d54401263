"""A database that is older than sessions and owners: what becomes of its users."""

import io
from uuid import uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls
from plugins.process import calling, make_process

from lotabots import identity
from lotabots.identity import Passwords, ensure_first_admin
from lotabots.kernel import OPERATOR_TENANT
from lotabots.runtime.database import Database
from lotabots.runtime.migrations import migrate, sql_files
from lotabots.runtime.postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio

PASSWORD = "an old password of mine"


@pytest.fixture
async def older(postgres: EmbeddedPostgres) -> DatabaseUrls:
    """A database without the step of sessions, that two tenants used."""
    name = f"older_{uuid4().hex}"
    connection = await asyncpg.connect(postgres.owner_url.replace("/lotabots?", "/postgres?"))
    await connection.execute(f"create database {name}")
    await connection.close()
    urls = DatabaseUrls(
        postgres.app_url.replace("/lotabots?", f"/{name}?"),
        postgres.owner_url.replace("/lotabots?", f"/{name}?"),
    )
    before = tuple(file for file in sql_files() if file.version < "0007")
    await migrate(urls.owner, before)
    return urls


async def test_the_first_administrator_of_each_tenant_becomes_its_owner_and_logs_in(
    older: DatabaseUrls, log: io.BytesIO
) -> None:
    database = await Database.open(older.app)
    process = make_process(database, log)
    pepper = process.keyring.derive("password-pepper")
    stored = await Passwords(pepper, cost=10).hash(PASSWORD)
    other = uuid4()
    owner = await asyncpg.connect(older.owner)
    await owner.execute("alter table identity.users no force row level security")
    await owner.execute(
        "insert into identity.tenants (id, name, created_at) values ($1, 'other', now())", other
    )
    for number, (tenant, name, role) in enumerate(
        [
            (OPERATOR_TENANT, "first", "admin"),
            (OPERATOR_TENANT, "second", "admin"),
            (OPERATOR_TENANT, "viewer", "viewer"),
            (other, "third", "admin"),
        ]
    ):
        await owner.execute(
            "insert into identity.users"
            " (id, tenant_id, username, email, password_hash, role, created_at)"
            " values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 s')",
            uuid4(), tenant, name, f"{name}@b.org", stored, role, number,
        )  # fmt: skip
    await owner.execute("alter table identity.users force row level security")
    assert await migrate(older.owner) is True
    await owner.execute("alter table identity.users no force row level security")
    roles = dict(await owner.fetch("select username, role from identity.users"))
    await owner.execute("alter table identity.users force row level security")
    await owner.close()
    assert roles == {"first": "owner", "second": "admin", "viewer": "viewer", "third": "owner"}
    assert await ensure_first_admin(process) is None
    async with calling(process, [identity.service(process)]) as client:
        claimed = {"username": "first", "password": PASSWORD}
        assert (await client.post("/v1/login", json=claimed)).status_code == 200
    await database.close()
