"""A whole model judged in one go: signatures, scan, controls, and the verdict of the trust policy.

1. The rule of the policy that decides says whose signatures count, and what a scan may let pass.
2. The bundles are opened under that trust; they say by which algorithm the files must be hashed.
3. The files, read by the caller, are held against the bundles.
4. The same files are scanned, where they are here to be read; else nobody scanned them.
5. The packs of controls that the rule asks for are evaluated on all of that.
6. The policy judges. Everything that it was told stands beside the verdict.

Pure: who calls it reads files and clock. The command line and the registry both call it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

import msgspec

from lotabots.appraisal.compliance import (
    Card,
    ComplianceReport,
    Evidence,
    Sample,
    Waiver,
    evaluate,
    facts_of,
    load_catalogue,
    read_card,
    sample_tensors,
)
from lotabots.appraisal.models import (
    ModelPolicy,
    ModelRule,
    ModelVerdict,
    Previous,
    judge_model,
    scan_options,
    scanned_of,
    signed_of,
)
from lotabots.appraisal.verdict import Appraiser
from lotabots.kernel import Json, LotaError
from lotabots.models import (
    Algorithm,
    Certificate,
    Hashed,
    Leniency,
    Opened,
    OpenedStrong,
    TensorEntry,
    Tree,
    Trust,
    Verified,
    load_public_key,
    open_bundle,
    open_strong,
)
from lotabots.models.scan import ScanReport

CARD = "README.md"


class _Contents(TypedDict, total=False):
    tensors: tuple[TensorEntry, ...]
    sample: Sample
    facts: Mapping[str, Json]
    card: Card | None


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
    """A verdict, and what the policy was told."""

    verdict: ModelVerdict
    controls: ComplianceReport | None
    evidence: Evidence
    """What controls are computed from, and a bill of materials is written from."""


def open_bundles(
    name: str,
    bundle: bytes | None,
    strong: bytes | None,
    policy: ModelPolicy,
    now: datetime,
    roots: Sequence[Certificate] = (),
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
    verified: Verified | None,
    hashed: Hashed,
    tree: Tree,
    scan: ScanReport | None,
    policy: ModelPolicy,
    previous: Previous | None,
    now: datetime,
    appraiser: Appraiser,
    waivers: Sequence[Waiver] = (),
) -> Assessment:
    """Steps 5 and 6. `verified` is of step 3, None where nothing was signed; `scan` of step 4.

    Raises `MODEL_NAME_MALFORMED`.
    """
    rule = policy.choose(name).rule
    signed = None if verified is None else signed_of(verified)
    scanned = None if scan is None else scanned_of(scan, scan_options(rule))
    if scanned is not None:
        scanned = msgspec.structs.replace(scanned, findings=scanned.findings + hashed.findings)
    evidence = Evidence(
        name=name,
        version=version,
        root="" if signed is None else signed.root,
        now=now,
        signed=signed,
        scanned=scanned,
        rule=rule,
        previous=previous,
        **_contents(tree, scan),
    )
    controls = None
    if rule is not None and rule.controls:
        catalogue = load_catalogue(rule.controls)
        controls = evaluate(
            catalogue, evidence, waivers=waivers, policy_id=policy.id, appraiser=appraiser
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
    return Assessment(verdict=verdict, controls=controls, evidence=evidence)


def _contents(tree: Tree, scan: ScanReport | None) -> _Contents:
    """What controls ask of the contents; nothing where nobody has looked at them."""
    if scan is None:
        return {}
    return {
        "tensors": scan.tensors,
        "sample": sample_tensors(tree, scan.tensors),
        "facts": facts_of(scan),
        "card": _card(tree),
    }


def _trust(rule: ModelRule | None, roots: Sequence[Certificate]) -> Trust:
    """The keys that the rule writes out; nobody's where no rule decides."""
    pems = [] if rule is None else [signer.pem for signer in rule.signers if signer.pem]
    return Trust(
        keys=tuple(load_public_key(pem.encode()) for pem in dict.fromkeys(pems)),
        roots=tuple(roots),
    )


def _card(tree: Tree) -> Card | None:
    try:
        content = tree.content(CARD)
        return read_card(content.read(0, content.size))
    except LotaError:
        return None
