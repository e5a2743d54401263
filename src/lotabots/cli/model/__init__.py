"""`lotabots model`: a model's files verified, compared, scanned, signed; a server's registry."""

import click

from lotabots.cli.lazy import Lazy

COMMANDS: dict[str, tuple[str, str]] = {
    "approve": ("lotabots.cli.model.approve", "Vouch for a move of a model in the registry."),
    "bom": ("lotabots.cli.model.bom", "Write a model as a CycloneDX bill of materials."),
    "comply": ("lotabots.cli.model.comply", "Hold a model against controls."),
    "diff": ("lotabots.cli.model.diff", "Say how two models differ, tensor by tensor."),
    "inspect": ("lotabots.cli.model.inspect", "Show files, formats, tensors and parameters."),
    "judge": ("lotabots.cli.model.judge", "Ask the registry for its verdict, and wait for it."),
    "list": ("lotabots.cli.model.list", "List the models of the registry."),
    "promote": ("lotabots.cli.model.promote", "Give a stage a newer version."),
    "register": ("lotabots.cli.model.register", "Put a version into the registry, and upload it."),
    "result": ("lotabots.cli.model.result", "Print the registry's signed word about a model."),
    "rollback": ("lotabots.cli.model.rollback", "Give a stage a version back that it has had."),
    "scan": ("lotabots.cli.model.scan", "Look for what runs, lies or cannot be judged."),
    "show": ("lotabots.cli.model.show", "Show what the registry knows of one model."),
    "sign": ("lotabots.cli.model.sign", "Bind a model's files to a key."),
    "trust": ("lotabots.cli.model.trust", "Say who may sign which models in the registry."),
    "upload": ("lotabots.cli.model.upload", "Upload files that the registry does not have yet."),
    "verify": ("lotabots.cli.model.verify", "Hold a model against its signatures."),
}


class Model(Lazy):
    """The commands about models."""

    LOADS = COMMANDS


@click.group("model", cls=Model)
def command() -> None:
    """Verify, compare, scan and describe the files of a model; register, approve and promote it.

    What looks at files needs no server: bom, comply, diff, inspect, scan, sign, verify. The rest
    speaks with one (--server, after `lotabots login`).
    """
