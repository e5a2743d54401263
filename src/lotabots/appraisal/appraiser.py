"""The appraisal: evidence, challenge, reference, anchors, policy, previous and now to one verdict.

1. The challenge says which nonce each subject must carry; nothing is read from evidence for it.
2. Each scheme verifies its evidence into claims; what no scheme reads is a finding.
3. Checks compare the devices that answered with what was asked and required.
4. Rules judge every device, and the node; none stops the others.
5. A part is as good as the worst of its rules and findings; the verdict, as its worst part.

No evidence, no rule, or nothing that could be judged is never a pass.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lotabots.appraisal.bindings import (
    Graph,
    binding_facts,
    bindings,
    decided,
    warnings,
    with_owners,
)
from lotabots.appraisal.checks import CHECKS
from lotabots.appraisal.checks.case import Case, finding
from lotabots.appraisal.checks.inventory import MISPLACED
from lotabots.appraisal.fixture import BINDINGS, FULL_FACTS, NODE
from lotabots.appraisal.inputs import Inputs
from lotabots.appraisal.judge import Judgement, Weighed, in_order, judge, weigh
from lotabots.appraisal.paths import fact_at
from lotabots.appraisal.rule import LoadedRule
from lotabots.appraisal.state import Scope, judged_from
from lotabots.appraisal.verdict import (
    AFFIRMING,
    NO_CLAIM,
    UNRECOGNISED,
    Appraiser,
    Binding,
    Part,
    Verdict,
    outcome_of,
    tier_of,
    worst,
)
from lotabots.evidence import (
    Caches,
    Claims,
    Context,
    DerivedChallenge,
    Evidence,
    Facts,
    Finding,
    InventoryItem,
    Level,
    NodeClaims,
    expected_nonce,
)
from lotabots.evidence.schemes import SCHEMES
from lotabots.kernel import canonical, sha256_hex


def appraise(inputs: Inputs, caches: Caches, appraiser: Appraiser) -> Verdict:
    """The verdict on one node. Refusals are findings in it; nothing raises."""
    inventory = _inventory(inputs)
    claims = _verify(inputs, caches)
    case = Case(
        claims=claims.devices,
        inventory=inventory,
        policy=inputs.policy,
        previous=inputs.previous,
        now=inputs.moment,
        scope=inputs.scope,
        identity=inputs.identity,
        node=inputs.node,
        revoked=inputs.revoked,
        facts=claims.facts,
    )
    between = [*claims.findings, *(found for check in CHECKS for found in check(case))]
    answered = {device.subject for device in claims.devices}
    silent = [
        _nothing_proven(subject, item.kind, ())
        for subject, item in (inventory or {}).items()
        if subject not in answered
    ]
    devices = (*claims.devices, *silent)
    parts = [_part(device, between, inputs) for device in devices]
    subjects = {device.subject for device in devices}
    graph = Graph(
        challenge=inputs.challenge,
        claims=claims.devices,
        node=claims.facts,
        in_place=not any(found.code in MISPLACED for found in between),
        identity=inputs.identity,
        scope=inputs.scope,
    )
    others = [found for found in between if found.subject not in subjects]
    node, ties = _node(graph, others, inputs)
    # Nothing refused and nothing there is still nothing.
    tier = worst([node.tier, *([part.tier for part, _ in parts] or [NO_CLAIM])])
    # A device's own findings first: what the node lacks mostly follows from them.
    weighed = [*(one for _, found in parts for one in found), *node.findings]
    return Verdict(
        outcome=outcome_of(tier),
        tier=tier,
        parts=tuple(part for part, _ in parts),
        facts=claims.facts,
        findings=in_order(weighed),
        bindings=ties,
        policy_id=inputs.policy.id,
        reference_digest=claims.reference_digest,
        collateral_digest=claims.collateral_digest,
        evidence=inputs.evidence_digests(),
        challenge=inputs.challenge_id,
        node=inputs.node,
        evaluated_at=inputs.moment,
        appraiser=appraiser,
    )


class _Judged(NamedTuple):
    """A subject's tier and findings, by rules and by everything else."""

    tier: int
    findings: tuple[Weighed, ...]

    @classmethod
    def of(cls, judgement: Judgement, findings: Sequence[Finding]) -> "_Judged":
        tiers = [judgement.tier, *(tier_of(found.cause) for found in findings)]
        return cls(worst(tiers), (*map(weigh, findings), *judgement.findings))


def _node(
    graph: Graph, findings: Sequence[Finding], inputs: Inputs
) -> tuple[_Judged, tuple[Binding, ...]]:
    """What lies between the devices, judged, and how strongly it is tied together."""
    ties = bindings(graph)
    facts = {**graph.node, **binding_facts(ties, inputs.identity)}
    rules = inputs.policy.by_kind.get(NODE, ())
    if inputs.scope is Scope.LIGHT:
        # What only the devices of a full attestation can tell was judged there, by this policy.
        rules = tuple(rule for rule in rules if _is_light(rule, facts))
    # Unlike a device, the space between devices may be left without a rule.
    judgement = Judgement(AFFIRMING, {}, ())
    if rules:
        judgement = judge(rules, NODE, NODE, facts, inputs.moment)
    by_rule = decided(rules, judgement)
    weaknesses = warnings(graph, ties, by_rule)
    return _Judged.of(judgement, [*findings, *weaknesses]), with_owners(ties, by_rule)


def _is_light(loaded: LoadedRule, facts: Facts) -> bool:
    """Whether a light attestation says something about every claim that the rule names."""
    return not any(
        claim[0] in FULL_FACTS or (claim[0] == BINDINGS and fact_at(facts, claim) is None)
        for claim in loaded.condition.claims
    )


def _part(
    device: Claims, between: Sequence[Finding], inputs: Inputs
) -> tuple[Part, tuple[Weighed, ...]]:
    rules = inputs.policy.by_kind.get(device.kind, ())
    judgement = judge(rules, device.kind, device.subject, device.facts, inputs.moment)
    judged = _Judged.of(
        judgement,
        [*device.findings, *(found for found in between if found.subject == device.subject)],
    )
    refused = device.simulated and not inputs.policy.allow_simulated
    tier = UNRECOGNISED if refused else judged.tier
    part = Part(
        subject=device.subject,
        kind=device.kind,
        outcome=outcome_of(tier),
        tier=tier,
        level=device.level,
        simulated=device.simulated,
        vector=judgement.vector,
        facts=device.facts,
        findings=in_order(judged.findings),
    )
    return part, judged.findings


def _inventory(inputs: Inputs) -> Mapping[str, InventoryItem] | None:
    """Subject -> declared device, for the places that the challenge was made for."""
    challenge = inputs.challenge
    return challenge.devices() if isinstance(challenge, DerivedChallenge) else None


def _verify(inputs: Inputs, caches: Caches) -> NodeClaims:
    """Claims of every piece of evidence, in its order; each piece has exactly one."""
    context = Context(
        nonces=expected_nonce(inputs.challenge, [one.subject for one in inputs.evidence]),
        reference=inputs.reference,
        anchors=inputs.anchors,
        now=inputs.moment,
        max_revocation_age=inputs.policy.max_revocation_age,
        caches=caches,
        declared={subject: item.device_id for subject, item in (_inventory(inputs) or {}).items()},
        models=inputs.models,
        challenge=inputs.challenge,
        leaves=inputs.leaves(),
        tpms=inputs.tpms,
        tpm_state=judged_from(inputs.previous, inputs.scope),
    )
    devices: dict[int, Claims] = {}
    # A light verdict says so: whoever reads it must not take it for one about every device.
    facts: Facts = {"scope": Scope.LIGHT.value} if inputs.scope is Scope.LIGHT else {}
    findings: list[Finding] = []
    reference: dict[str, str] = {}
    collateral: dict[str, str] = {}
    for scheme in SCHEMES:
        places = [at for at, one in enumerate(inputs.evidence) if one.scheme == scheme.name]
        if not places:
            continue
        claims = scheme.verify([inputs.evidence[at] for at in places], context)
        # Fewer claims than evidence: the scheme refused the whole, and its findings say why.
        devices.update(zip(places, claims.devices, strict=False))
        facts.update(claims.facts)
        findings.extend(claims.findings)
        reference[scheme.name] = claims.reference_digest
        collateral[scheme.name] = claims.collateral_digest
    return NodeClaims(
        devices=tuple(devices.get(at) or _unread(one) for at, one in enumerate(inputs.evidence)),
        facts=facts,
        findings=tuple(findings),
        reference_digest=sha256_hex(canonical(reference)),
        collateral_digest=sha256_hex(canonical(collateral)),
    )


def _unread(evidence: Evidence) -> Claims:
    kind = evidence.subject.rstrip("0123456789")
    known = [scheme.name for scheme in SCHEMES]
    if evidence.scheme in known:
        return _nothing_proven(evidence.subject, kind, ())
    unknown = finding(
        "NODE-SCHEME-UNKNOWN",
        evidence.subject,
        expected=", ".join(known),
        measured=evidence.scheme[:64],
    )
    return _nothing_proven(evidence.subject, kind, (unknown,))


def _nothing_proven(subject: str, kind: str, findings: tuple[Finding, ...]) -> Claims:
    return Claims(
        subject=subject,
        kind=kind,
        level=Level.NONE,
        simulated=False,
        facts={},
        findings=findings,
    )
