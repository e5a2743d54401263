"""`lotabots model judge`: the verdict of a server on a registered model, waited for."""

import click
import msgspec

from lotabots.cli.client import Client, connect, server_option
from lotabots.cli.model.progress import progress
from lotabots.cli.model.served import (
    Model,
    Patience,
    Verification,
    found,
    model_argument,
    patiently,
    show_model,
)
from lotabots.cli.model.verdicts import print_verdict
from lotabots.cli.output import EXIT_OF, Exit, output_option, print_json, say
from lotabots.kernel import Kind, LotaError
from lotabots.kernel.codes import CATALOGUE

RESTARTS = 1000
"""How often the server may go away while one verification is followed."""


@click.command("judge")
@model_argument
@click.option("--wait/--no-wait", default=True, help="Wait for the verdict, or only ask for it.")
@output_option
@server_option
def command(model: str, wait: bool, output: str, server: str) -> int:
    """Let the server verify MODEL: signatures, files, scan, controls, by the policy in force.

    MODEL is a digest or ORG/NAME@VERSION. The work goes on if this command stops, and if the server
    does, it begins anew; a verification that is open is joined. The exit code is the verdict's.
    """
    with connect(server) as client:
        known = show_model(client, found(client, model))
        if not wait:
            asked = ask(client, known.digest)
            if output == "json":
                print_json(asked)
            else:
                click.echo(f"{asked.state}  verification {asked.id} of {known.title}")
            return Exit.OK
    return judged(server, known, output)


def ask(client: Client, digest: str) -> Verification:
    """The verification of this model, begun or joined."""
    answer = client.post(f"/v1/models/{digest}/verify", None)
    return msgspec.json.decode(answer, type=Verification)


def judged(server: str, model: Model, output: str) -> int:
    """The exit code of the verdict on this model, which was asked for, awaited and told."""
    asked = patiently(server, lambda client: ask(client, model.digest), Patience())
    ended = follow(server, asked, model.size)
    if ended.error is not None or ended.outcome is None:
        return _failed(ended, output)
    answer = patiently(server, lambda client: client.get(f"/v1/models/{model.digest}"), Patience())
    if output == "json":
        told = msgspec.json.decode(answer, type=dict[str, object])
        print_json({"verification": ended, "verdict": told["verdict"]})
    else:
        print_verdict(msgspec.json.decode(answer, type=Model))
    return EXIT_OF[ended.outcome]


def follow(server: str, asked: Verification, size: int) -> Verification:
    """The verification once it has ended. Servers may go and come back meanwhile."""
    place = f"/v1/models/{asked.digest}/verifications/{asked.id}"
    patience = Patience(RESTARTS)
    done = 0
    with progress("Verifying", size) as tell:
        while True:
            try:
                with connect(server) as client:
                    # Asked first: where something between us and the server keeps events back,
                    # this alone makes headway.
                    seen = _seen(client.get(place))
                    events = client.events(f"{place}/events")
                    while seen.ended_at is None:
                        patience.renew()
                        if tell is not None:
                            tell(seen.done_bytes - done)
                        done = seen.done_bytes
                        seen = _seen(next(events))
                    return seen
            except StopIteration:
                gone = "the server ended its events before the verification was done"
                patience.wait(LotaError(Kind.UNAVAILABLE, "SERVER_UNREACHABLE", gone))
            except LotaError as error:
                patience.wait(error)


def _seen(data: bytes) -> Verification:
    return msgspec.json.decode(data, type=Verification)


def _failed(ended: Verification, output: str) -> int:
    """Says why there is no verdict."""
    code = ended.error or ended.state
    if output == "json":
        print_json({"verification": ended, "verdict": None})
    say(f"{code}: there is no verdict; the verification failed.")
    if code in CATALOGUE:
        say(CATALOGUE[code].meaning)
        say(f"What to do: {CATALOGUE[code].fix}")
    return Exit.FAILED
