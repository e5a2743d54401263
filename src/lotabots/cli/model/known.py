"""What a command can know of a model on this disk: scanned, hashed, its signatures verified."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from lotabots.appraisal.compliance import (
    MAX_CARD_BYTES,
    Card,
    Evidence,
    facts_of,
    read_card,
    sample_tensors,
)
from lotabots.appraisal.models import (
    ModelPolicy,
    ModelRule,
    load_model_policy,
    scan_options,
    scanned_of,
    signed_of,
)
from lotabots.cli.values import read_file
from lotabots.kernel import LotaError
from lotabots.models import (
    Algorithm,
    FileEntry,
    Hashed,
    Leniency,
    Opened,
    OpenedStrong,
    Options,
    Tree,
    Trust,
    load_certificates,
    load_public_key,
    open_bundle,
    open_strong,
    strong_root,
    verify_opened,
)
from lotabots.models.read import hash_tree, open_folder
from lotabots.models.scan import scan

CARD = "README.md"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a command was told."""

    path: Path
    name: str | None
    version: str | None
    bundle: Path | None
    strong: Path | None
    keys: tuple[Path, ...]
    roots: tuple[Path, ...]
    policy: Path | None
    card: Path | None


class Known(NamedTuple):
    """What is known of the model, and by which policy it is to be judged."""

    evidence: Evidence
    files: tuple[FileEntry, ...]
    algorithm: Algorithm
    policy: ModelPolicy | None


def model_options(command: Any) -> Any:  # noqa: ANN401 - what click decorates has no better type
    """The options of every command that looks at a model and its signatures."""
    for option in reversed(
        (
            click.argument("path", type=Path),
            click.option("--name", help="Organisation and name, as in acme/llama-8b."),
            click.option("--model-version", "version", help="The version that it is said to be."),
            click.option("--bundle", type=Path, help="The signature (OpenSSF Model Signing)."),
            click.option("--strong", type=Path, help="The bundle that binds names and tensors."),
            click.option("--key", "keys", type=Path, multiple=True, help="A signer's public key."),
            click.option("--root", "roots", type=Path, multiple=True, help="Root certificates."),
            click.option("--policy", type=Path, help="The trust policy: who may sign what."),
            click.option("--card", type=Path, help="The model card, if not README.md in PATH."),
        )
    ):
        command = option(command)
    return command


def look(asked: Asked) -> Known:
    """Everything that the files show. No network; nothing of the model is loaded or run."""
    now = datetime.now(UTC).replace(microsecond=0)
    policy = None if asked.policy is None else load_model_policy(read_file(asked.policy))
    opened, second = _opened(asked, policy, now)
    name, version = _named(asked, policy, second)
    rule = None if policy is None else policy.choose(name).rule
    with open_folder(asked.path) as tree:
        options = scan_options(rule)
        report = scan(tree, options)
        manifest = None if opened is None else opened.manifest
        algorithm = Algorithm.SHA256 if manifest is None else manifest.algorithm
        outside = _inside(asked)
        hashed = hash_tree(
            tree, algorithm=algorithm, tensors=report.tensors, skip=outside.__contains__
        )
        signed = None
        if opened is not None:
            held = Options(excluded=outside)
            signed = signed_of(verify_opened(opened, second, hashed, tree, now, held))
        scanned = scanned_of(report, options)
        evidence = Evidence(
            name=name,
            version=version,
            root=_root(hashed) if signed is None or not signed.root else signed.root,
            now=now,
            signed=signed,
            scanned=msgspec.structs.replace(scanned, findings=scanned.findings + hashed.findings),
            rule=rule,
            tensors=report.tensors,
            sample=sample_tensors(tree, report.tensors),
            facts=facts_of(report),
            card=_card(asked, tree),
        )
    return Known(evidence, hashed.files, algorithm, policy)


def _opened(
    asked: Asked, policy: ModelPolicy | None, now: datetime
) -> tuple[Opened | None, OpenedStrong | None]:
    if asked.bundle is None:
        if asked.strong is not None:
            raise click.UsageError("--strong is given with --bundle: it stands beside it.")
        return None, None
    trust = _trust(asked, policy)
    opened = open_bundle(read_file(asked.bundle), trust, Leniency(), now)
    if asked.strong is None:
        return opened, None
    return opened, open_strong(read_file(asked.strong), trust, Leniency(), now)


def _trust(asked: Asked, policy: ModelPolicy | None) -> Trust:
    """Keys that may verify: those given, and those that the policy writes out."""
    rules: tuple[ModelRule, ...] = () if policy is None else policy.rules
    written = dict.fromkeys(signer.pem for rule in rules for signer in rule.signers if signer.pem)
    keys = [read_file(path) for path in asked.keys] + [pem.encode() for pem in written]
    return Trust(
        keys=tuple(dict.fromkeys(map(load_public_key, keys))),
        roots=tuple(one for path in asked.roots for one in load_certificates(read_file(path))),
    )


def _named(
    asked: Asked, policy: ModelPolicy | None, second: OpenedStrong | None
) -> tuple[str, str]:
    """Name and version: those given, else those that were signed, else the folder's own name."""
    strong = None if second is None else second.strong
    name = asked.name or ("" if strong is None else strong.name)
    if "/" not in name and policy is not None:
        raise click.UsageError(
            "A policy judges a model by its name: give --name ORGANISATION/NAME."
        )
    if not name:
        name = asked.path.resolve().name
    return name, asked.version or ("" if strong is None else strong.version)


def _inside(asked: Asked) -> frozenset[str]:
    """The bundles that lie in the model's own folder: a signature does not sign itself."""
    here = asked.path.resolve()
    given = [path.resolve() for path in (asked.bundle, asked.strong) if path is not None]
    return frozenset(
        path.relative_to(here).as_posix() for path in given if path.is_relative_to(here)
    )


def _root(hashed: Hashed) -> str:
    """The root over the files; empty where one could not be read: then it would be another's."""
    return "" if hashed.findings or not hashed.files else strong_root(hashed.files).hex()


def _card(asked: Asked, tree: Tree) -> Card | None:
    if asked.card is not None:
        return read_card(read_file(asked.card))
    try:
        content = tree.content(CARD)
        return read_card(content.read(0, min(content.size, MAX_CARD_BYTES + 1)))
    except LotaError:
        return None
