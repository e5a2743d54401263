"""`lotabots webhook verify`: is this delivery genuine? Offline, from what a receiver kept of it."""

import os
from datetime import datetime
from pathlib import Path

import click

from lotabots.cli.output import Exit, output_option, paint, print_json
from lotabots.cli.values import TimeValue, read_file
from lotabots.kernel import LotaError, invalid, read_webhook_secret, verify_webhook
from lotabots.runtime.clock import utc_now


@click.command("verify")
@click.argument("body", type=Path)
@click.option("--headers", type=Path, required=True, help="The headers as they came: NAME: VALUE.")
@click.option("--secret-file", type=Path, help="The secret, else in LOTABOTS_WEBHOOK_SECRET.")
@click.option("--at", type=TimeValue(), help="Judge as of this time instead of now.")
@output_option
def verify(
    body: Path, headers: Path, secret_file: Path | None, at: datetime | None, output: str
) -> int:
    """Verify that whoever has the webhook's secret sent BODY, a file with its bytes as they came.

    Exit code 1 for a delivery that is not genuine, or not of the last five minutes.
    """
    secret = read_webhook_secret(_secret(secret_file))
    named = _headers(read_file(headers))
    try:
        message = verify_webhook(secret, named, read_file(body), at or utc_now())
    except LotaError as error:
        if output == "json":
            print_json({"verdict": "rejected", "code": error.code, "message": error.detail})
        else:
            click.echo(f"{paint('rejected')}  {error.code}: {error.detail}")
        return Exit.REJECTED
    if output == "json":
        print_json({"verdict": "accepted", "id": message})
    else:
        click.echo(f"{paint('accepted')}  {message}")
    return Exit.OK


def _secret(file: Path | None) -> str:
    if file is not None:
        return read_file(file).decode("utf-8", "replace").strip()
    return os.environ.get("LOTABOTS_WEBHOOK_SECRET", "")


def _headers(data: bytes) -> dict[str, str]:
    """The headers by name in lower case. Raises `WEBHOOK_HEADERS` for one that is there twice."""
    found: dict[str, str] = {}
    for line in data.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not name.startswith("webhook-"):
            continue  # a request line, an empty one, a header of somebody else
        if name in found:
            raise invalid("WEBHOOK_HEADERS", f"The header {name} is there twice.")
        found[name] = value.strip()
    return found
