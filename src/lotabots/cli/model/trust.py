"""`lotabots model trust`: the policies of a server that say who may sign which models."""

from pathlib import Path
from urllib.parse import quote

import click
import msgspec

from lotabots.appraisal.models import load_model_policy
from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, output_option, print_json, print_table, say
from lotabots.cli.values import read_file


class Summary(msgspec.Struct):
    """A trust policy on a server."""

    id: str
    active: bool


class Shown(Summary):
    """The same with its source."""

    source: str


@click.group("trust")
def command() -> None:
    """Say who may sign which models: trust policies on a server."""


@command.command("add")
@click.argument("file", type=Path)
@click.option("--activate", is_flag=True, help="Put it into force for verdicts from now on.")
@output_option
@server_option
def add(file: Path, activate: bool, output: str, server: str) -> int:
    """Store the trust policy FILE (YAML or JSON) on a server, under the digest of its content."""
    source = read_file(file)
    load_model_policy(source)  # what does not load here is refused with the line, before it is sent
    with connect(server) as client:
        answer = client.post("/v1/model-policies", {"source": source.decode()})
        added = msgspec.json.decode(answer, type=Summary)
        if activate:
            answer = client.post(f"/v1/model-policies/{quote(added.id, safe='')}/activate", {})
            added = msgspec.json.decode(answer, type=Summary)
    _tell(added, output)
    return Exit.OK


@command.command("list")
@output_option
@server_option
def list_policies(output: str, server: str) -> int:
    """List the trust policies of a server, newest first, and which one is in force."""
    with connect(server) as client:
        answer = client.get("/v1/model-policies")
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    policies = msgspec.json.decode(answer, type=list[Summary])
    print_table(["active", "id"], [("*" if one.active else "", one.id) for one in policies])
    if not any(one.active for one in policies):
        say("None is in force, so no model is accepted: lotabots model trust add FILE --activate")
    return Exit.OK


@command.command("show")
@click.argument("policy")
@output_option
@server_option
def show(policy: str, output: str, server: str) -> int:
    """Print the source of a server's trust POLICY (its id)."""
    with connect(server) as client:
        answer = client.get(f"/v1/model-policies/{quote(policy, safe='')}")
    if output == "json":
        click.echo(answer.decode())
        return Exit.OK
    shown = msgspec.json.decode(answer, type=Shown)
    say(f"{shown.id} is {'in force' if shown.active else 'not in force'}.")
    click.echo(shown.source, nl=not shown.source.endswith("\n"))
    return Exit.OK


@command.command("activate")
@click.argument("policy")
@output_option
@server_option
def activate(policy: str, output: str, server: str) -> int:
    """Put a server's trust POLICY (its id) into force for every verdict from now on."""
    with connect(server) as client:
        answer = client.post(f"/v1/model-policies/{quote(policy, safe='')}/activate", {})
    _tell(msgspec.json.decode(answer, type=Summary), output)
    return Exit.OK


def _tell(policy: Summary, output: str) -> None:
    if output == "json":
        print_json(policy)
    else:
        say(f"{policy.id} is {'in force' if policy.active else 'stored, not in force'}.")
