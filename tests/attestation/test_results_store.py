"""What a revocation reads of a large fleet: of each node its own attestations, by their index."""

from uuid import uuid4

import asyncpg
import pytest
from plugins.database import DatabaseUrls

from lotabots.attestation import results_store
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database

pytestmark = pytest.mark.anyio
FLEET = """
insert into attestation.nodes (id, tenant_id, name, created_at)
select gen_random_uuid(), $1, 'node ' || i, now() from generate_series(1, 2000) i
"""
ATTESTATIONS = """
insert into attestation.attestations (
    id, tenant_id, hardware_id, attestation_type, status, metadata, created_at, challenge_id,
    policy_id, reference_digest, collateral_digest, appraisal_digest, appraiser_version,
    appraiser_digest, inputs_sha256, verdict, parcel, entry_id
)
select gen_random_uuid(), $1, n.id::text, case when i = 4 then 'node' else 'light' end, 'accepted',
    '{}', now() - i * interval '1 minute', gen_random_uuid(), 'p', repeat('a', 64),
    repeat('a', 64), repeat('a', 64), 'v', repeat('a', 64), repeat('a', 64),
    case when i = 4 then $2 else '{}'::bytea end, '', gen_random_uuid()
from attestation.nodes n, generate_series(1, 4) i
"""
RESULTS = """
insert into attestation.results (
    id, tenant_id, attestation_id, session_key, status_index, issued_at, expires_at
)
select gen_random_uuid(), $1, a.id, '', 1, a.created_at, a.created_at + interval '5 minutes'
from attestation.attestations a
"""


async def test_a_driver_of_thousands_of_nodes_is_found_without_reading_all_for_each(
    fresh_database_urls: DatabaseUrls,
) -> None:
    tenant, verdict = uuid4(), b'{"driver":"1.2.3"}'
    owner = await asyncpg.connect(fresh_database_urls.owner)
    await owner.execute("select set_config('lotabots.tenant', $1, false)", str(tenant))
    await owner.execute("set session_replication_role = replica")  # challenges are left out
    await owner.execute(FLEET, tenant)
    await owner.execute(ATTESTATIONS, tenant, verdict)
    await owner.execute(RESULTS, tenant)
    for table in ("nodes", "attestations", "results"):
        await owner.execute(f"analyze attestation.{table}")
    await owner.close()
    database = await Database.open(fresh_database_urls.app, connections=1)
    try:
        async with database.transaction(tenant) as tx:
            plan = await tx.fetch(
                f"explain {results_store._SAYING}", "1.2.3", utc_now(), results_store.LOOK_BACK
            )
            hit = await results_store.standing_on(tx, "driver", "1.2.3", utc_now())
            over = await results_store.revoke_of_each(tx, hit, "it is old", utc_now())
            left = await results_store.in_force_on(tx, "driver", "1.2.3", utc_now())
            none = await results_store.standing_on(tx, "driver", "1.2", utc_now())
    finally:
        await database.close()
    assert not [line for row in plan if "Seq Scan on attestations" in (line := str(row))]
    assert (len(hit), len(over), set(over.values())) == (2000, 2000, {4})
    assert (left, none) == ([], [])
