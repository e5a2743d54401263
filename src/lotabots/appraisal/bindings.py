"""How strongly the things a verdict speaks about are tied together, graded without flattery.

The graph is research on remote attestation, section 7.6. There is no root quote (TPM or TEE) yet,
so nothing here ties a GPU to its host better than the inventory that its operator declared.
"""

from collections.abc import Sequence

from lotabots.appraisal.paths import fact_at
from lotabots.appraisal.verdict import Binding, Strength
from lotabots.evidence import Challenge, Claims, DerivedChallenge, Facts


def bindings(
    challenge: Challenge, claims: Sequence[Claims], node: Facts, *, in_place: bool
) -> tuple[Binding, ...]:
    """Every binding, in fixed order. `in_place`: each declared device answered in its place."""
    return (
        Binding(
            between="session-key-root-of-trust",
            strength=Strength.NONE,
            why="no TPM or TEE quote covers the session key yet",
        ),
        _nonce_to_session_key(challenge, claims),
        _gpu_to_host(challenge, in_place=in_place),
        _fabric(node),
        Binding(
            between="policy-verdict",
            strength=Strength.STRONG,
            why="the policy's content digest is part of the verdict",
        ),
    )


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


def _gpu_to_host(challenge: Challenge, *, in_place: bool) -> Binding:
    between = "gpu-host"
    # Weak would be a root quote of the host over the devices' evidence; an inventory is no quote.
    why = "nothing says in which host the devices are"
    if isinstance(challenge, DerivedChallenge) and in_place:
        why = (
            "every device is the one the inventory pins, but no host's quote covers their evidence"
        )
    return Binding(between=between, strength=Strength.NONE, why=why)


def _fabric(node: Facts) -> Binding:
    status = fact_at(node, ("topology", "status"))
    if status == "closed":
        why = "GPUs and switches name each other under their signatures, and nobody else"
        return Binding(between="fabric", strength=Strength.STRONG, why=why)
    why = "these devices share no fabric"
    if status != "not_applicable":
        why = "GPUs and switches do not account for each other"
    return Binding(between="fabric", strength=Strength.NONE, why=why)
