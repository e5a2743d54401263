"""What nodes report of their resources is kept, read as series, and shown as claimed."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from plugins.api import Api
from plugins.attester import small_node
from plugins.process import make_process
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from lotabots.attestation import AttestationSettings, service
from lotabots.attestation.resource_metrics import NewestReports
from lotabots.attestation.samples import Keeper
from lotabots.evidence.schemes.host_claims import GpuUse, HostUse, Nvml, Report
from lotabots.kernel import Role
from lotabots.reference import ReferenceSettings
from lotabots.runtime.clock import utc_now
from lotabots.runtime.database import Database

pytestmark = pytest.mark.anyio

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def now() -> datetime:
    return utc_now().replace(microsecond=0)


def report(at: datetime, **gpu: Any) -> dict[str, Any]:
    full = Report(
        at=at,
        host=HostUse(uptime=100, threads=64, cpu=50, load1=1.5, memory=2**40),
        nvml=Nvml(status="available", driver="580.65.06"),
        gpus=(
            GpuUse(uuid="GPU-1", **{"temperature": 41, "use": 97, **gpu}),
            GpuUse(uuid="GPU-2", errors={"temperature": "GPU_IS_LOST"}),
        ),
    )
    plain: dict[str, Any] = msgspec.to_builtins(full)
    return plain


@dataclass
class Reporter:
    """A registered node whose agent reports."""

    api: Api
    id: str

    async def send(self, *reports: object, **other: Any) -> httpx.Response:
        sent = {"as_": Role.AGENT, "node": self.id} | other
        body = {"reports": list(reports)}
        return await self.api.post(f"/v1/nodes/{self.id}/samples", body, **sent)

    async def newest(self) -> Any:
        return (await self.api.get(f"/v1/nodes/{self.id}/resources", Role.VIEWER)).json()

    async def series(self, **params: str) -> httpx.Response:
        return await self.api.get(f"/v1/nodes/{self.id}/samples", Role.VIEWER, params=params)


async def reporter(api: Api) -> Reporter:
    devices = [{"kind": item.kind, "device_id": item.device_id} for item in small_node().inventory]
    body = {"name": f"node-{uuid4()}", "inventory": devices}
    answer = await api.post("/v1/nodes", body)
    assert answer.status_code == 201, answer.text
    return Reporter(api, answer.json()["id"])


async def test_a_report_is_the_newest_of_its_node_and_in_its_series(api: Api) -> None:
    node, at = await reporter(api), now()
    none = await node.newest()
    assert none == {
        "level": "claimed", "node": node.id, "at": None, "stale": True, "report": None,
    }  # fmt: skip
    answer = await node.send(report(at))
    assert (answer.status_code, answer.json()) == (
        201,
        {"level": "claimed", "stored": 1, "known": 0},
    )
    newest = await node.newest()
    assert (newest["level"], newest["stale"]) == ("claimed", False)
    assert datetime.fromisoformat(newest["at"]) == at
    lost = newest["report"]["gpus"][1]
    assert lost == {"uuid": "GPU-2", "errors": {"temperature": "GPU_IS_LOST"}}
    series = (await node.series()).json()
    assert (series["level"], series["node"], series["step_seconds"]) == ("claimed", node.id, 60)
    assert [one["report"] for one in series["samples"]] == [newest["report"]]


async def test_what_an_agent_kept_while_it_was_offline_comes_at_once(api: Api) -> None:
    node, at = await reporter(api), now()
    assert (await node.send(report(at, use=1))).status_code == 201
    late = [report(at - minutes * MINUTE) for minutes in range(20, 0, -1)]
    assert (await node.send(*late)).json() == {"level": "claimed", "stored": 20, "known": 0}
    # The newest stays the newest, and what comes again changes nothing.
    assert (await node.newest())["report"]["gpus"][0]["use"] == 1
    again = [*late[1:], report(at, use=2)]
    assert (await node.send(*again)).json() == {"level": "claimed", "stored": 0, "known": 20}
    assert (await node.newest())["report"]["gpus"][0]["use"] == 1
    assert len((await node.series(**{"from": (at - HOUR).isoformat()})).json()["samples"]) == 21


@pytest.mark.parametrize(
    ("ages", "code", "index"),
    [
        ((-61 * SECOND - MINUTE,), "SAMPLE_FUTURE", 0),
        ((timedelta(days=7) + MINUTE,), "SAMPLE_TOO_OLD", 0),
        ((timedelta(days=6), -10 * MINUTE), "SAMPLE_FUTURE", 1),
        ((MINUTE, 2 * MINUTE), "SAMPLES_DISORDERED", 1),
        ((MINUTE, MINUTE), "SAMPLES_DISORDERED", 1),
    ],
)
async def test_reports_of_a_time_that_cannot_be_are_refused_and_none_is_stored(
    api: Api, ages: tuple[timedelta, ...], code: str, index: int
) -> None:
    node, at = await reporter(api), now()
    answer = await node.send(*(report(at - age) for age in ages))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["details"]["index"] == index
    assert (await node.newest())["at"] is None


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("0001-01-01T00:00:00+14:00", "SAMPLE_TOO_OLD"),
        ("9999-12-31T23:59:59-14:00", "SAMPLE_FUTURE"),
    ],
)
async def test_a_time_that_has_no_utc_is_refused_as_any_other(api: Api, at: str, code: str) -> None:
    node = await reporter(api)
    answer = await node.send({**report(now()), "at": at})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("ahead", [timedelta(), 50 * SECOND])
async def test_a_clock_that_is_a_little_ahead_is_let_in(api: Api, ahead: timedelta) -> None:
    node = await reporter(api)
    assert (await node.send(report(now() + ahead))).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        {"level": "attested"},
        {"at": "2026-01-01T00:00:00"},
        {"at": None},
        {"host": None},
        {"host": {"cpu": 101}},
        {"host": {"load1": -1}},
        {"host": {"disks": [{"mount": "/"}]}},
        {"nvml": {"status": "fine"}},
        {"gpus": [{}] * 65},
        {"gpus": [{"uuid": "a\u0000b"}]},
        {"gpus": [{"temperature": "hot"}]},
        {"gpus": [{"xids": {"x": 1}}]},
        {"gpus": [{"made_up": 1}]},
        {"gpus": [{"memory": 2**70}]},
    ],
    ids=repr,
)
async def test_a_report_of_another_form_is_refused_and_never_an_error_of_ours(
    api: Api, change: dict[str, object]
) -> None:
    node = await reporter(api)
    answer = await node.send({**report(now()), **change})
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"]


@pytest.mark.parametrize("count", [0, 21])
async def test_no_report_and_more_than_twenty_are_refused(api: Api, count: int) -> None:
    node, at = await reporter(api), now()
    reports = [report(at - minutes * MINUTE) for minutes in range(count, 0, -1)]
    assert (await node.send(*reports)).status_code == 400


async def test_an_agent_reports_for_its_own_node_only(api: Api) -> None:
    node = await reporter(api)
    for other in (str(uuid4()), "node-1"):
        answer = await node.send(report(now()), node=other)
        assert (answer.status_code, answer.json()["code"]) == (403, "NODE_NOT_YOURS")
    operator = await node.send(report(now()), as_=Role.OPERATOR, node=None)
    assert (operator.status_code, operator.json()["code"]) == (403, "PERMISSION_DENIED")
    assert (await node.newest())["at"] is None


async def test_the_agent_of_a_revoked_node_reports_no_more(api: Api) -> None:
    node = await reporter(api)
    revoked = await api.post(f"/v1/nodes/{node.id}/revoke", {"reason": "sold"})
    assert revoked.status_code < 300, revoked.text
    answer = await node.send(report(now()))
    assert (answer.status_code, answer.json()["code"]) == (403, "NODE_REVOKED")


async def test_a_node_that_is_not_there_and_one_of_another_tenant_look_alike(api: Api) -> None:
    node = await reporter(api)
    assert (await node.send(report(now()))).status_code == 201
    stranger = Reporter(api.of_another_tenant(), node.id)
    nobody = Reporter(api, str(uuid4()))
    for one in (stranger, nobody):
        for answer in (
            await one.series(),
            await one.api.get(f"/v1/nodes/{one.id}/resources"),
            await one.send(report(now())),
            await one.send(report(now()), as_=Role.ADMIN, node=None),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "NODE_NOT_FOUND")


async def test_a_series_has_the_newest_report_of_each_step(api: Api) -> None:
    node, end = await reporter(api), now()
    start = end - 10 * MINUTE
    times = [start + seconds * SECOND for seconds in (0, 30, 299, 300, 301, 599)]
    reports = [report(at, temperature=place) for place, at in enumerate(times)]
    assert (await node.send(*reports)).status_code == 201
    span = {"from": start.isoformat(), "to": end.isoformat()}
    series = (await node.series(**span, step="5m")).json()
    shown = [one["report"]["gpus"][0]["temperature"] for one in series["samples"]]
    assert (series["step_seconds"], shown) == (300, [2, 5])
    # The end is not part of it, nor is anything after it in its last step.
    short = (await node.series(**(span | {"to": times[4].isoformat()}), step="5m")).json()
    assert [one["report"]["gpus"][0]["temperature"] for one in short["samples"]] == [2, 3]


FIRST, SECOND_OF_JANUARY = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"from": SECOND_OF_JANUARY, "to": FIRST}, "SAMPLES_RANGE"),
        ({"from": FIRST, "to": FIRST}, "SAMPLES_RANGE"),
        ({"from": FIRST, "to": SECOND_OF_JANUARY, "step": "1m"}, "SAMPLES_RANGE"),
        ({"step": "0s"}, "SAMPLES_RANGE"),
        ({"step": "1w"}, "DURATION_MALFORMED"),
        ({"from": "yesterday"}, "TIME_MALFORMED"),
        ({"to": "2026-01-01T00:00:00"}, "TIME_MALFORMED"),
    ],
)  # fmt: skip
async def test_a_series_that_is_none_or_too_long_is_refused(
    api: Api, params: dict[str, str], code: str
) -> None:
    node = await reporter(api)
    answer = await node.series(**params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_long_time_without_a_step_is_read_in_as_many_as_there_may_be(api: Api) -> None:
    node = await reporter(api)
    end = now()
    span = {"from": (end - timedelta(days=90)).isoformat(), "to": end.isoformat()}
    series = (await node.series(**span)).json()
    assert series["step_seconds"] == 90 * 86400 / 300
    assert series["samples"] == []


# What runs beside the API: in one process, with the clock of the test.


@dataclass
class Kept:
    """Rows of nodes in tenants of their own."""

    database: Database

    async def node(self, *times: datetime, **gpu: Any) -> dict[str, str]:
        """The labels of a node that has reported at these times."""
        tenant, node = uuid4(), uuid4()
        async with self.database.transaction(tenant) as tx:
            await tx.execute(
                "insert into attestation.nodes (id, name, created_at) values ($1, 'n', now())", node
            )
            for at in times:
                body = report(at, **gpu)
                del body["at"]
                await tx.execute(
                    "insert into attestation.samples (node_id, at, report) values ($1, $2, $3)",
                    node,
                    at,
                    body,
                )
                await tx.execute(
                    "insert into attestation.latest_samples as l (node_id, at, report)"
                    " values ($1, $2, $3) on conflict (node_id) do update set at = excluded.at",
                    node,
                    at,
                    body,
                )
        return {"tenant": str(tenant), "node": str(node)}

    async def times(self, labels: dict[str, str]) -> list[datetime]:
        async with self.database.transaction(
            msgspec.convert(labels["tenant"], type(uuid4()))
        ) as tx:
            rows = await tx.fetch("select at from attestation.samples order by at")
        return [msgspec.convert(row["at"], datetime) for row in rows]


@pytest.fixture
def kept(database: Database) -> Kept:
    return Kept(database)


async def test_reports_are_deleted_once_they_are_older_than_they_are_kept(
    kept: Kept, database: Database
) -> None:
    at = now()
    days = [at - timedelta(days=days) for days in (9, 3.1, 2.9, 0)]
    first, second = await kept.node(*days), await kept.node(*days[:1])
    process = make_process(database, io.BytesIO())
    await Keeper(AttestationSettings(sample_days=3)).sweep(process)
    assert await kept.times(first) == days[2:]
    assert await kept.times(second) == []


Exported = Callable[[], dict[str, list[tuple[dict[str, str], float]]]]


def exported(newest: NewestReports, registry: Any) -> dict[str, list[tuple[dict[str, str], float]]]:
    del newest
    text = generate_latest(registry).decode()
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
        if family.name.startswith("lotabots_claimed_")
    }


async def test_the_newest_reports_of_all_tenants_are_gauges_while_they_are_new(
    kept: Kept, database: Database
) -> None:
    process = make_process(database, io.BytesIO())
    moment = [now()]
    newest = NewestReports(process.telemetry.registry, lambda: moment[0], 1000)
    fresh = await kept.node(moment[0] - MINUTE, power=700_000, xids={"79": 2, "13": 1})
    stale = await kept.node(moment[0] - 6 * MINUTE)
    await newest.refresh(process)
    shown = exported(newest, process.telemetry.registry)
    gpu0, gpu1 = fresh | {"gpu": "0"}, fresh | {"gpu": "1"}
    assert (gpu0, 41.0) in shown["lotabots_claimed_gpu_temperature_celsius"]
    assert (gpu0, 700.0) in shown["lotabots_claimed_gpu_power_watts"]
    assert (gpu0, 3.0) in shown["lotabots_claimed_gpu_xid_errors"]
    assert (fresh, 0.5) in shown["lotabots_claimed_node_cpu_ratio"]
    # What was not read has no value, and what is old is not shown.
    assert gpu1 not in [labels for labels, _ in shown["lotabots_claimed_gpu_temperature_celsius"]]
    everywhere = [labels for samples in shown.values() for labels, _ in samples]
    assert stale["node"] not in {labels["node"] for labels in everywhere}
    moment[0] += 5 * MINUTE
    later = exported(newest, process.telemetry.registry)
    assert all(
        labels["node"] != fresh["node"] for samples in later.values() for labels, _ in samples
    )


async def test_no_more_nodes_are_shown_than_the_setting_says(
    kept: Kept, database: Database
) -> None:
    process = make_process(database, io.BytesIO())
    newest = NewestReports(process.telemetry.registry, process.clock, 2)
    for _ in range(3):
        await kept.node(now())
    await newest.refresh(process)
    shown = exported(newest, process.telemetry.registry)
    assert len(shown["lotabots_claimed_report_timestamp_seconds"]) == 2


@pytest.mark.parametrize(("most", "shown"), [(0, False), (1, True)])
async def test_metrics_of_nodes_are_looked_up_only_where_they_are_to_be_shown(
    database: Database, most: int, shown: bool
) -> None:
    settings = AttestationSettings(resource_metrics=most)
    process = make_process(database, io.BytesIO(), settings, ReferenceSettings())
    loops = {loop.name for loop in service(process).loops}
    assert "attestation.samples" in loops
    assert ("attestation.resources" in loops) is shown
