"""`lotabots agent`: this machine joins a server as a node, attests itself, and leaves."""

import click

from lotabots.cli.lazy import Lazy

COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("lotabots.cli.agent.doctor", "Say what the agent lacks here, and how to mend it."),
    "join": ("lotabots.cli.agent.join", "Enrol this machine with TOKEN@SERVER."),
    "leave": ("lotabots.cli.agent.leave", "Forget key and credential of this machine."),
    "measure": ("lotabots.cli.agent.measure", "Write what this machine is as reference files."),
    "run": ("lotabots.cli.agent.run", "Attest this machine again and again, or once."),
    "status": ("lotabots.cli.agent.status", "Show how this machine's agent last fared."),
}


class Agent(Lazy):
    """The commands of the agent."""

    LOADS = COMMANDS


@click.group("agent", cls=Agent)
def command() -> None:
    """Join a server as a node, attest this machine, see how that went.

    An operator makes the token with `lotabots node enroll`. Every option is also a variable
    (LOTA_AGENT_STATE, LOTA_AGENT_TCTI, ...), for the service that runs it (deploy/agent).
    """
