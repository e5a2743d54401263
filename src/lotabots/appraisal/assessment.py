"""A whole model judged in one go: signatures, scan, controls, and the verdict of the trust policy.

1. The rule of the policy that decides says whose signatures count, and what a scan may let pass.
2. The bundles are opened under that trust; they say by which algorithm the files must be hashed.
3. The files, read by the caller, are held against the bundles.
4. The same files are scanned, where they are here to be read; else nobody scanned them.
5. The packs of controls that the rule asks for are evaluated on all of that.
6. The policy judges. Everything that it was told stands beside the verdict.

Pure: who calls it reads files and clock. The command line and the registry both call it.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from lotabots.appraisal.compliance import (
    ComplianceReport,
    Evidence,
    evaluate,
    load_catalogue,
    read_card,
)
from lotabots.appraisal.models import (
    ModelPolicy,
    ModelRule,
    ModelVerdict,
    Previous,
    Scanned,
    ScannedFile,
    Signed,
    judge_model,
    signed_of,
)
from lotabots.appraisal.verdict import Appraiser
from lotabots.models import (
    Algorithm,
    Certificate,
    Hashed,
    Leniency,
    Opened,
    OpenedStrong,
    Options,
    Trust,
    Tree,
    Verified,
    compare_tensors,
    load_public_key,
    open_bundle,
    open_strong,
    verify_opened,
)
from lotabots.models.scan import Options as ScanOptions
from lotabots.models.scan import ScanReport, scan

PICKLES = frozenset({"pickle", "pytorch"})
"""Formats that are programs for a machine that loads objects."""
CARD = "README.md"
MAX_CARD_BYTES = 1024 * 1024


class Bundles(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed over a model, opened under the trust of the rule that decides about it."""

    opened: Opened | None
    strong: OpenedStrong | None

    @property
    def algorithm(self) -> Algorithm:
        """By which the model's files must be hashed."""
        if self.opened is None or self.opened.manifest is None:
            return Algorithm.SHA256
        return self.opened.manifest.algorithm


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, and everything that the policy was told."""

    verdict: ModelVerdict
    verified: Verified | None
    scanned: ScanReport | None
    controls: ComplianceReport | None


def open_bundles(
    name: str,
    bundle: bytes | None,
    strong: bytes | None,
    policy: ModelPolicy,
    roots: Sequence[Certificate],
    now: datetime,
) -> Bundles:
    """Steps 1 and 2. `roots` are the certificates that signers' chains may lead to.

    Raises `MODEL_NAME_MALFORMED`; a bundle that is none is a finding in it.
    """
    trust = _trust(policy.choose(name).rule, roots)
    return Bundles(
        opened=None if bundle is None else open_bundle(bundle, trust, Leniency(), now),
        strong=None if strong is None else open_strong(strong, trust, Leniency(), now),
    )


def assess(
    *,
    name: str,
    version: str,
    bundles: Bundles,
    hashed: Hashed,
    tree: Tree,
    readable: bool,
    policy: ModelPolicy,
    previous: Previous | None,
    now: datetime,
    appraiser: Appraiser,
) -> Assessment:
    """Steps 3 to 6. `readable` says that the tree's contents are here, not only their digests.

    Raises `MODEL_NAME_MALFORMED`, and `MODEL_HASH_ALGORITHM` for files hashed by another algorithm
    than `bundles.algorithm`.
    """
    rule = policy.choose(name).rule
    verified = _verified(bundles, hashed, tree, now)
    signed = None if verified is None else signed_of(verified)
    report = scan(tree, _scan_options(rule)) if readable else None
    scanned = None if report is None else _scanned(report, rule)
    controls = None
    if rule is not None and rule.controls:
        controls = evaluate(
            load_catalogue(rule.controls),
            _evidence(name, version, now, signed, scanned, report, rule, previous, tree),
            policy_id=policy.id,
            appraiser=appraiser,
        )
    verdict = judge_model(
        name=name,
        version=version,
        signed=signed,
        scanned=scanned,
        controls=None if controls is None else controls.controls,
        policy=policy,
        previous=previous,
        now=now,
        appraiser=appraiser,
    )
    return Assessment(verdict=verdict, verified=verified, scanned=report, controls=controls)
