"""`lotabots model approve`: a person vouches for a move of what somebody else registered."""

import click
import msgspec

from lotabots.cli.client import connect, server_option
from lotabots.cli.model.served import Approval, found, model_argument, show_model, stage_option
from lotabots.cli.output import Exit, output_option, print_json, say


@click.command("approve")
@model_argument
@stage_option
@click.option("--rollback", is_flag=True, help="Approve going back to it, not its promotion.")
@click.option("--verdict", help="Digest of the verdict that you saw. Default: the newest.")
@output_option
@server_option
def command(
    model: str, stage: str, rollback: bool, verdict: str | None, output: str, server: str
) -> int:
    """Approve that MODEL goes to a stage, under its newest verdict, which must accept it.

    MODEL is a digest or ORG/NAME@VERSION. Look at it first: `lotabots model show MODEL`. Who
    registered a model cannot approve it, and neither can an API key or a program.
    """
    move = "rollback" if rollback else "promote"
    with connect(server) as client:
        known = show_model(client, found(client, model))
        newest = None if known.verification is None else known.verification.verdict_digest
        body = {"stage": stage, "move": move, "verdict": verdict or newest}
        answer = client.post(f"/v1/models/{known.digest}/approvals", body)
    given = msgspec.json.decode(answer, type=list[Approval])
    if output == "json":
        print_json(given)
        return Exit.OK
    these = [one for one in given if (one.stage, one.move) == (stage, move)]
    count = sum(one.verdict_digest == newest for one in these)
    needed = known.approvals_needed
    words = "going back to it" if rollback else "its promotion"
    say(f"{known.title}: you approve {words} in {stage}; {count} of {needed} approvals.")
    say(f"Next: lotabots model {move} {known.digest} --stage {stage}")
    return Exit.OK
