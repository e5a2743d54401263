"""`lotabots demo`: a simulated fleet judged through the real API, then real evidence."""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from lotabots.cli.audit.export import require_empty
from lotabots.cli.demo.exported import export_log
from lotabots.cli.demo.fleet import ADMINISTRATOR, Attested, attest_fleet, fleet
from lotabots.cli.demo.models import NAME, attest_models
from lotabots.cli.demo.real import judge_real_evidence
from lotabots.cli.installation import port_option
from lotabots.cli.output import Exit, paint, print_table, say
from lotabots.kernel import LotaError
from lotabots.server import Running, read_settings, run, running
from lotabots.simulator import anchors

MEASURED_SHOWN = 40
PASSWORD_FILE = "demo-admin-password"  # noqa: S105 — a name, not a password


@click.command("demo")
@click.option("--once", is_flag=True, help="Stop after the tables instead of serving on.")
@click.option("--data", type=Path, help="Keep the data here. Default: nowhere.")
@click.option(
    "--export-audit",
    "out",
    type=Path,
    metavar="OUT",
    help="Leave a copy of the audit log in this folder, empty or not there yet.",
)
@port_option
def command(once: bool, data: Path | None, out: Path | None, port: int | None) -> int:
    """Judge SIMULATED nodes and a model through the real API, then real evidence, and say why."""
    if out is not None:
        require_empty(out)
    with folder(data) as place:
        try:
            run(demonstrate(place, once, out, port))
        except LotaError as error:
            if error.code != "WEB_ADDRESS_UNAVAILABLE" or port is not None:
                raise
            run(demonstrate(place, once, out, 0))
    return Exit.OK


@contextmanager
def folder(data: Path | None) -> Iterator[Path]:
    """The folder that was asked for, or one that is removed at the end."""
    if data is not None:
        yield data.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="lotabots-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


async def demonstrate(place: Path, once: bool, out: Path | None, port: int | None) -> None:
    """Starts everything, shows both tables, and serves on unless told to stop."""
    given = {"LOTA_DATA_DIRECTORY": str(place), "LOTA_LOG_LEVEL": "warning"}
    if port is not None or once:
        given["LOTA_WEB_PORT"] = str(port or 0)
    environ = dict(os.environ) | given
    say("Starting PostgreSQL and the services in this process ...")
    began = time.perf_counter()
    async with running(read_settings(environ), environ, anchors=anchors()) as server:
        say(f"Ready at {server.url} after {time.perf_counter() - began:.1f} s.\n")
        password = await asyncio.to_thread(remember, place, server)
        newest = await asyncio.to_thread(show, server, password)
        if out is not None:
            await asyncio.to_thread(export_log, server.url, password, newest.log.entry, out)
        if once:
            return
        say(f"\nServing at {server.url} until Ctrl-C (API: {server.url}/openapi.json).")
        say(f"Look around:  lotabots login --server {server.url} --username {ADMINISTRATOR}")
        say(f"              password  {password}")
        say(f"              lotabots fleet --server {server.url}")
        say(f"              lotabots why wrong-firmware --server {server.url}")
        await server.stopped()


def remember(place: Path, server: Running) -> str:
    """The administrator's password: of this start, or kept beside the data by an earlier one."""
    file = place / PASSWORD_FILE
    if server.admin_password is None:
        return file.read_text()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as kept:
        kept.write(server.admin_password)
    return server.admin_password


def show(server: Running, password: str) -> Attested:
    """The last attestation of the fleet, once both demonstrations were shown as tables."""
    say("Six SIMULATED nodes (a TPM, 8 GPUs and 4 switches each) join and attest by the API ...")
    began = time.perf_counter()
    judged = attest_fleet(server.url, password)
    print_table(
        ["node", "verdict", "level", "first reason", "fix"],
        [(name, paint(one.status), level(one), reason(one), fix(one)) for name, one in judged],
    )
    spent = time.perf_counter() - began
    say(f"{len(judged)} nodes made, enrolled and judged in {spent:.1f} s by the policy `demo`,")
    say("which alone admits simulated hardware: `default` and `strict` refuse all six.\n")
    newest = show_models(server, password)
    judge_real_evidence()
    return newest


def show_models(server: Running, password: str) -> Attested:
    """The last attestation of the good node, which held a model and then another one."""
    say(f"Signing, registering, verifying, approving and promoting the SIMULATED model {NAME} ...")
    judged = attest_models(server.url, password, fleet()[0])
    print_table(
        ["the good node holds", "verdict", "level", "first reason", "fix"],
        [(name, paint(one.status), level(one), reason(one), fix(one)) for name, one in judged],
    )
    say("A node's word about its files is `claimed`: no hardware signs it (docs/models.md).\n")
    return judged[-1][1]


def level(one: Attested) -> str:
    """The weakest level of any device, and that the hardware is simulated.

    What the host says of itself is never more than claimed, and no device of its own.
    """
    order = ("none", "claimed", "challenged", "attested", "bound")
    levels = [device.level for device in one.devices if not device.subject.startswith("host")]
    weakest = min(levels, key=order.index, default="none")
    return f"{weakest} SIMULATED" if one.simulated else weakest


def reason(one: Attested) -> str:
    """Code, device, why, and what was measured."""
    if one.first_reason is None:
        return "every check held"
    first = one.first_reason
    more = "..." if len(first.measured) > MEASURED_SHOWN else ""
    measured = first.measured[:MEASURED_SHOWN] + more
    return f"{first.rule or first.code} ({first.subject}): {first.title} Measured: {measured}"


def fix(one: Attested) -> str:
    """What to do about the first reason."""
    return one.first_reason.fix if one.first_reason else ""
