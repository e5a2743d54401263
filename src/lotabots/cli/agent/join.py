"""`lotabots agent join`: this machine becomes a node."""

from pathlib import Path
from socket import gethostname

import click

from lotabots.agent import Joined, Simulated, Wanted, join_node
from lotabots.cli.agent.options import config_option, settings_of, state_option, tcti_option
from lotabots.cli.agent.verdict import attest_once
from lotabots.cli.output import Exit, output_option, print_json, say


@click.command("join")
@click.argument("token_at_server", metavar="TOKEN@SERVER")
@click.option("--name", help="What the node is called. Default: the host's name.")
@click.option("--software", is_flag=True, help="Join without the TPM, though there is one.")
@click.option("--simulated", is_flag=True, help="Join a SIMULATED machine instead of this one.")
@click.option("--gpus", type=click.IntRange(0, 8), help="Of the simulated machine. Default: 1.")
@click.option("--chip", help="Of its GPUs. Default: GH100.")
@click.option("--once", is_flag=True, help="Attest once when it has joined, as `run --once` does.")
@state_option
@tcti_option
@config_option
@output_option
def command(
    token_at_server: str,
    name: str | None,
    software: bool,
    simulated: bool,
    gpus: int | None,
    chip: str | None,
    once: bool,
    state: Path | None,
    tcti: str | None,
    config: Path | None,
    output: str,
) -> int:
    """Enrol this machine with what `lotabots node enroll` prints.

    The token names the CA of the server: another server is not spoken with. Key and credential are
    kept in the state folder, for this user alone.
    """
    if not simulated and (gpus is not None or chip is not None):
        raise click.UsageError("--gpus and --chip describe a machine that is --simulated.")
    settings = settings_of(state=state, config=config, tcti=tcti)
    machine = Simulated(1 if gpus is None else gpus, chip or "GH100") if simulated else None
    wanted = Wanted(token_at_server, name or gethostname()[:128] or "node", software, machine)
    joined = join_node(settings, wanted)
    _announce(joined)
    if once:
        return attest_once(settings, output)
    if output == "json":
        print_json(_shown(joined))
    return Exit.OK


def _announce(joined: Joined) -> None:
    kept = joined.kept
    word = "SIMULATED node" if kept.simulation else "Node"
    say(f"{word} {kept.name} has joined {kept.url} as {kept.node} (identity {kept.identity}).")
    for error in joined.failed:
        say(f"Left out: {error.code}: {error.detail}")
    if kept.identity == "software":
        say("Without a TPM its identity is a key in a file: no verdict is better than a warning.")


def _shown(joined: Joined) -> dict[str, object]:
    kept = joined.kept
    return {
        "node": kept.node,
        "name": kept.name,
        "tenant": kept.tenant,
        "server": kept.url,
        "identity": kept.identity,
        "simulated": kept.simulation is not None,
        "expires_at": kept.expires_at,
        "left_out": [{"code": error.code, "detail": error.detail} for error in joined.failed],
    }
