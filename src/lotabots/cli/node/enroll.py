"""`lotabots node enroll`: the one line that a machine joins with."""

from urllib.parse import urlsplit

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, output_option, print_json, say

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Made(msgspec.Struct):
    """What the server answers."""

    id: str
    token: str
    join: str
    expires_at: str


@click.command("enroll")
@click.option("--name", help="What the node is called. Default: what it calls itself.")
@click.option("--class", "node_class", default="gpu", show_default=True, help="gpu, host, ...")
@click.option("--policy", help="The policy it is judged by. Default: the one in force.")
@click.option(
    "--minutes", type=click.IntRange(1, 60), default=60, show_default=True, help="To use it in."
)
@click.option("--tpm-only", is_flag=True, help="Refuse a machine without a TPM.")
@output_option
@server_option
def command(
    name: str | None,
    node_class: str,
    policy: str | None,
    minutes: int,
    tpm_only: bool,
    output: str,
    server: str,
) -> int:
    """Print the line to run on the machine that is to join. It works once.

    Whoever has the line can join in the machine's place: send it as you would a password.
    """
    body = {
        "name": name,
        "node_class": node_class,
        "policy": policy,
        "minutes": minutes,
        "identity": "tpm" if tpm_only else "any",
    }
    with connect(server) as client:
        made = msgspec.json.decode(client.post("/v1/enrolment-tokens", body), type=Made)
    line = f"lotabots agent join {made.join}"
    if output == "json":
        print_json(msgspec.to_builtins(made) | {"command": line})
        return Exit.OK
    say(f"Run this on the machine within {minutes} minutes; it works once:")
    click.echo(line)
    if urlsplit(made.join.partition("@")[2]).hostname in LOOPBACK:
        say("It works on the server's own machine: for others set token.public_url to its address.")
    return Exit.OK
