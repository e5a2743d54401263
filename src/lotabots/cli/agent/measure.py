"""`lotabots agent measure`: what this machine is now, for an operator to approve."""

from pathlib import Path

import click

from lotabots.agent import measured
from lotabots.cli.agent.options import config_option, settings_of, state_option, tcti_option
from lotabots.cli.output import Exit, say


@click.command("measure")
@click.argument("folder", type=Path)
@state_option
@tcti_option
@config_option
def command(folder: Path, state: Path | None, tcti: str | None, config: Path | None) -> int:
    """Write reference files into FOLDER that this machine would pass as it is now.

    It is a proposal: a machine that is held against its own word proves only that it has not
    changed. An operator looks at the files, and puts them into force with `lotabots reference add`.
    """
    files = measured(settings_of(state=state, config=config, tcti=tcti))
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    if not files:
        say("This node has no TPM: there is nothing to measure.")
        return Exit.INCONCLUSIVE
    say(f"{len(files)} files in {folder}: look at them, then `lotabots reference add {folder}`.")
    return Exit.OK
