"""One attestation of this machine, and its verdict in words or as JSON."""

import os

import click

from lotabots.agent import AgentSettings, Attested, opened
from lotabots.cli.output import EXIT_OF, paint, print_json, print_table
from lotabots.cli.verify_gpu import print_findings
from lotabots.runtime.telemetry import open_telemetry


def attest_once(settings: AgentSettings, output: str, faults: tuple[str, ...] = ()) -> int:
    """The exit code of the verdict on one full attestation, which is printed."""
    log = open_telemetry("warning").log
    with opened(settings, log, environ=os.environ, faults=faults) as agent:
        attested = agent.once()
    if output == "json":
        print_json(attested)
    else:
        show(attested)
    return EXIT_OF[attested.status]


def show(attested: Attested) -> None:
    """The verdict for a person."""
    word = "  SIMULATED" if attested.simulated else ""
    click.echo(f"{paint(attested.status)}{word}  tier {attested.tier}  by {attested.policy}")
    rows = [(one.subject, paint(one.status), one.level) for one in attested.devices]
    print_table(["device", "verdict", "level"], rows)
    print_findings(attested.findings)
    click.echo(f"\nattestation {attested.id}; next: {attested.next.scope}")
