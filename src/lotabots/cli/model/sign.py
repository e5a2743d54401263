"""`lotabots model sign`: a model's files bound to a key, for every verifier and for ours."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lotabots.cli.model.progress import progress
from lotabots.cli.output import Exit, output_option, print_json, say
from lotabots.cli.values import TimeValue, read_file
from lotabots.kernel import Json, canonical, sha256_hex
from lotabots.models import (
    GIT_NAMES,
    Algorithm,
    FileEntry,
    Hashed,
    Ignored,
    Manifest,
    ModelSigningKey,
    Severity,
    StrongManifest,
    files_to_sign,
    load_signing_key,
    manifest_of,
    sign_manifest,
    sign_strong,
)
from lotabots.models.read import Folder, hash_tree, open_folder
from lotabots.runtime.clock import utc_now

if TYPE_CHECKING:  # `verify` takes two functions from here, and does not scan
    from lotabots.models import Certificate
    from lotabots.models.scan import ScanReport

CARD = "README.md"
MAX_FACT = 200
"""Characters of a header's fact that a statement repeats; longer ones are left to the header."""


@click.command("sign")
@click.argument("path", type=Path)
@click.option("--key", type=Path, required=True, help="The private key: EC, PEM, no password.")
@click.option("--cert-chain", "chain", type=Path, help="Certificates, that of the key first.")
@click.option("--bundle", type=Path, help="Where to write. Default: model.sig in PATH.")
@click.option("--strong/--no-strong", default=True, help="Also write the statement that binds all.")
@click.option("--strong-bundle", type=Path, help="Where to write it. Default: model.lota.sig.")
@click.option(
    "--hash",
    "algorithm",
    type=click.Choice([one.value for one in Algorithm]),
    default=Algorithm.SHA256.value,
    show_default=True,
    help="blake3 is faster, and no FIPS.",
)
@click.option("--ignore", multiple=True, help="A file or folder below PATH to leave out.")
@click.option("--name", help="Organisation and name. Default: the last part of PATH.")
@click.option("--model-version", "version", default="", help="The model's version, in your words.")
@click.option("--counter", type=click.IntRange(0), default=0, help="Never less than last time.")
@click.option("--not-after", type=TimeValue(), help="When the strong statement ends.")
@click.option("--derived-from", multiple=True, help="Identity of a model it was made from.")
@output_option
def command(  # options of a command line
    path: Path,
    key: Path,
    chain: Path | None,
    bundle: Path | None,
    strong: bool,
    strong_bundle: Path | None,
    algorithm: str,
    ignore: Sequence[str],
    output: str,
    **said: Any,  # noqa: ANN401  # what the strong statement says: name, version, counter, ...
) -> int:
    """Sign the model at PATH, a folder or one file. Nothing of it is loaded or run.

    Writes a bundle of OpenSSF Model Signing v1.0, and a second one for `verify --strong-bundle`.
    """
    from lotabots.models.scan import scan

    signer = load_signing_key(read_file(key))
    certificates = _certificates(chain) if chain else ()
    places = _places(path, bundle, strong_bundle)
    ours = inside(path, places)
    with open_folder(path) as tree:
        paths = frozenset(files_to_sign(tree.listed, ignore, ours))
        report = scan(tree) if strong else None
        size = sum(one.size for one in tree.listed if one.path in paths)
        # No cache: who signs vouches for the bytes that are there now.
        with progress("Signing", size) as tell:
            hashed = hash_tree(
                tree,
                algorithm=Algorithm(algorithm),
                tensors=report.tensors if report is not None else None,
                progress=tell,
                skip=lambda one: one not in paths,
            )
        bad = [one for one in hashed.findings if one.severity is not Severity.WARNING]
        if bad:
            for one in bad:
                say(f"{one.path}: {one.title} [{one.code}]")
            say("Nothing was signed.")
            return Exit.INCONCLUSIVE
        card = _card(tree, hashed.files)
    said["name"] = said["name"] or path.resolve().name
    manifest = manifest_of(
        said["name"],
        hashed.files,
        hashed.algorithm,
        ignore_paths=(*GIT_NAMES, *sorted({*ignore, *ours})),
    )
    places[0].write_bytes(sign_manifest(manifest, signer, certificates))
    second = None
    if report is not None:
        second = _strong(manifest, hashed, report, said, ignore, card)
        places[1].write_bytes(sign_strong(second, signer, certificates))
    _tell(manifest, second, signer, certificates, places, output)
    return Exit.OK


def _places(path: Path, bundle: Path | None, strong: Path | None) -> tuple[Path, Path]:
    """Where the two bundles go: into the folder, or beside the file."""
    first = bundle or (path / "model.sig" if path.is_dir() else path.with_name(f"{path.name}.sig"))
    return first, strong or beside(first)


def beside(bundle: Path) -> Path:
    """Where the second bundle is, if nothing else was said: model.sig -> model.lota.sig."""
    return bundle.with_name(f"{bundle.name.removesuffix('.sig')}.lota.sig")


def inside(path: Path, places: Sequence[Path]) -> frozenset[str]:
    """Which of these lie in the model's own folder, by their path below it."""
    here = path.resolve()
    given = [place.resolve() for place in places]
    return frozenset(
        place.relative_to(here).as_posix() for place in given if place.is_relative_to(here)
    )


def _strong(
    manifest: Manifest,
    hashed: Hashed,
    report: "ScanReport",
    said: Mapping[str, Any],
    ignore: Sequence[str],
    card: str,
) -> StrongManifest:
    signed = {entry.path for entry in hashed.files}
    not_after: datetime | None = said["not_after"]
    strong = StrongManifest(
        name=said["name"],
        version=said["version"],
        counter=said["counter"],
        oms_root=manifest.root,
        algorithm=hashed.algorithm,
        files=hashed.files,
        ignored=tuple(Ignored(one, "named by the signer") for one in sorted(set(ignore))),
        headers={
            file.path: facts
            for file in report.files
            if file.path in signed and (facts := _facts(file.facts))
        },
        template_sha256=_template(report),
        card_sha256=card,
        derived_from=tuple(said["derived_from"]),
        signed_at=utc_now().replace(microsecond=0),
        not_after=not_after,
    )
    return strong.with_tensors(tuple(one for one in hashed.tensors if one.path in signed))


def _facts(facts: Mapping[str, Json]) -> dict[str, Json]:
    """What a header states in a word or a number; canonical JSON has no other numbers."""
    kept: dict[str, Json] = {}
    for name, value in facts.items():
        if isinstance(value, str) and len(value) > MAX_FACT:
            continue
        if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < 2**53):
            continue
        if isinstance(value, str | int | float | bool):
            kept[name] = value
    return kept


def _template(report: "ScanReport") -> str:
    """SHA-256 of the one chat template; of all their digests in canonical JSON, if several."""
    templates = report.facts.get("templates")
    if not isinstance(templates, list) or not templates:
        return ""
    first = templates[0]
    if len(templates) == 1 and isinstance(first, dict):
        return str(first.get("digest", "")).removeprefix("sha256:")
    return sha256_hex(canonical(templates))


def _card(tree: Folder, files: Sequence[FileEntry]) -> str:
    if not any(entry.path == CARD for entry in files):
        return ""
    content = tree.content(CARD)
    return sha256_hex(content.read(0, content.size))


def _certificates(path: Path) -> "Sequence[Certificate]":
    from lotabots.models import load_certificates

    return load_certificates(read_file(path))


def _tell(
    manifest: Manifest,
    strong: StrongManifest | None,
    signer: ModelSigningKey,
    chain: "Sequence[Certificate]",
    places: Sequence[Path],
    output: str,
) -> None:
    written = [str(place) for place in (places if strong is not None else places[:1])]
    identity = strong.root.hex() if strong is not None else ""
    by = chain[0].name if chain else f"key {signer.public.fingerprint}"
    if output == "json":
        told = {
            "identity": identity,
            "oms_root": manifest.root.hex(),
            "algorithm": manifest.algorithm,
            "files": len(manifest.resources),
            "tensors": strong.tensor_count if strong is not None else 0,
            "signer": by,
            "bundles": written,
        }
        print_json(told)
        return
    tensors = f", {strong.tensor_count} tensors" if strong is not None else ""
    click.echo(f"signed    {manifest.name}: {len(manifest.resources)} files{tensors}")
    click.echo(f"by        {by}")
    click.echo(f"identity  {identity or '(none without --strong)'}")
    click.echo(f"OMS root  {manifest.root.hex()}")
    for place in written:
        click.echo(f"wrote     {place}")
