"""`lotabots verify token`: is this result genuine, in force, for me, and what does it say?"""

import sys
from datetime import datetime
from pathlib import Path

import click
import msgspec

from lotabots.cli.output import EXIT_OF, Exit, output_option, paint, print_json, print_table
from lotabots.cli.trust import trust_options, trusted
from lotabots.cli.values import TimeValue, read_file
from lotabots.kernel import LotaError, VerificationKeys, format_time
from lotabots.result import (
    SKEW,
    VALID,
    Result,
    StatusList,
    check_receipt,
    read_result,
    read_status_list,
)
from lotabots.runtime.clock import utc_now
from lotabots.tlog import Policy


class Checked(msgspec.Struct):
    """One thing that was held against the token: `holds` is None where nothing was given."""

    what: str
    holds: bool | None
    detail: str
    code: str = ""


@click.command("token")
@click.argument("token")
@click.option(
    "--jwks", type=Path, required=True, help="The issuer's keys (/.well-known/jwks.json)."
)
@click.option("--issuer", help="Who must have issued it.")
@click.option("--audience", help="For whom it must be.")
@click.option("--subject", help="The node that it must be about.")
@click.option("--status", type=Path, help="The issuer's signed status list (/v1/status).")
@trust_options
@click.option("--at", type=TimeValue(), help="Judge as of this time instead of now.")
@output_option
def token_command(
    token: str,
    jwks: Path,
    issuer: str | None,
    audience: str | None,
    subject: str | None,
    status: Path | None,
    log_key: tuple[str, ...],
    policy_file: Path | None,
    at: datetime | None,
    output: str,
) -> int:
    """Verify a result TOKEN (its text, a file that holds it, or - for stdin), offline.

    What you leave out is not checked, and the answer says so. The token must be genuine and in
    force; then the exit code is that of its verdict. With --log-key or --policy the receipt inside
    must prove that the audit log holds this very appraisal.
    """
    keys = VerificationKeys.from_jwks(read_file(jwks))
    now = at or utc_now()
    try:
        result = read_result(text_of(token), keys)
    except LotaError as error:
        return refuse(error, output)
    listed = read_status_list(text_of(str(status)), keys) if status else None
    checks = [
        Checked("signature", True, "signed by a key of the issuer"),
        in_force(result, now),
        named("issuer", issuer, result.issuer),
        named("audience", audience, result.audience),
        named("subject", subject, result.subject, "ADMIT_SUBJECT"),
        not_revoked(result, listed, now),
        logged(result, trusted(log_key, policy_file)),
    ]
    return report(result, checks, output)


def text_of(argument: str) -> str:
    """The token itself, from the command line, a file, or stdin."""
    if argument == "-":
        return sys.stdin.read().strip()
    # A token has two dots and no slash in its first segments, and no file is named like one.
    if argument.count(".") == 2 and argument.startswith("ey"):
        return argument
    return read_file(Path(argument)).decode("ascii", "replace").strip()


def in_force(result: Result, now: datetime) -> Checked:
    """Whether `now` lies in the token's life."""
    life = f"{format_time(result.issued_at)} to {format_time(result.expires_at)}"
    if result.issued_at > now + SKEW:
        return Checked("time", False, f"not yet in force: {life}", "RESULT_EARLY")
    if result.expires_at <= now:
        return Checked("time", False, f"expired: {life}", "RESULT_EXPIRED")
    return Checked("time", True, life)


def named(what: str, wanted: str | None, found: str, code: str = "RESULT_FOREIGN") -> Checked:
    """Whether the token names whom it must."""
    if wanted is None:
        return Checked(what, None, f"{found} (not checked: give --{what})")
    if wanted == found:
        return Checked(what, True, found)
    return Checked(what, False, f"{found}, expected {wanted}", code)


def not_revoked(result: Result, listed: StatusList | None, now: datetime) -> Checked:
    """Whether the status list still calls it valid."""
    if listed is None:
        return Checked("status", None, "not checked: give --status")
    if result.status is None or result.status.uri != listed.uri:
        detail = "the list is not the one that the token names"
        return Checked("status", False, detail, "ADMIT_STATUS_FOREIGN")
    age = f"list of {format_time(listed.issued_at)}"
    if listed.expires_at <= now:
        return Checked("status", False, f"{age} has expired", "ADMIT_STATUS_STALE")
    if listed.get(result.status.idx) != VALID:
        return Checked("status", False, f"revoked ({age})", "ADMIT_REVOKED")
    return Checked("status", True, f"valid ({age})")


def logged(result: Result, log: Policy | None) -> Checked:
    """Whether the log holds the appraisal."""
    if log is None and result.needs_receipt:
        detail = "its policy asks for a receipt: give --log-key or --policy"
        return Checked("receipt", False, detail, "ADMIT_UNLOGGED")
    if log is None:
        return Checked("receipt", None, "not checked: give --log-key or --policy")
    try:
        receipted = check_receipt(result, log)
    except LotaError as error:
        return Checked("receipt", False, error.detail, error.code)
    checkpoint = receipted.checkpoint
    detail = f"entry {receipted.index} of {checkpoint.origin}, in the tree of {checkpoint.size}"
    return Checked("receipt", True, detail)


def refuse(error: LotaError, output: str) -> int:
    """The answer for a token that is not genuine."""
    if output == "json":
        print_json({"verdict": "rejected", "code": error.code, "message": error.detail})
    else:
        click.echo(f"{paint('rejected')}  {error.code}: {error.detail}")
    return Exit.REJECTED


def report(result: Result, checks: list[Checked], output: str) -> int:
    """The answer for a genuine token: its verdict, unless a check failed."""
    failed = [check for check in checks if check.holds is False]
    verdict = "rejected" if failed else str(result.verdict)
    if output == "json":
        print_json(
            {
                "verdict": verdict,
                "code": failed[0].code if failed else "",
                "checks": checks,
                "result": result,
            }
        )
        return EXIT_OF[verdict]
    light = "  light" if result.scope == "light" else ""
    by = f"by {result.issuer}  policy {result.policy_id}"
    click.echo(f"{paint(verdict)}{light}  {result.subject}  {by}")
    words = {True: "holds", False: "FAILS", None: "-"}
    print_table(["check", "", ""], [(c.what, words[c.holds], c.detail) for c in checks])
    print_table(
        ["part", "verdict", "level", "device"],
        [
            (
                part.subject,
                paint(part.outcome),
                part.level + (" SIMULATED" if part.simulated else ""),
                part.device,
            )
            for part in result.parts
        ],
    )
    return EXIT_OF[verdict]
