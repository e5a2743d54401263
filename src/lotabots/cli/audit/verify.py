"""`lotabots audit verify`: does a whole copy of a log hold, and if not, what in it does not?"""

from pathlib import Path

import click
import msgspec

from lotabots.cli.audit.copies import CHECKPOINT, KEYS_FILE, Folder, Served, open_copy
from lotabots.cli.output import Exit, output_option, paint, print_json, print_table, say
from lotabots.cli.trust import policy_of, trust_options, trusted
from lotabots.cli.values import read_file
from lotabots.cli.vkeys import vkeys_in
from lotabots.kernel import Kind, LotaError
from lotabots.tlog import EMPTY_ROOT, CopyFinding, CopyReport, Policy, read_note, verify_copy

MAX_SHOWN = 50


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a copy."""

    verdict: str
    origin: str
    size: int
    root: str
    checkpoints: tuple[int, ...]
    """Sizes of the checkpoints in it that hold."""
    keys: str
    """Whose keys it was held against: `given`, or `copy`, which prove only that it agrees."""
    unchecked: tuple[str, ...]
    """Who else signed the checkpoint, by their own word: their keys were not given."""
    unsigned: tuple[str, ...]
    """Files beyond the signed size: nothing in them is proven."""
    findings: tuple[CopyFinding, ...]
    untold: int
    """Findings beyond those that are listed."""


@click.command("verify")
@click.argument("where", metavar="DIR|URL")
@trust_options
@click.option("--since", type=Path, help="A checkpoint that you kept: the copy must extend it.")
@output_option
def verify_command(
    where: str,
    log_key: tuple[str, ...],
    policy_file: Path | None,
    since: Path | None,
    output: str,
) -> int:
    """Check every byte of a copy of a log: a folder (no network is used), or where it is served.

    Every entry is hashed into the tree whose root its checkpoint signs; nothing is sampled. Exit 0
    when all of it holds, 1 with every finding when it does not. Give the log's keys as its operator
    told you: keys that came with the copy prove only that it agrees with itself.
    """
    kept = None if since is None else read_file(since)
    verified = check(open_copy(where), trusted(log_key, policy_file), kept)
    if output == "json":
        print_json(verified)
    else:
        show(verified)
    return Exit.OK if verified.verdict == "accepted" else Exit.REJECTED


def check(copy: Folder | Served, given: Policy | None, since: bytes | None = None) -> Verified:
    """The whole copy held against whom to believe, else against the keys that it brings along."""
    policy = given
    try:
        brought = keys_of(copy)
        if not (given or brought):
            raise click.UsageError("The copy brings no keys along: give --log-key or --policy.")
        policy = given or policy_of(brought)
        report = verify_copy(copy.read, copy.paths(), policy, since=since)
        differ = differing(policy, brought)
    except LotaError as error:
        if error.kind is not Kind.VALIDATION:
            raise
        report = verify_copy(copy.read, copy.paths(), given, since=since) if given else NO_REPORT
        differ = (CopyFinding(error.code, KEYS_FILE, error.detail),)
    findings = (*differ, *report.findings)
    return Verified(
        verdict="rejected" if findings else "accepted",
        origin=report.origin,
        size=report.size,
        root=report.root.hex(),
        checkpoints=report.checkpoints,
        keys="given" if given else "copy",
        unchecked=unchecked(copy, policy),
        unsigned=report.unsigned,
        findings=findings,
        untold=report.untold,
    )


NO_REPORT = CopyReport("", 0, EMPTY_ROOT, (), (), 0, ())
"""Where there is no key to hold anything against."""


def keys_of(copy: Folder | Served) -> list[str]:
    """The keys that the copy brings along; none where it brings none. Raises `AUDIT_KEYS_*`."""
    try:
        return vkeys_in(copy.read(copy.keys_path))
    except LotaError as error:
        if error.kind is Kind.NOT_FOUND:
            return []
        raise


def differing(policy: Policy, brought: list[str]) -> tuple[CopyFinding, ...]:
    """A finding where the copy brings keys, and not those that it is held against."""
    if not brought:
        return ()
    policy_of(brought)  # a damaged key is a finding too
    if {key.vkey() for key in policy.log_keys()} <= set(brought):
        return ()
    detail = "The keys that came with the copy are not those that were given."
    return (CopyFinding("AUDIT_KEYS_DIFFER", KEYS_FILE, detail),)


def unchecked(copy: Folder | Served, policy: Policy | None) -> tuple[str, ...]:
    """The names under the checkpoint for which no key was given."""
    known = set()
    if policy is not None:
        verifiers = [*policy.log_keys(), *(one.verifier for one in policy.witnesses)]
        known = {(one.name, one.key_id) for one in verifiers}
    try:
        signatures = read_note(copy.read(CHECKPOINT)).signatures
    except LotaError:
        return ()
    return tuple(one.name for one in signatures if (one.name, one.key_id) not in known)


def show(verified: Verified) -> None:
    """The answer for a person."""
    click.echo(f"{paint(verified.verdict)}  {verified.origin}  {verified.size} entries")
    click.echo(f"root {verified.root}")
    if verified.keys == "copy":
        say("Held against the keys that came with the copy: it agrees with itself, no more.")
        say("Get the log's keys from its operator and give them with --log-key.")
    if verified.unchecked:
        say(f"Not checked, as their keys were not given: {', '.join(verified.unchecked)}.")
    if verified.unsigned:
        say(f"{len(verified.unsigned)} files lie beyond the signed size and prove nothing.")
    shown = verified.findings[:MAX_SHOWN]
    if shown:
        print_table(["code", "file", "what is wrong"], [(f.code, f.path, f.detail) for f in shown])
    more = len(verified.findings) - len(shown) + verified.untold
    if more:
        say(f"... and {more} more.")
