"""`lotabots agent run`: the agent's loop, or one attestation."""

import os
from pathlib import Path

import click

from lotabots.agent import opened
from lotabots.cli.agent.options import config_option, settings_of, state_option, tcti_option
from lotabots.cli.agent.verdict import attest_once
from lotabots.cli.output import Exit, output_option, say
from lotabots.kernel import LotaError
from lotabots.runtime.telemetry import open_telemetry


@click.command("run")
@click.option("--once", is_flag=True, help="Attest once and show the verdict.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT[@DEVICE]",
    help="Plant this in a SIMULATED machine, e.g. gpu_swapped@gpu0.",
)
@state_option
@tcti_option
@config_option
@output_option
def command(
    once: bool,
    faults: tuple[str, ...],
    state: Path | None,
    tcti: str | None,
    config: Path | None,
    output: str,
) -> int:
    """Attest this machine at the pace that its policy asks for, until told to stop.

    Exit codes of --once: 0 accepted, 1 rejected, 3 inconclusive, 4 failed. The loop itself ends by
    a signal (0), or when an operator has revoked the node (1); whatever else happens, it goes on.
    """
    settings = settings_of(state=state, config=config, tcti=tcti)
    if once:
        return attest_once(settings, output, faults)
    log = open_telemetry(settings.log_level).log
    with opened(settings, log, environ=os.environ, faults=faults) as agent:
        try:
            agent.run()
        except LotaError as error:
            say(f"{error.code}: {error.detail}")
            return Exit.REJECTED
    return Exit.OK
