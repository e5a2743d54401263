"""`lotabots audit monitor`: follows a log, and says when it did anything but grow."""

import os
import time
from datetime import timedelta
from pathlib import Path

import click

from lotabots.cli.audit.copies import CHECKPOINT, Folder, Served, open_copy
from lotabots.cli.output import Exit, say
from lotabots.cli.trust import trust_options, trusted
from lotabots.cli.values import DurationValue
from lotabots.kernel import Kind, LotaError, equal, invalid
from lotabots.tlog import (
    Checkpoint,
    HashReader,
    Policy,
    prove_consistency,
    verify_consistency,
)

ALARMS = ("AUDIT_ROLLED_BACK", "AUDIT_FORKED", "AUDIT_NOT_EXTENDED")


@click.command("monitor")
@click.argument("where", metavar="URL|DIR")
@trust_options
@click.option("--state", type=Path, required=True, help="Keeps the newest checkpoint seen.")
@click.option("--every", type=DurationValue(), help="Look again and again, so far apart.")
def monitor_command(
    where: str,
    log_key: tuple[str, ...],
    policy_file: Path | None,
    state: Path,
    every: timedelta | None,
) -> int:
    """Hold a log's newest checkpoint against the last one seen, once or --every so often.

    Exit 1 when the log was rolled back, forked or rewritten: both checkpoints are kept as proof,
    the new one beside --state with `.bad` behind its name.
    """
    policy = trusted(log_key, policy_file)
    if policy is None:
        raise click.UsageError("Give --log-key or --policy: whose log is it?")
    copy = open_copy(where)
    while True:
        try:
            say(look(copy, policy, state))
        except LotaError as error:
            say(f"{error.code}: {error.detail}")
            if error.code in ALARMS:
                return Exit.REJECTED
            if every is None:
                return Exit.FAILED
        if every is None:
            return Exit.OK
        time.sleep(every.total_seconds())


def look(copy: Folder | Served, policy: Policy, state: Path) -> str:
    """What was found, in words; the state is moved on. Raises `AUDIT_*` for an alarm, `TLOG_*`."""
    note = copy.read(CHECKPOINT).decode("utf-8", "replace")
    new = policy.check(note)
    if not state.exists():
        keep(state, note)
        return f"{new.origin}: {new.size} entries; watching from here on."
    old = policy.check(state.read_text())
    try:
        compare(old, new, copy)
    except LotaError as error:
        if error.code in ALARMS:
            keep(state.with_name(state.name + ".bad"), note)
        raise
    keep(state, note)
    return f"{new.origin}: {new.size} entries, {new.size - old.size} new, and it only grew."


def compare(old: Checkpoint, new: Checkpoint, copy: Folder | Served) -> None:
    """Returns if the new tree extends the old one. Raises `AUDIT_*`."""
    if new.origin != old.origin:
        raise invalid("AUDIT_OTHER_LOG", f"This is {new.origin}; {old.origin} was watched.")
    if new.size < old.size:
        detail = f"{new.origin} went back from {old.size} to {new.size} entries."
        raise LotaError(Kind.CONFLICT, "AUDIT_ROLLED_BACK", detail)
    if new.size == old.size and not equal(new.root, old.root):
        detail = f"{new.origin} signed two different trees of {new.size} entries."
        raise LotaError(Kind.CONFLICT, "AUDIT_FORKED", detail)
    if 0 < old.size < new.size:
        # The proof is made from what the log serves; a lie in it does not lead to both roots.
        proof = prove_consistency(old.size, new.size, HashReader(copy.read, new.size))
        try:
            verify_consistency(old.size, new.size, proof, old.root, new.root)
        except LotaError as error:
            detail = f"The tree of {new.size} does not extend that of {old.size} entries."
            raise LotaError(Kind.CONFLICT, "AUDIT_NOT_EXTENDED", detail) from error


def keep(file: Path, note: str) -> None:
    """Replaces the file, whole or not at all."""
    draft = file.with_name(f".{file.name}.new")
    with draft.open("w") as written:
        written.write(note)
        written.flush()
        os.fsync(written.fileno())
    draft.replace(file)
