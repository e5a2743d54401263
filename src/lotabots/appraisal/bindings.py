"""How strongly the things a verdict speaks about are tied together, graded without flattery.

The graph is research on remote attestation, section 7.6. What ties a GPU to its host on today's
hardware is at most that the host's root quote covers the GPU's evidence: no device says in which
host it is before there is TDISP, so that tie is weak, and somebody has to put up with it by name.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from lotabots.appraisal.accepted import Accepted
from lotabots.appraisal.checks.case import finding
from lotabots.appraisal.fixture import BINDINGS, IDENTITY, NODE
from lotabots.appraisal.inputs import ROOT_KINDS
from lotabots.appraisal.judge import Judgement
from lotabots.appraisal.paths import Path, fact_at
from lotabots.appraisal.rule import LoadedRule
from lotabots.appraisal.state import Identity, Scope
from lotabots.appraisal.verdict import Binding, Strength
from lotabots.evidence import Challenge, Claims, DerivedChallenge, Facts, Finding, Level

SESSION_KEY = "session-key-root-of-trust"
GPU_HOST = "gpu-host"
_DEVICES = frozenset({"gpu", "switch"})
_MODEL = "model"


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """What the bindings of one node follow from."""

    challenge: Challenge
    claims: Sequence[Claims]
    node: Facts
    in_place: bool
    """Each declared device answered in its place."""
    identity: Identity
    scope: Scope

    @property
    def has_root(self) -> bool:
        """Whether a quote of this node's root of trust holds over all that was sent."""
        return isinstance(self.challenge, DerivedChallenge) and any(
            device.kind in ROOT_KINDS
            and device.level is Level.ATTESTED
            and device.facts.get("nonce") == "match"
            and fact_at(device.facts, ("manifest", "status")) == "match"
            for device in self.claims
        )

    @property
    def is_rooted(self) -> bool:
        """Whether the node has a root of trust, or at least a key that it enrolled with."""
        return self.identity is not Identity.DECLARED or any(
            device.kind in ROOT_KINDS for device in self.claims
        )


def bindings(graph: Graph) -> tuple[Binding, ...]:
    """Every binding, in fixed order; of a light attestation those that it says something about."""
    session = (_session_key(graph), _nonce_to_session_key(graph.challenge, graph.claims))
    verdict = Binding(
        between="policy-verdict",
        strength=Strength.STRONG,
        why="the policy's content digest is part of the verdict",
    )
    if graph.scope is Scope.LIGHT:
        return (*session, verdict)
    inside = (_container_to_kernel(), _model_to_container(graph)) if graph.is_rooted else ()
    return (*session, _gpu_to_host(graph), *inside, _fabric(graph), verdict)


def binding_facts(found: Iterable[Binding], identity: Identity) -> Facts:
    """The facts that rules about `node` see of them: `node.bindings.gpu_host`, `node.identity`."""
    return {
        BINDINGS: {_fact(binding): binding.strength.value for binding in found},
        IDENTITY: identity.value,
    }


def decided(rules: Iterable[LoadedRule], judgement: Judgement) -> dict[Path, Accepted | None]:
    """What a rule has found wanting, by its path, and who puts up with it: the rule's own word."""
    accepted = {loaded.rule.id: loaded for loaded in rules}
    found: dict[Path, Accepted | None] = {}
    for weighed in judgement.findings:
        loaded = accepted[weighed.finding.rule]
        standing = loaded.rule.accepted if weighed.finding.code == "POLICY-WARNING" else None
        for claim in loaded.condition.claims:
            found[claim] = found.get(claim) or standing
    return found


def with_owners(
    found: Iterable[Binding], by_rule: dict[Path, Accepted | None]
) -> tuple[Binding, ...]:
    """The bindings, each with who puts up with it as it is."""
    return tuple(
        msgspec.structs.replace(binding, accepted=by_rule.get((BINDINGS, _fact(binding))))
        for binding in found
    )


def warnings(
    graph: Graph, found: Iterable[Binding], by_rule: Collection[Path]
) -> Iterator[Finding]:
    """One finding for each weakness that no rule of the policy has spoken about."""
    for binding in found:
        if (
            binding.between == GPU_HOST
            and binding.strength is Strength.WEAK
            and (BINDINGS, _fact(binding)) not in by_rule
        ):
            yield finding(
                "NODE-BINDING-WEAK", NODE, expected=f"{GPU_HOST}: strong", measured=binding.why
            )
    enrolled = graph.identity not in (Identity.DECLARED, Identity.TPM)
    if enrolled and (IDENTITY,) not in by_rule:
        yield finding(
            "NODE-IDENTITY-SOFTWARE",
            NODE,
            expected="a key that a TPM vouches for",
            measured=f"a {graph.identity} key",
        )


def _fact(binding: Binding) -> str:
    return binding.between.replace("-", "_")


def _session_key(graph: Graph) -> Binding:
    strength, why = Strength.NONE, "no TPM or TEE quote covers the session key yet"
    if graph.has_root:
        strength, why = Strength.STRONG, "the TPM's quote covers the session key's digest"
    elif graph.identity is Identity.TPM:
        why = "no quote of the node's TPM that holds covers the session key"
    elif graph.identity is not Identity.DECLARED:
        strength, why = Strength.WEAK, "the node enrolled with this key, and no TPM vouches for it"
    return Binding(between=SESSION_KEY, strength=strength, why=why)


def _nonce_to_session_key(challenge: Challenge, claims: Sequence[Claims]) -> Binding:
    between = "nonce-session-key"
    if not claims or any(device.facts.get("nonce") != "match" for device in claims):
        why = "not every device signed the nonce that it was asked to sign"
        return Binding(between=between, strength=Strength.NONE, why=why)
    if isinstance(challenge, DerivedChallenge):
        why = "each device signed a nonce derived from the session key's digest"
        return Binding(between=between, strength=Strength.STRONG, why=why)
    why = "every device signed the nonce that was given; no session key is part of it"
    return Binding(between=between, strength=Strength.WEAK, why=why)


def _gpu_to_host(graph: Graph) -> Binding:
    why = "nothing says in which host the devices are"
    devices = [device for device in graph.claims if device.kind in _DEVICES]
    if isinstance(graph.challenge, DerivedChallenge) and graph.in_place:
        why = (
            "every device is the one the inventory pins, but no host's quote covers their evidence"
        )
    if not devices and graph.is_rooted:
        why = "no GPU answered"
    elif graph.has_root and graph.in_place and all(map(_proven, devices)):
        why = "the host's quote covers the devices' evidence; no device says in which host it is"
        return Binding(between=GPU_HOST, strength=Strength.WEAK, why=why)
    return Binding(between=GPU_HOST, strength=Strength.NONE, why=why)


def _proven(device: Claims) -> bool:
    return device.level is not Level.NONE and device.facts.get("nonce") == "match"


def _container_to_kernel() -> Binding:
    why = "no evidence says which containers run"
    return Binding(between="container-kernel", strength=Strength.NONE, why=why)


def _model_to_container(graph: Graph) -> Binding:
    between = "model-container"
    models = [device for device in graph.claims if device.kind == _MODEL]
    if not models:
        why = "no model is part of the evidence"
        return Binding(between=between, strength=Strength.NONE, why=why)
    if graph.has_root and all(model.facts.get("manifest") == "match" for model in models):
        why = "the host's quote covers what its agent read of the files; no container is part of it"
        return Binding(between=between, strength=Strength.WEAK, why=why)
    why = "no quote of the host covers what it says of the model's files"
    return Binding(between=between, strength=Strength.NONE, why=why)


def _fabric(graph: Graph) -> Binding:
    status = fact_at(graph.node, ("topology", "status"))
    if status == "closed":
        why = "GPUs and switches name each other under their signatures, and nobody else"
        return Binding(between="fabric", strength=Strength.STRONG, why=why)
    why = "these devices share no fabric"
    if status != "not_applicable" and not (status is None and graph.is_rooted):
        why = "GPUs and switches do not account for each other"
    return Binding(between="fabric", strength=Strength.NONE, why=why)
