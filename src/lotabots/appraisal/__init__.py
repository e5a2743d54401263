"""Claims held against a policy: every finding, one verdict, replayable by anyone."""

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
)

__all__ = [
    "AFFIRMING",
    "CONTRAINDICATED",
    "NO_CLAIM",
    "UNRECOGNISED",
    "VECTOR",
    "WARNING",
    "Appraiser",
    "Binding",
    "EvidenceDigest",
    "Outcome",
    "Part",
    "Strength",
    "Verdict",
    "appraiser_digest",
]
