"""Claims held against a policy: every finding, one verdict, replayable by anyone."""

from lotabots.appraisal.accepted import Accepted
from lotabots.appraisal.appraiser import appraise
from lotabots.appraisal.cadence import Cadence, Needed, full_is_next
from lotabots.appraisal.differences import Difference, FactChange, difference
from lotabots.appraisal.inputs import Inputs
from lotabots.appraisal.policies import TEXTS as POLICY_TEXTS
from lotabots.appraisal.policies import builtin_policy
from lotabots.appraisal.policy import Policy, load_policy
from lotabots.appraisal.state import (
    LIGHT_KINDS,
    Identity,
    NodeState,
    Scope,
    judged_from,
    next_state,
    revoked_digest,
)
from lotabots.appraisal.stored import Packed, blob_names, pack_inputs, replay, unpack_inputs
from lotabots.appraisal.trial import Change, Trial, try_policy
from lotabots.appraisal.verdict import (
    AFFIRMING,
    CONTRAINDICATED,
    NO_CLAIM,
    UNRECOGNISED,
    VECTOR,
    WARNING,
    Appraiser,
    Binding,
    EvidenceDigest,
    Outcome,
    Part,
    Strength,
    Verdict,
    appraiser_digest,
    outcome_of,
)

__all__ = [
    "AFFIRMING",
    "CONTRAINDICATED",
    "LIGHT_KINDS",
    "NO_CLAIM",
    "POLICY_TEXTS",
    "UNRECOGNISED",
    "VECTOR",
    "WARNING",
    "Accepted",
    "Appraiser",
    "Binding",
    "Cadence",
    "Change",
    "Difference",
    "EvidenceDigest",
    "FactChange",
    "Identity",
    "Inputs",
    "Needed",
    "NodeState",
    "Outcome",
    "Packed",
    "Part",
    "Policy",
    "Scope",
    "Strength",
    "Trial",
    "Verdict",
    "appraise",
    "appraiser_digest",
    "blob_names",
    "builtin_policy",
    "difference",
    "full_is_next",
    "judged_from",
    "load_policy",
    "next_state",
    "outcome_of",
    "pack_inputs",
    "replay",
    "revoked_digest",
    "try_policy",
    "unpack_inputs",
]
