"""The policy in force, remembered in one process and changed in another."""

import asyncio
from contextlib import suppress
from time import monotonic
from uuid import UUID, uuid4

import pytest
from plugins.events import Open
from plugins.process import MASTER_KEY
from prometheus_client import CollectorRegistry

from lotabots.appraisal import builtin_policy
from lotabots.attestation.policies import Policies
from lotabots.audit import Journal
from lotabots.kernel import Principal, Role
from lotabots.runtime.cache import Caches
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database
from lotabots.runtime.keyring import Keyring

pytestmark = pytest.mark.anyio

DEFAULT, STRICT = builtin_policy("default").id, builtin_policy("strict").id


class Instance:
    """The policies of one process, as one tenant meets them."""

    def __init__(self, database: Database, policies: Policies, tenant: UUID) -> None:
        self.database = database
        self.policies = policies
        self.by = Principal(
            user_id=uuid4(),
            tenant_id=tenant,
            role=Role.OPERATOR,
            token_id="t",
            expires_at=utc_now(),
        )

    async def active(self) -> str:
        async with self.database.transaction(self.by.tenant_id) as tx:
            return (await self.policies.active(tx)).id

    async def activate(self, name: str, *, then_fail: bool = False) -> None:
        async with self.database.transaction(self.by.tenant_id) as tx:
            assert (await self.policies.activate(tx, self.by, name, utc_now())).active
            if then_fail:
                raise LookupError


@pytest.fixture
async def instances(open_channel: Open) -> list[Instance]:
    made, tenant = [], uuid4()
    for _ in range(2):
        channel, database = await open_channel()
        caches = Caches(channel, CollectorRegistry())
        journal = Journal(Keyring(database, MASTER_KEY))
        made.append(Instance(database, Policies("default", journal, caches), tenant))
    return made


async def test_a_policy_that_is_activated_is_in_force_here_at_once_and_soon_everywhere(
    instances: list[Instance],
) -> None:
    here, there = instances
    assert [await here.active(), await there.active()] == [DEFAULT, DEFAULT]
    await here.activate("strict")
    assert await here.active() == STRICT
    began = monotonic()
    while await there.active() != STRICT:
        assert monotonic() - began < 1
        await asyncio.sleep(0.002)


async def test_an_activation_that_is_rolled_back_was_never_in_force(
    instances: list[Instance],
) -> None:
    here, there = instances
    with suppress(LookupError):
        await here.activate("strict", then_fail=True)
    assert [await here.active(), await there.active()] == [DEFAULT, DEFAULT]


async def test_tenants_have_each_their_own(instances: list[Instance]) -> None:
    here, _ = instances
    other = Instance(here.database, here.policies, uuid4())
    await here.activate("strict")
    assert [await here.active(), await other.active()] == [STRICT, DEFAULT]
