"""`lotabots model upload`: the files of a registered model, those that the server does not have."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

import click
import msgspec

from lotabots.cli.client import Client, connect, server_option
from lotabots.cli.model.progress import progress
from lotabots.cli.model.served import (
    File,
    Model,
    Patience,
    found,
    model_argument,
    patiently,
    show_model,
)
from lotabots.cli.output import Exit, output_option, print_json, printable, say
from lotabots.kernel import LotaError, invalid
from lotabots.models import FileKind
from lotabots.models.read import Folder, open_folder

PIECE = 1024 * 1024
MOST = 5
"""Names in one message."""


@click.command("upload")
@model_argument
@click.argument("path", type=Path)
@click.option("--again", is_flag=True, help="Also files that are there: it mends damaged copies.")
@output_option
@server_option
def command(model: str, path: Path, again: bool, output: str, server: str) -> int:
    """Upload the files of MODEL from PATH that the server does not have yet.

    MODEL is a digest or ORG/NAME@VERSION. The server keeps a file only if every byte of it is the
    one that was registered; what was interrupted is begun again with the next file that is missing.
    """
    with connect(server) as client:
        known = show_model(client, found(client, model))
    with open_folder(path) as tree:
        sent = upload_files(server, known, tree, again=again)
    if output == "json":
        print_json({"digest": known.digest, "uploaded": [one.path for one in sent]})
    else:
        say(told(known, sent))
    return Exit.OK


def told(model: Model, sent: Sequence[File]) -> str:
    """What was uploaded, in a line."""
    size = sum(file.size for file in sent)
    if not sent:
        return f"{model.title}: the server has all {len(model.files)} files already."
    rest = len(model.files) - len(sent)
    return f"{model.title}: {len(sent)} files, {size} bytes uploaded; {rest} were there already."


def upload_files(server: str, model: Model, tree: Folder, *, again: bool = False) -> list[File]:
    """The files that were uploaded: one of each content that the server lacked, or `again` all.

    Raises `MODEL_FILES_DIFFER` before anything is sent, and what reading and the server raise.
    """
    wanted = {one.sha256: one for one in model.files if again or not one.uploaded}
    missing = sorted(wanted.values(), key=lambda one: one.path)
    _require(missing, tree)
    with progress("Uploading", sum(file.size for file in missing)) as tell:
        for file in missing:
            _upload(server, model.digest, file, tree, tell or _nobody)
    return missing


def _require(missing: Sequence[File], tree: Folder) -> None:
    there = {one.path: one.size for one in tree.listed if one.kind is FileKind.REGULAR}
    bad = [printable(file.path) for file in missing if there.get(file.path) != file.size]
    if bad:
        more = f" and {len(bad) - MOST} more" if len(bad) > MOST else ""
        detail = (
            "Not there, or not in the size that the model was registered with: "
            f"{', '.join(bad[:MOST])}{more}. Nothing was uploaded."
        )
        raise invalid("MODEL_FILES_DIFFER", detail)


def _upload(
    server: str, digest: str, file: File, tree: Folder, tell: Callable[[int], None]
) -> None:
    place = f"/v1/models/{digest}/files?{urlencode({'path': file.path})}"
    sent, patience = 0, Patience()

    def told(count: int) -> None:
        nonlocal sent
        sent += count
        tell(count)
        if count > 0:
            patience.renew()

    def put(client: Client) -> File:
        told(-sent)  # it is begun anew
        answer = client.put_file(place, _pieces(tree, file, told), file.size)
        return msgspec.json.decode(answer, type=File)

    try:
        patiently(server, put, patience)
    except LotaError as error:
        error.detail = f"{printable(file.path)}: {error.detail}"
        raise


def _pieces(tree: Folder, file: File, tell: Callable[[int], None]) -> Iterator[bytes]:
    """The content piece by piece, so that no file need fit in memory."""
    with tree.content(file.path) as content:
        content.announce()
        for begin in range(0, file.size, PIECE):
            piece = content.read(begin, min(PIECE, file.size - begin))
            tell(len(piece))
            yield piece


def _nobody(_: int) -> None:
    """Nobody looks."""
