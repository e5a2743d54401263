"""A tenant for each test, as whoever runs the installation would make it."""

from uuid import uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls
from plugins.process import Tokens

from lotabots.runtime.process import Process
from lotabots.runtime.web import TOKEN_PURPOSE


@pytest.fixture
async def tokens(process: Process, database_urls: DatabaseUrls) -> Tokens:
    """Tokens of a tenant that exists."""
    tenant = uuid4()
    owner = await asyncpg.connect(database_urls.owner)
    await owner.execute(
        "insert into identity.tenants (id, name, created_at) values ($1, $2, now())",
        tenant,
        f"t{tenant.hex}",
    )
    await owner.close()
    return Tokens((await process.keyring.load(TOKEN_PURPOSE)).current, tenant)
