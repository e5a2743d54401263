"""Whose log it is: keys and policies from the command line, as a C2SP tlog-policy."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from lotabots.cli.values import read_file
from lotabots.cli.vkeys import vkeys
from lotabots.tlog import Policy

F = TypeVar("F", bound=Callable[..., object])


def trust_options(command: F) -> F:
    """Adds `--log-key` and `--policy`; the command takes `log_key` and `policy_file`."""
    policy = click.option(
        "--policy",
        "policy_file",
        type=Path,
        help="A policy file (C2SP tlog-policy): the log's keys, and which witnesses must cosign.",
    )
    key = click.option(
        "--log-key",
        "--key",
        "log_key",
        multiple=True,
        metavar="VKEY|FILE",
        help="A key of the log, or a file of them.",
    )
    return key(policy(command))


def trusted(log_key: tuple[str, ...], policy_file: Path | None) -> Policy | None:
    """Whom to believe; None where nothing was given. Raises `TLOG_*`, `AUDIT_KEYS_UNREADABLE`."""
    if log_key and policy_file:
        raise click.UsageError("Give --log-key or --policy: a policy names the log's keys itself.")
    if policy_file is not None:
        return read_policy(read_file(policy_file))
    return policy_of(vkeys(log_key)) if log_key else None


def policy_of(keys: list[str]) -> Policy:
    """The policy of a log with these keys and no witnesses. Raises `TLOG_*`."""
    return read_policy("".join(f"log {key}\n" for key in keys).encode() + b"quorum none\n")


def read_policy(data: bytes) -> Policy:
    """The policy that this file writes. Raises `TLOG_*`."""
    return Policy.parse(data)
