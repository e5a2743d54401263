"""`lotabots model verify`: who signed a model, what changed, how strong each guarantee is."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from lotabots.cli.model.digest_cache import cache_option, digest_cache
from lotabots.cli.model.guarantees import print_verified, verified_json
from lotabots.cli.model.progress import progress
from lotabots.cli.model.sign import beside, inside
from lotabots.cli.output import EXIT_OF, output_option, print_json
from lotabots.cli.values import TimeValue, read_file
from lotabots.models import (
    MAX_BUNDLE_BYTES,
    Algorithm,
    Hashed,
    Leniency,
    Opened,
    OpenedStrong,
    Options,
    Severity,
    TensorEntry,
    Trust,
    Verified,
    load_public_key,
    needless,
    open_bundle,
    open_strong,
    verify_opened,
)
from lotabots.models.read import Folder, hash_tree, open_folder
from lotabots.runtime.clock import utc_now

if TYPE_CHECKING:  # a policy is loaded where one is given: without it the command starts sooner
    from lotabots.appraisal.models import ModelPolicy, ModelVerdict, TrustedSigner
    from lotabots.models import Certificate, SigstoreTrust


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the command was told."""

    path: Path
    bundle: Path
    strong: Path | None
    keys: tuple[Path, ...]
    roots: tuple[Path, ...]
    trusted_root: Path | None
    identity: str | None
    issuer: str | None
    policy: Path | None
    name: str | None
    version: str
    ignore: tuple[str, ...]
    against: str
    counter: int
    legacy: bool
    at: datetime | None
    cache: bool


@click.command("verify")
@click.argument("path", type=Path)
@click.option("--bundle", type=Path, required=True, help="The signature: a Sigstore bundle.")
@click.option(
    "--strong-bundle", "strong", type=Path, help="The second one. Default: *.lota.sig beside it."
)
@click.option("--policy", type=Path, help="The trust policy: who may sign what.")
@click.option("--key", "keys", type=Path, multiple=True, help="A public key that may have signed.")
@click.option("--root", "roots", type=Path, multiple=True, help="Certificates that are trusted.")
@click.option("--trusted-root", type=Path, help="Sigstore's trusted_root.json; with both below.")
@click.option("--identity", help="The e-mail address or URI that signed through Sigstore.")
@click.option("--issuer", help="Who vouches for that identity.")
@click.option("--ignore", multiple=True, help="An unsigned file or folder that no loader reads.")
@click.option("--against", default="", help="The identity or OMS root that it must have.")
@click.option("--counter", type=click.IntRange(0), default=0, help="Refuse what is older.")
@click.option("--legacy", is_flag=True, help="Take signatures of before model-signing 1.0.")
@click.option("--name", help="Organisation and name, for the policy. Default: what was signed.")
@click.option("--model-version", "version", default="", help="The version it is said to be.")
@click.option("--at", type=TimeValue(), help="Judge as of this time instead of now.")
@cache_option
@output_option
def command(output: str, **asked: Any) -> int:  # noqa: ANN401  # click hands over what it parsed
    """Verify the model at PATH offline: every file, every name, every signature.

    Nothing of the model is loaded or run. Without --policy it is accepted if somebody whom you
    name has signed exactly it; with one, the policy decides.
    """
    told = Asked(**asked)
    now = told.at or utc_now()
    policy = _policy(told.policy) if told.policy else None
    trust = _trust(told, policy)
    strong = told.strong or (beside(told.bundle) if beside(told.bundle).is_file() else None)
    options = Options(
        leniency=Leniency(legacy=told.legacy),
        ignore=tuple(told.ignore),
        excluded=inside(told.path, [place for place in (told.bundle, strong) if place]),
        minimum_counter=told.counter,
        against=told.against.lower(),
    )
    opened = open_bundle(_bundle(told.bundle), trust, options.leniency, now)
    second = open_strong(_bundle(strong), trust, options.leniency, now) if strong else None
    with open_folder(told.path) as tree:
        hashed = _hashed(tree, opened, second, options, told.cache)
        verified = verify_opened(opened, second, hashed, tree, now, options)
        verdict = _judged(told, policy, verified, hashed, tree, now) if policy else None
    outcome = verdict.outcome.value if verdict else outcome_of(verified)
    if output == "json":
        print_json({"verdict": outcome, **verified_json(verified, hashed), "policy": verdict})
    else:
        print_verified(outcome, verified, hashed, verdict.findings if verdict else ())
    return EXIT_OF[outcome]


def outcome_of(verified: Verified) -> str:
    """The word for what verification alone found."""
    if verified.severity is Severity.REJECT:
        return "rejected"
    return "accepted" if verified.holds else "inconclusive"


def _policy(path: Path) -> "ModelPolicy":
    from lotabots.appraisal.models import load_model_policy

    return load_model_policy(read_file(path))


def _trust(told: Asked, policy: "ModelPolicy | None") -> Trust:
    """Those named on the command line, and those that the policy writes out."""
    signers = [one for rule in policy.rules for one in rule.signers] if policy else []
    if bool(told.identity) != bool(told.issuer):
        raise click.UsageError("--identity and --issuer are given together.")
    pems = [read_file(one) for one in told.keys]
    pems += [one.pem.encode() for one in signers if one.pem]
    sigstore = _sigstore(told.trusted_root, told, signers) if told.trusted_root else None
    if not (pems or told.roots or sigstore):
        raise click.UsageError("Say whom you trust: --key, --root, --trusted-root or --policy.")
    return Trust(
        keys=tuple(dict.fromkeys(map(load_public_key, pems))),
        roots=tuple(one for path in told.roots for one in _certificates(path)),
        sigstore=sigstore,
    )


def _certificates(path: Path) -> "Sequence[Certificate]":
    from lotabots.models import load_certificates

    return load_certificates(read_file(path))


def _sigstore(root: Path, told: Asked, signers: "Sequence[TrustedSigner]") -> "SigstoreTrust":
    from lotabots.models import Identity, SigstoreTrust, load_trusted_root

    identities = [Identity(*one.trusted[1:]) for one in signers if one.trusted[0] == "sigstore"]
    if told.identity and told.issuer:
        identities.append(Identity(told.identity, told.issuer))
    if not identities:
        raise click.UsageError("--trusted-root needs --identity and --issuer, or a policy.")
    return SigstoreTrust(load_trusted_root(read_file(root)), tuple(identities))


def _bundle(path: Path) -> bytes:
    """The file, and one byte more than a bundle may have: too large is a finding, not an error."""
    with path.open("rb") as file:
        return file.read(MAX_BUNDLE_BYTES + 1)


def _hashed(
    tree: Folder, opened: Opened, second: OpenedStrong | None, options: Options, cached: bool
) -> Hashed:
    """The digests that the signatures need; none where there is nothing to hold them against."""
    manifest = opened.manifest
    if manifest is None:
        return Hashed(algorithm=Algorithm.SHA256, files=())
    skip = needless(opened, options)
    strong = second.strong if second is not None else None
    tensors = _tensors(tree) if strong is not None and strong.tensor_root else None
    size = sum(one.size for one in tree.listed if not skip(one.path))
    with digest_cache(cached) as cache, progress("Verifying", size) as tell:
        return hash_tree(
            tree,
            algorithm=manifest.algorithm,
            tensors=tensors,
            progress=tell,
            cache=cache,
            skip=skip,
        )


def _tensors(tree: Folder) -> Sequence[TensorEntry]:
    from lotabots.cli.model.reading import read_headers

    return [one for parsed in read_headers(tree).parsed.values() for one in parsed.tensors]


def _judged(
    told: Asked,
    policy: "ModelPolicy",
    verified: Verified,
    hashed: Hashed,
    tree: Folder,
    now: datetime,
) -> "ModelVerdict":
    from lotabots.appraisal.assessment import assess
    from lotabots.appraisal.models import scan_options
    from lotabots.models.scan import scan
    from lotabots.runtime.appraiser import this_appraiser

    name = told.name or (verified.strong.name if verified.strong is not None else "")
    if "/" not in name:
        raise click.UsageError("A policy judges a model by its name: give --name ORG/NAME.")
    version = told.version or (verified.strong.version if verified.strong is not None else "")
    judged = assess(
        name=name,
        version=version,
        verified=verified,
        hashed=hashed,
        tree=tree,
        scan=scan(tree, scan_options(policy.choose(name).rule)),
        policy=policy,
        previous=None,
        now=now,
        appraiser=this_appraiser(),
    )
    return judged.verdict
