"""`lotabots audit fsck`: does what an operator has of the log hold, and is it what is published?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from lotabots.cli.installation import config_option, data_option, with_options
from lotabots.cli.output import (
    Exit,
    needs_server,
    output_option,
    paint,
    print_json,
    print_table,
    say,
)
from lotabots.kernel import invalid

if TYPE_CHECKING:
    from lotabots.audit import LogReport

MAX_SHOWN = 50


@click.command("fsck")
@data_option
@config_option
@click.option(
    "--mend",
    is_flag=True,
    help="Write published tiles and bundles again that are missing or damaged.",
)
@output_option
def fsck_command(data: Path | None, config: Path | None, mend: bool, output: str) -> int:
    """Hold an installation's database against its published log, every row and every byte.

    For the operator: it opens what `lotabots up` with the same options serves, and the server may
    go on meanwhile. Exit 0 when all of it holds, 1 with every finding when it does not, 4 when it
    could not look. --mend changes published files only, and only if the database itself holds.
    """
    try:
        report = look(data, config, mend)
    except ModuleNotFoundError as error:
        return needs_server("audit fsck", error)
    verdict = "rejected" if report.findings else "accepted"
    if output == "json":
        print_json({"verdict": verdict} | msgspec.structs.asdict(report))
    else:
        show(verdict, report)
    if mend and report.findings and not report.mended:
        say("Nothing was mended.")
    return Exit.REJECTED if report.findings else Exit.OK


def look(data: Path | None, config: Path | None, mend: bool) -> "LogReport":
    """What the installation holds. Raises `INSTALLATION_MISSING`, `AUDIT_ROLE_MISSING`."""
    from lotabots.audit import AuditSettings, check_log, log_signers
    from lotabots.server import attached, read_settings, run

    environ = with_options(data)

    async def main() -> "LogReport":
        async with attached(read_settings(environ, file=config), environ) as found:
            if found.sequencing is None:
                detail = "The database was not given in the role that orders the log."
                raise invalid("AUDIT_ROLE_MISSING", detail)
            signers = log_signers(found.keyring, found.settings.section(AuditSettings).origin)
            return await check_log(found.sequencing, found.log_files, signers, mending=mend)

    return run(main())


def show(verdict: str, report: "LogReport") -> None:
    """The answer for a person."""
    click.echo(
        f"{paint(verdict)}  {report.origin}  {report.entries} entries: {report.placed} placed,"
        f" {report.waiting} waiting; {report.checkpoints} checkpoints; {report.published} published"
    )
    for path in report.mended[:MAX_SHOWN]:
        say(f"Written again: {path}")
    if len(report.mended) > MAX_SHOWN:
        say(f"... and {len(report.mended) - MAX_SHOWN} more files.")
    shown = report.findings[:MAX_SHOWN]
    if shown:
        print_table(
            ["code", "where", "what is wrong"], [(f.code, f.where, f.detail) for f in shown]
        )
    more = len(report.findings) - len(shown) + report.untold
    if more:
        say(f"... and {more} more.")
