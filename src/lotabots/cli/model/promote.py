"""`lotabots model promote`: a stage gets a newer version of a model."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.model.served import StageMove, found, model_argument, show_model, stage_option
from lotabots.cli.output import Exit, output_option, print_json, say


@click.command("promote")
@model_argument
@stage_option
@output_option
@server_option
def command(model: str, stage: str, output: str, server: str) -> int:
    """Give a stage MODEL, which must be newer than what it has, accepted, and approved for that.

    MODEL is a digest or ORG/NAME@VERSION.
    """
    return moved(model, stage, "promote", output, server)


def moved(model: str, stage: str, move: str, output: str, server: str) -> int:
    """The exit code of this move, which was made and told."""
    with connect(server) as client:
        known = show_model(client, found(client, model))
        before = [one for one in known.moves if one.stage == stage]
        body = {"stage": stage, "move": move}
        answer = client.post(f"/v1/models/{known.digest}/moves", body)
    made = msgspec.json.decode(answer, type=StageMove)
    if output == "json":
        print_json(made)
        return Exit.OK
    last = max(before, key=lambda one: one.number, default=None)
    was = "nothing" if last is None else f"version {last.version}"
    say(f"{stage} of {known.name} has version {made.version} now (move {made.number}; was {was}).")
    return Exit.OK
