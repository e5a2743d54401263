"""What a node with a TPM sends: its leaves, then the quote that covers them, with any one fault."""

from collections.abc import Callable, Sequence

from lotabots.evidence import DerivedChallenge, Evidence
from lotabots.simulator.tpm.faults import TpmFault
from lotabots.simulator.tpm.log_faults import LOGS
from lotabots.simulator.tpm.quote_faults import BYTES, DRAFTS, ROOTS, SENT, earlier
from lotabots.simulator.tpm.root import Draft, Logs, evidence_of, leaf_of, root_evidence
from lotabots.simulator.tpm.simulated import SimulatedTpm

Collect = Callable[[DerivedChallenge], Sequence[Evidence]]
"""Every device's answer to a challenge."""


def cover(
    tpm: SimulatedTpm,
    challenge: DerivedChallenge,
    collect: Collect,
    fault: TpmFault | None,
    logs: Logs,
) -> list[Evidence]:
    """The evidence of the whole node, the TPM's last.

    ValueError if the fault needs more devices than there are.
    """
    leaves = list(collect(challenge))
    covered = [leaf_of(one) for one in leaves]
    if fault is None:
        return [*leaves, root_evidence(tpm, challenge, covered, logs)]
    draft = Draft.of(tpm, challenge, covered)
    if change := DRAFTS.get(fault):
        draft = change(draft, challenge, covered)
    root = draft.root(logs)
    if alter := ROOTS.get(fault):
        root = alter(root, draft)
    if lie := LOGS.get(fault):
        root = lie(root, draft.tpm.boot)
    data = root.encode()
    if damage := BYTES.get(fault):
        data = damage(data)
    if swap := SENT.get(fault):
        leaves = swap(leaves, collect(earlier(challenge)))
    return [*leaves, evidence_of(data)]
