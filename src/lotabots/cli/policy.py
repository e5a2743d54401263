"""`lotabots policy`: check a policy's proofs, show it, and try it on stored evidence."""

from pathlib import Path
from uuid import UUID

import click
import msgspec

from lotabots.appraisal import (
    POLICY_TEXTS,
    Outcome,
    Policy,
    builtin_policy,
    load_policy,
    try_policy,
    unpack_inputs,
)
from lotabots.cli.client import connect, server_option
from lotabots.cli.output import Exit, output_option, paint, print_json, print_table, say
from lotabots.cli.values import read_file
from lotabots.evidence import Caches, Finding
from lotabots.kernel import LotaError
from lotabots.runtime.appraiser import this_appraiser


class Trial(msgspec.Struct):
    """What the server answers for one attestation."""

    attestation: str
    hardware_id: str
    before: Outcome
    after: Outcome
    findings: tuple[Finding, ...]


class StoredInputs(msgspec.Struct):
    """The file that `lotabots attestation export` writes."""

    manifest: bytes
    blobs: dict[str, bytes]
    appraisal_digest: str
    verdict: bytes


@click.group("policy")
def command() -> None:
    """Check, show and try policies."""


@command.command("check")
@click.argument("file", type=Path)
@output_option
def check(file: Path, output: str) -> int:
    """Load FILE with every proof: it accepts its good example, and fails closed."""
    try:
        policy = load_policy(read_file(file))
    except LotaError as error:
        if output == "json":
            print_json({"loads": False, **error.body()})
        else:
            click.echo(f"{click.style('does not load', fg='red')}  {error.code}: {error.detail}")
        return Exit.REJECTED
    if output == "json":
        print_json({"loads": True, "id": policy.id, "rules": len(policy.rules)})
    else:
        click.echo(f"{click.style('loads', fg='green')}  {policy.id}  {len(policy.rules)} rules")
    return Exit.OK


@command.command("show")
@click.argument("policy")
@output_option
def show(policy: str, output: str) -> int:
    """Show a POLICY, rule by rule: default, strict, host, demo, demo-host, or a file."""
    loaded = (
        builtin_policy(policy) if policy in POLICY_TEXTS else load_policy(read_file(Path(policy)))
    )
    if output == "json":
        click.echo(loaded.document.decode())
        return Exit.OK
    click.echo(loaded.id)
    print_table(["rule", "evidence", "tier", "when"], rules_of(loaded))
    return Exit.OK


def rules_of(policy: Policy) -> list[tuple[str, str, str, str]]:
    """One row for each rule, in the policy's order."""
    return [(rule.id, rule.evidence, str(rule.tier), rule.when) for rule in policy.rules]


@command.command("list")
@output_option
@server_option
def list_policies(output: str, server: str) -> int:
    """List the policies of a server."""
    with connect(server) as client:
        policies = msgspec.json.decode(client.get("/v1/policies"), type=list[dict[str, object]])
    if output == "json":
        print_json(policies)
    else:
        rows = [("*" if p["active"] else "", str(p["name"]), str(p["id"])) for p in policies]
        print_table(["active", "name", "id"], rows)
    return Exit.OK


@command.command("add")
@click.argument("file", type=Path)
@click.option("--activate", is_flag=True, help="Put it into force for every challenge from now on.")
@server_option
def add(file: Path, activate: bool, server: str) -> int:
    """Store the policy FILE on a server, under the digest of its content."""
    with connect(server) as client:
        answer = client.post("/v1/policies", {"source": read_file(file).decode()})
        name = str(msgspec.json.decode(answer, type=dict[str, object])["id"])
        if activate:
            client.post(f"/v1/policies/{name}/activate", {})
    say(f"{name} is {'in force' if activate else 'stored'}.")
    return Exit.OK


@command.command("try")
@click.argument("file", type=Path)
@click.option(
    "--attestation", "ids", type=UUID, multiple=True, help="Default: the newest of each node."
)
@click.option("--inputs", type=Path, multiple=True, help="Exported inputs instead of a server's.")
@output_option
@server_option
def try_on_stored(
    file: Path, ids: tuple[UUID, ...], inputs: tuple[Path, ...], output: str, server: str
) -> int:
    """What FILE would have said about stored evidence, through the same code. Changes nothing."""
    source = read_file(file)
    trials = try_offline(source, inputs) if inputs else try_on_server(source, ids, server)
    if output == "json":
        print_json(trials)
        return Exit.OK
    rows = [
        (
            trial.hardware_id,
            paint(trial.before),
            paint(trial.after),
            "CHANGES" if trial.before != trial.after else "",
            reason(trial.findings),
        )
        for trial in trials
    ]
    print_table(["node", "was", "would be", "", "first reason"], rows)
    return Exit.OK


def try_on_server(source: bytes, ids: tuple[UUID, ...], server: str) -> list[Trial]:
    """The trials that the server makes of its own stored inputs."""
    body = {"source": source.decode(), "attestations": [str(one) for one in ids]}
    with connect(server) as client:
        return msgspec.json.decode(client.post("/v1/policies/try", body), type=list[Trial])


def try_offline(source: bytes, files: tuple[Path, ...]) -> list[Trial]:
    """The same on exported inputs, without a server."""
    policy = load_policy(source)
    trials = []
    for file in files:
        stored = msgspec.json.decode(read_file(file), type=StoredInputs)
        inputs = unpack_inputs(stored.manifest, stored.blobs)
        trial = try_policy(policy, inputs, Caches(), this_appraiser())
        trials.append(
            Trial(
                attestation=str(file),
                hardware_id=inputs.node,
                before=trial.before.outcome,
                after=trial.after.outcome,
                findings=trial.after.findings,
            )
        )
    return trials


def reason(findings: tuple[Finding, ...]) -> str:
    """The first finding in a few words."""
    return f"{findings[0].rule or findings[0].code} {findings[0].title}" if findings else ""
