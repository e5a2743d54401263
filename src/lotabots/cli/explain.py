"""`lotabots explain CODE`: what a code means and what to do, offline."""

import difflib
from itertools import chain

import click

from lotabots.cli.output import Exit, output_option, print_json, say
from lotabots.evidence.schemes import SCHEMES
from lotabots.kernel.codes import CATALOGUE, Code


def every_code() -> dict[str, Code]:
    """All codes by name: errors of the services and findings of the schemes."""
    findings = chain.from_iterable(scheme.codes for scheme in SCHEMES)
    return dict(CATALOGUE) | {code.name: code for code in findings}


@click.command("explain")
@click.argument("code", required=False)
@output_option
def command(code: str | None, output: str) -> int:
    """Say what CODE means and what to do about it; without CODE, list all codes."""
    codes = every_code()
    if code is None:
        if output == "json":
            print_json([known._asdict() for known in sorted(codes.values())])
        else:
            click.echo("\n".join(sorted(codes)))
        return Exit.OK
    found = codes.get(code.upper())
    if found is None:
        say(f"There is no code {code}.")
        for near in difflib.get_close_matches(code.upper(), codes, n=3):
            say(f"Did you mean {near}?")
        return Exit.USAGE
    if output == "json":
        print_json(found._asdict())
        return Exit.OK
    click.echo(f"{click.style(found.name, bold=True)}  ({found.about})")
    click.echo(f"  means  {found.meaning}")
    click.echo(f"  do     {found.fix}")
    return Exit.OK
