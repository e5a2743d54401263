"""The newest reports of nodes at /metrics: for few enough nodes, and for as long as they are new.

The names say `claimed`: software of the node's owner has said it. Labels are ids alone, since who
reads metrics may not know what a tenant calls its nodes.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from lotabots.attestation.samples import STALE
from lotabots.evidence.schemes.host_claims import GpuUse, HostUse, Measured
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop

SECONDS = 15.0
"""How often the newest reports are looked up."""
_OF_NODE = ("tenant", "node")
_OF_GPU = ("tenant", "node", "gpu")

_NEWEST = """
select tenant_id, node_id, at, report from attestation.latest_samples
where at > $1 order by node_id limit $2
"""


class _Latest(msgspec.Struct, frozen=True):
    tenant_id: UUID
    node_id: UUID
    at: datetime
    report: Measured


class _Gauge(NamedTuple):
    name: str
    text: str
    read: Callable[..., float | None]


def _of(name: str, per: float = 1.0) -> Callable[[HostUse | GpuUse], float | None]:
    """What a field says, in units of `per`; None where it was not read."""

    def read(of: HostUse | GpuUse) -> float | None:
        value = getattr(of, name)
        return None if value is None else value / per

    return read


_NODE_GAUGES = (
    _Gauge("node_cpu_ratio", "Use of all processors since the report before", _of("cpu", 100)),
    _Gauge("node_load1", "Load average over a minute", _of("load1")),
    _Gauge("node_memory_bytes", "Memory of the host", _of("memory")),
    _Gauge("node_memory_available_bytes", "Memory not in use", _of("memory_available")),
    _Gauge("node_uptime_seconds", "Time since the host was booted", _of("uptime")),
)
_GPU_GAUGES = (
    _Gauge("gpu_use_ratio", "Share of time in which a kernel ran", _of("use", 100)),
    _Gauge("gpu_memory_bytes", "Memory of the GPU", _of("memory")),
    _Gauge("gpu_memory_used_bytes", "Memory in use", _of("memory_used")),
    _Gauge("gpu_temperature_celsius", "Temperature of the GPU", _of("temperature")),
    _Gauge("gpu_power_watts", "Power that the GPU draws", _of("power", 1000)),
    _Gauge("gpu_power_limit_watts", "Power that it may draw", _of("power_limit", 1000)),
    _Gauge("gpu_clock_hertz", "Clock of its processors", _of("clock_sm", 1e-6)),
    _Gauge("gpu_ecc_uncorrected", "Memory errors since driver load", _of("ecc_uncorrected")),
    _Gauge("gpu_rows_remapped", "Rows of memory that were replaced", _of("rows_remapped")),
    _Gauge("gpu_rows_pending", "1: a row waits for a reset to be replaced", _of("rows_pending")),
    _Gauge("gpu_rows_failed", "1: a row could not be replaced", _of("rows_failed")),
    _Gauge("gpu_nvlinks_up", "NVLinks that are up", _of("nvlinks_up")),
    _Gauge("gpu_xid_errors", "Critical errors (XID) since the agent listens",
           lambda gpu: None if gpu.xids is None else sum(gpu.xids.values())),
)  # fmt: skip


class NewestReports(Collector):
    """What was looked up last, without what has grown old since."""

    def __init__(
        self, registry: CollectorRegistry, clock: Callable[[], datetime], most: int
    ) -> None:
        self._clock = clock
        self._most = most
        self._known: list[_Latest] = []
        registry.register(self)

    @property
    def loop(self) -> Loop:
        """Looks them up."""
        return Loop("attestation.resources", seconds=SECONDS, run=self.refresh)

    async def refresh(self, process: Process) -> None:
        """Looks up the newest reports of all tenants, of nodes in the order of their ids."""
        after = process.clock() - STALE
        async with process.database.transaction(None, login="watch:") as tx:
            self._known = await tx.fetch(_NEWEST, after, self._most, into=_Latest)

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: what there is follows from what nodes report."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """A gauge for each thing that some node reports; what it did not read has no value."""
        after = self._clock() - STALE
        known = [one for one in self._known if one.at > after]
        at = _family("report_timestamp_seconds", "When the node made its newest report", _OF_NODE)
        for one in known:
            at.add_metric(_labels(one), one.at.timestamp())
        yield at
        for gauge in _NODE_GAUGES:
            family = _family(gauge.name, gauge.text, _OF_NODE)
            for one in known:
                if (value := gauge.read(one.report.host)) is not None:
                    family.add_metric(_labels(one), value)
            yield family
        for gauge in _GPU_GAUGES:
            family = _family(gauge.name, gauge.text, _OF_GPU)
            for one in known:
                # By place: whoever reports could make up a new UUID every minute.
                for place, gpu in enumerate(one.report.gpus):
                    if (value := gauge.read(gpu)) is not None:
                        family.add_metric([*_labels(one), str(place)], value)
            yield family


def _family(name: str, text: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"lotabots_claimed_{name}", f"{text} (claimed)", labels=labels)


def _labels(of: _Latest) -> list[str]:
    return [str(of.tenant_id), str(of.node_id)]
