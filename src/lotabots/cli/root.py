"""The root command: loads a command's file when it is called, and turns errors into words."""

import importlib
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from lotabots import __version__
from lotabots.cli.output import Exit, needs_server, say
from lotabots.kernel import LotaError

COMMANDS = {
    "account": ("lotabots.cli.account", "Look after your own password, sessions and data."),
    "attestation": ("lotabots.cli.attestation", "Look at attestations, and judge one again."),
    "audit": ("lotabots.cli.audit", "Read, check, copy, watch and witness the audit log."),
    "config": ("lotabots.cli.config", "Show the settings, and change some while servers run."),
    "demo": (
        "lotabots.cli.demo",
        "Judge a simulated fleet through the real API, then keep serving.",
    ),
    "doctor": ("lotabots.cli.doctor", "Say what this machine lacks, and how to mend it."),
    "explain": ("lotabots.cli.explain", "Say what a code means and what to do about it."),
    "key": ("lotabots.cli.key", "Make, list and revoke API keys."),
    "keys": ("lotabots.cli.keys", "List, rotate and revoke the keys that sign."),
    "login": ("lotabots.cli.login", "Trade a password for a session."),
    "logout": ("lotabots.cli.logout", "End the session of `login`."),
    "policy": ("lotabots.cli.policy", "Check, show and try policies."),
    "reference": ("lotabots.cli.reference", "Pack, inspect, import and export reference bundles."),
    "serve": ("lotabots.cli.serve", "Serve some of the services in this process."),
    "tenant": ("lotabots.cli.tenant", "Make, list, disable and enable tenants."),
    "up": ("lotabots.cli.up", "Serve everything in one process, on a database of its own."),
    "user": ("lotabots.cli.user", "Manage the users of a tenant."),
    "verify": ("lotabots.cli.verify", "Verify evidence or a result token, offline."),
}


class Lazy(click.Group):
    """A group whose commands are imported when they are called: start-up stays light."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        try:
            command = importlib.import_module(module).command
        except ModuleNotFoundError as error:
            ctx.exit(needs_server(cmd_name, error))
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.command is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands in `--help`, from words kept here: no command is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in sorted(COMMANDS.items())])


@click.group(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 accepted or done, 1 rejected, 2 usage, 3 inconclusive, 4 failed.",
)
@click.version_option(__version__, prog_name="lotabots", message="%(prog)s %(version)s")
@click.option("--no-color", is_flag=True, help="No colours, whatever the terminal.")
@click.pass_context
def root(ctx: click.Context, no_color: bool) -> None:
    """Proof that a genuine, securely configured GPU node runs what it should."""
    if no_color:
        ctx.color = False


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line and exits with the code that DESIGN section 7 gives it."""
    if not sys.warnoptions:
        # Libraries warn about odd certificates; what is odd about them is a finding of ours.
        warnings.simplefilter("ignore")
    try:
        status = root.main(args=arguments, prog_name="lotabots", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.")
        sys.exit(130)
    except LotaError as error:
        say(f"{error.code}: {error.detail}")
        say(f"What to do: lotabots explain {error.code}")
        sys.exit(Exit.FAILED)
    except OSError as error:
        say(f"{error.filename or 'input/output'}: {error.strerror or error}")
        sys.exit(Exit.FAILED)
    sys.exit(status if isinstance(status, int) else Exit.OK)
