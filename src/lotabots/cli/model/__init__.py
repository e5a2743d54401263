"""`lotabots model`: a model verified byte for byte, compared and looked into; needs no server."""

import click

from lotabots.cli.lazy import Lazy

COMMANDS: dict[str, tuple[str, str]] = {
    "bom": ("lotabots.cli.model.bom", "Write a model as a CycloneDX bill of materials."),
    "comply": ("lotabots.cli.model.comply", "Hold a model against controls."),
    "diff": ("lotabots.cli.model.diff", "Say how two models differ, tensor by tensor."),
    "inspect": ("lotabots.cli.model.inspect", "Show files, formats, tensors and parameters."),
    "sign": ("lotabots.cli.model.sign", "Bind a model's files to a key."),
    "verify": ("lotabots.cli.model.verify", "Hold a model against its signatures."),
    "scan": ("lotabots.cli.model.scan", "Look for what runs, lies or cannot be judged."),
}


class Model(Lazy):
    """The commands about models."""

    LOADS = COMMANDS


@click.group("model", cls=Model)
def command() -> None:
    """Verify, compare, scan and describe the files of a model."""
