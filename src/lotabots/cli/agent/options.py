"""Which agent is meant: its state folder and its settings, from options and environment."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

from lotabots.agent import AgentSettings, read_agent_settings

state_option = click.option(
    "--state",
    type=Path,
    help="The folder of this agent's key and credential. Default: /var/lib/lotabots-agent.",
)
tcti_option = click.option(
    "--tcti", help="How the TPM is reached, e.g. swtpm:host=127.0.0.1,port=2321."
)
config_option = click.option(
    "--config", type=Path, help="A TOML file with the settings of section [agent]."
)


def settings_of(
    *,
    state: Path | None,
    config: Path | None = None,
    tcti: str | None = None,
    more: Mapping[str, str] | None = None,
) -> AgentSettings:
    """The settings, with the options of the command line put over them."""
    given = {"LOTA_AGENT_STATE": state, "LOTA_AGENT_TCTI": tcti}
    put = {name: str(value) for name, value in given.items() if value is not None}
    return read_agent_settings(dict(os.environ) | put | dict(more or {}), file=config)
