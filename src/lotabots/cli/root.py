"""The root command: loads a command's file when it is called, and turns errors into words."""

import gc
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from lotabots import __version__
from lotabots.cli.lazy import Lazy
from lotabots.cli.output import Exit, printable, say
from lotabots.kernel import LotaError

COMMANDS = {
    "account": ("lotabots.cli.account", "Look after your own password, sessions and data."),
    "agent": ("lotabots.cli.agent", "Let this machine join a server, and attest itself."),
    "attestation": ("lotabots.cli.attestation", "Look at attestations, and judge one again."),
    "audit": ("lotabots.cli.audit", "Read, check, copy, watch and witness the audit log."),
    "config": ("lotabots.cli.config", "Show the settings, and change some while servers run."),
    "demo": (
        "lotabots.cli.demo",
        "Judge a simulated fleet through the real API, then keep serving.",
    ),
    "doctor": ("lotabots.cli.doctor", "Say what this machine lacks, and how to mend it."),
    "events": ("lotabots.cli.events", "Show what happened to nodes, and follow what happens."),
    "explain": ("lotabots.cli.explain", "Say what a code means and what to do about it."),
    "fleet": ("lotabots.cli.fleet", "Show all nodes at a glance, and judge them all again."),
    "key": ("lotabots.cli.key", "Make, list and revoke API keys."),
    "keys": ("lotabots.cli.keys", "List, rotate and revoke the keys that sign."),
    "login": ("lotabots.cli.login", "Trade a password for a session."),
    "logout": ("lotabots.cli.logout", "End the session of `login`."),
    "model": ("lotabots.cli.model", "Verify, scan, sign, register and promote AI models."),
    "node": ("lotabots.cli.node", "Enrol nodes, look at them, take them out of service."),
    "policy": ("lotabots.cli.policy", "Check, show and try policies."),
    "reference": ("lotabots.cli.reference", "Pack, inspect, import and export reference bundles."),
    "revocation": ("lotabots.cli.revocation", "Revoke devices, drivers, files and keys."),
    "serve": ("lotabots.cli.serve", "Serve some of the services in this process."),
    "tenant": ("lotabots.cli.tenant", "Make, list, disable and enable tenants."),
    "up": ("lotabots.cli.up", "Serve everything in one process, on a database of its own."),
    "user": ("lotabots.cli.user", "Manage the users of a tenant."),
    "verify": ("lotabots.cli.verify", "Verify evidence or a result token, offline."),
    "webhook": ("lotabots.cli.webhook", "Have events delivered; verify what was delivered."),
    "why": ("lotabots.cli.why", "Say why a node stands as it does, and what to do about it."),
}


class Root(Lazy):
    """All commands."""

    LOADS = COMMANDS


@click.group(
    cls=Root,
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
    # Nothing of what is imported is garbage, and looking for it is a tenth of a short command. The
    # threshold is one that servers run with too.
    gc.set_threshold(20_000, 20, 20)
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
        for name, value in error.details.items():
            say(f"  {printable(name)}: {printable(str(value))}")
        say(f"What to do: lotabots explain {error.code}")
        sys.exit(Exit.FAILED)
    except OSError as error:
        say(f"{error.filename or 'input/output'}: {error.strerror or error}")
        sys.exit(Exit.FAILED)
    sys.exit(status if isinstance(status, int) else Exit.OK)
