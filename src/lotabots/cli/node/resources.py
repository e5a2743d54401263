"""`lotabots node resources NODE`: what a node says of its resources, now or over some time."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.node.served import node_id
from lotabots.cli.output import Exit, output_option, print_table, say
from lotabots.evidence.schemes.host_claims import GpuUse, HostUse, Measured
from lotabots.kernel import format_time, parse_duration
from lotabots.runtime.clock import utc_now

UNREAD = "-"
CLAIMED = "claimed: the node's own software says so, and nothing of it is proven"


class Resources(msgspec.Struct):
    """The newest report of a node."""

    level: str
    at: str | None
    stale: bool
    report: Measured | None


class Sample(msgspec.Struct):
    """One report of a series."""

    at: str
    report: Measured


class Samples(msgspec.Struct):
    """Reports, at most one in each step."""

    level: str
    step_seconds: int
    samples: list[Sample]


@click.command("resources")
@click.argument("node")
@click.option("--since", metavar="TIME", help="A series of this time instead: 30m, 12h, 7d.")
@click.option("--step", metavar="TIME", help="One report of each of these: 30s, 5m, 1h.")
@output_option
@server_option
def command(node: str, since: str | None, step: str | None, output: str, server: str) -> int:
    """Show what NODE (id or name) says of its processors, memory, disks and GPUs.

    The exit code is 3 if it has said nothing in the last five minutes.
    """
    if step is not None and since is None:
        raise click.UsageError("--step is of a series: say --since, too.")
    with connect(server) as client:
        path = f"/v1/nodes/{node_id(client, node)}"
        if since is None:
            answer = client.get(f"{path}/resources")
        else:
            start = utc_now() - max(parse_duration(since), timedelta(seconds=1))
            answer = client.get(f"{path}/samples", **{"from": format_time(start)}, step=step)
    if output == "json":
        click.echo(answer.decode())
    if since is not None:
        return _series(msgspec.json.decode(answer, type=Samples), quiet=output == "json")
    return _newest(msgspec.json.decode(answer, type=Resources), quiet=output == "json")


def _newest(found: Resources, *, quiet: bool) -> int:
    if found.report is None:
        say("It has never said anything of its resources: its agent reports them once a minute.")
        return Exit.INCONCLUSIVE
    if not quiet:
        report = found.report
        click.echo(f"at {found.at}{'  STALE' if found.stale else ''}  ({CLAIMED})")
        print_table(["host", "use"], _host(report.host))
        click.echo()
        if report.gpus:
            print_table(_GPU_COLUMNS, [_gpu(at, gpu) for at, gpu in enumerate(report.gpus)])
        else:
            click.echo(f"no GPU: NVML is {report.nvml.status} ({report.nvml.error or 'none'})")
        for text in _troubles(report.gpus):
            say(text)
    return Exit.INCONCLUSIVE if found.stale else Exit.OK


def _series(found: Samples, *, quiet: bool) -> int:
    if not quiet:
        click.echo(f"every {found.step_seconds} s  ({CLAIMED})")
        rows = [
            (
                one.at,
                _percent(one.report.host.cpu),
                _gibibytes(one.report.host.memory_available),
                _percent(_most([gpu.use for gpu in one.report.gpus])),
                _degrees(_most([gpu.temperature for gpu in one.report.gpus])),
                _watts(_sum([gpu.power for gpu in one.report.gpus])),
            )
            for one in found.samples
        ]
        columns = ["at", "cpu", "free memory", "busiest gpu", "hottest gpu", "power of gpus"]
        print_table(columns, rows)
    return Exit.OK if found.samples else Exit.INCONCLUSIVE


def _host(host: HostUse) -> Iterator[tuple[str, str]]:
    yield "cpu", f"{_percent(host.cpu)} of {_word(host.threads)} threads, load {_word(host.load1)}"
    yield "memory", f"{_gibibytes(host.memory_available)} free of {_gibibytes(host.memory)}"
    for disk in host.disks:
        yield disk.mount, f"{_gibibytes(disk.available)} free of {_gibibytes(disk.total)}"
    if host.uptime is not None:
        yield "uptime", str(timedelta(seconds=host.uptime))


_GPU_COLUMNS = ["gpu", "use", "memory", "temperature", "power", "clock", "nvlinks", "uuid"]


def _gpu(place: int, gpu: GpuUse) -> tuple[str, ...]:
    return (
        str(place),
        _percent(gpu.use),
        f"{_gibibytes(gpu.memory_used)} of {_gibibytes(gpu.memory)}",
        _degrees(gpu.temperature),
        f"{_watts(gpu.power)} of {_watts(gpu.power_limit)}",
        UNREAD if gpu.clock_sm is None else f"{gpu.clock_sm} MHz",
        _word(gpu.nvlinks_up),
        _word(gpu.uuid),
    )


def _troubles(gpus: Sequence[GpuUse]) -> Iterator[str]:
    """A line for each thing of a GPU that somebody should look at."""
    for place, gpu in enumerate(gpus):
        told = {
            "uncorrected memory errors": gpu.ecc_uncorrected,
            "a row of memory waits for a reset": gpu.rows_pending,
            "a row of memory could not be replaced": gpu.rows_failed,
            "a page of memory waits for a reset": gpu.pages_pending,
            "a repair waits for a reset": gpu.repair_pending,
        }
        for text, value in told.items():
            if value:
                yield f"gpu {place}: {text}" + ("" if value is True else f": {value}")
        for xid, count in sorted((gpu.xids or {}).items()):
            yield f"gpu {place}: XID {xid}, {count} times"
        if gpu.recovery not in (None, "none"):
            yield f"gpu {place}: the driver asks for {gpu.recovery}"
        if "GPU_IS_LOST" in gpu.errors.values():
            yield f"gpu {place}: it is lost"


def _word(value: object) -> str:
    return UNREAD if value is None else str(value)


def _percent(value: int | None) -> str:
    return UNREAD if value is None else f"{value} %"


def _degrees(value: int | None) -> str:
    return UNREAD if value is None else f"{value} °C"


def _watts(value: int | None) -> str:
    return UNREAD if value is None else f"{value / 1000:.0f} W"


def _gibibytes(value: int | None) -> str:
    return UNREAD if value is None else f"{value / 1024**3:.1f} GiB"


def _most(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
