"""`lotabots model register`: a version of a model by its content, with what was signed over it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from lotabots.appraisal.models import order_of
from lotabots.cli.client import connect, server_option
from lotabots.cli.model.digest_cache import cache_option, digest_cache
from lotabots.cli.model.judge import judged
from lotabots.cli.model.progress import progress
from lotabots.cli.model.served import Model
from lotabots.cli.model.signatures import Bundles, Signatures, read_signatures
from lotabots.cli.model.upload import told, upload_files
from lotabots.cli.output import Exit, output_option, print_json, printable, say
from lotabots.kernel import invalid
from lotabots.models import FileEntry, FileKind, Hashed, Severity, covered
from lotabots.models.read import Folder, hash_tree, open_folder

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_NAME = re.compile(rf"{_PART}/{_PART}", re.ASCII)
MAX_NAME = 160


@click.command("register")
@click.argument("path", type=Path)
@click.option("--name", help="ORGANISATION/NAME, as in acme/tiny. Default: what was signed.")
@click.option(
    "--version",
    "--model-version",
    "version",
    help="Numbers joined by dots, as in 1.4.0. Default: what was signed.",
)
@click.option("--bundle", type=Path, help="The signature. Default: model.sig in PATH, if there.")
@click.option(
    "--strong-bundle", "strong", type=Path, help="The second one. Default: *.lota.sig beside it."
)
@click.option("--ignore", multiple=True, help="A file or folder below PATH that is no part of it.")
@click.option("--upload/--no-upload", default=True, help="Upload the files that are not there yet.")
@click.option("--verify", is_flag=True, help="Then ask for its verdict, and wait for it.")
@cache_option
@output_option
@server_option
def command(
    path: Path,
    name: str | None,
    version: str | None,
    bundle: Path | None,
    strong: Path | None,
    upload: bool,
    verify: bool,
    output: str,
    server: str,
    **reading: Any,  # noqa: ANN401 - `ignore` and `cache`, which only the reading needs
) -> int:
    """Register the model at PATH, a folder or one file, under the digest of its content.

    The same again is the same. A version never gets another content. With --verify the exit code is
    that of the verdict.
    """
    bundles = Bundles.of(path, bundle, strong)
    signed = read_signatures(bundles)
    name, version = _named(name, version, signed)
    with open_folder(path) as tree:
        files = _read(tree, bundles.inside(path), **reading).files
        signed.require(files, name, version)
        with connect(server) as client:
            answer = client.post("/v1/models", registration(name, version, files, signed))
        model = msgspec.json.decode(answer, type=Model)
        if output == "table":
            click.echo(f"registered  {model.title}: {len(files)} files, {model.size} bytes")
            click.echo(f"digest      {model.digest}")
            click.echo(f"signature   {_signature(signed)}")
        sent = upload_files(server, model, tree) if upload else []
        if upload:
            say(told(model, sent))
    if verify:
        return judged(server, model, output)
    if output == "json":
        print_json(msgspec.json.decode(answer) | {"sent": [one.path for one in sent]})
    return Exit.OK


def registration(
    name: str, version: str, files: Sequence[FileEntry], signed: Signatures
) -> dict[str, object]:
    """The body that registers a model of these files, which are digested by SHA-256."""
    return {
        "name": name,
        "version": version,
        "files": [
            {"path": one.path, "size": one.size, "sha256": one.digest.hex()} for one in files
        ],
        "bundle": signed.bundle,
        "strong_bundle": signed.strong_bundle,
    }


def _named(name: str | None, version: str | None, signed: Signatures) -> tuple[str, str]:
    """Name and version, those given or those signed, which the registry can take."""
    name = name or signed.name
    version = version or signed.version
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise click.UsageError(
            f"{name!r} is no name of a model: give --name ORGANISATION/NAME, as in acme/tiny. Both "
            "parts are letters, digits, dots, dashes and underscores."
        )
    if order_of(version) is None:
        raise click.UsageError(
            f"{version!r} is no version: give --version with numbers joined by dots, as in 1.4.0, "
            "so that of any two versions one is newer."
        )
    return name, version


def _read(tree: Folder, ours: frozenset[str], *, ignore: Sequence[str], cache: bool) -> Hashed:
    """Every file that is part of the model. Raises `MODEL_UNREADABLE`."""
    wanted = [one for one in tree.listed if one.path not in ours and not covered(one.path, ignore)]
    paths = frozenset(one.path for one in wanted)
    bad = [
        f"{printable(one.path)} is a {one.kind}, and a model is made of regular files"
        for one in wanted
        if one.kind is not FileKind.REGULAR
    ]
    size = sum(one.size for one in wanted)
    with digest_cache(cache) as remembered, progress("Reading", size) as tell:
        hashed = hash_tree(tree, progress=tell, cache=remembered, skip=lambda one: one not in paths)
    bad += [
        f"{printable(one.path)}: {one.title}"
        for one in (*tree.findings, *hashed.findings)
        if one.severity is not Severity.WARNING
    ]
    if bad:
        detail = f"{'; '.join(bad[:5])}. Leave out with --ignore what is no part of the model."
        raise invalid("MODEL_UNREADABLE", detail)
    if not hashed.files:
        raise invalid("MODEL_NO_FILES", "There is no file to register.")
    return hashed


def _signature(signed: Signatures) -> str:
    """Which signatures there are, in words."""
    if signed.bundle is None and signed.strong_bundle is None:
        return "none: no policy accepts the model (lotabots model sign)"
    if signed.strong_bundle is None:
        return "yes, without the statement that binds names, sizes and tensors"
    return "yes, and the statement that binds names, sizes and tensors"
