"""The facts of a good node, kind by kind: what a policy must accept, less one claim at a time."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.appraisal.state import LIGHT_KINDS
from lotabots.evidence import Facts
from lotabots.evidence.schemes import SCHEMES

NODE = "node"
"""The kind of the facts that only exist between devices."""

BINDINGS, IDENTITY = "bindings", "identity"
"""The node's facts that the appraiser itself states."""

_TIED: Facts = {
    BINDINGS: {
        "session_key_root_of_trust": "strong",
        "nonce_session_key": "strong",
        "gpu_host": "strong",
        "container_kernel": "strong",
        "model_container": "strong",
        "fabric": "strong",
        "policy_verdict": "strong",
    },
    IDENTITY: "tpm",
}
_STATED = {kind: facts for scheme in SCHEMES for kind, facts in scheme.good_facts.items()}

GOOD: Mapping[str, Facts] = MappingProxyType({**_STATED, NODE: {**_STATED[NODE], **_TIED}})
"""Kind -> facts as its scheme gives them for a good device; `node` for a good node."""

FULL_FACTS = frozenset(
    name
    for scheme in SCHEMES
    if not LIGHT_KINDS & scheme.good_facts.keys()
    for name in scheme.good_facts.get(NODE, {})
)
"""The node's facts that come from kinds of evidence which a light attestation does not ask for."""


def with_overrides(overrides: Mapping[str, Facts]) -> dict[str, Facts]:
    """The good facts with a policy's own `good:` laid over them; maps merge, all else replaces."""
    return {kind: _merged(facts, overrides.get(kind, {})) for kind, facts in GOOD.items()}


def _merged(facts: Facts, over: Facts) -> Facts:
    merged = dict(facts)
    for name, value in over.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[name] = _merged(below, value)
        else:
            merged[name] = value
    return merged
