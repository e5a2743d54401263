"""Every MODEL-* code of model files on a node, and how a finding is made from one."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.evidence import Cause, Finding, coded
from lotabots.kernel.codes import Code

_MALICIOUS = Cause.MALICIOUS.value
_MISCONFIGURED = Cause.MISCONFIGURED.value
_SAME = "Copy the registered model to the node again, byte for byte, and attest anew."

CODES: tuple[Code, ...] = (
    Code(
        "MODEL-STATEMENT",
        _MALICIOUS,
        "What should state a model's files does not.",
        "Let the agent read the model and state it again; send the bytes unchanged.",
    ),
    Code(
        "MODEL-NONCE-MISMATCH",
        _MALICIOUS,
        "The statement of a model's files answers another challenge.",
        "Ask for a new challenge, state the files with its nonce, and send that.",
    ),
    Code(
        "MODEL-UNKNOWN",
        _MISCONFIGURED,
        "The model that was asked for is not in the registry.",
        "Register the model, let it be verified and approved, then attest the node.",
    ),
    Code(
        "MODEL-FILE-CHANGED",
        _MISCONFIGURED,
        "A file on the node is not the registered one.",
        _SAME,
    ),
    Code(
        "MODEL-FILE-MISSING",
        _MISCONFIGURED,
        "The node lacks a file of the registered model.",
        _SAME,
    ),
    Code(
        "MODEL-FILE-EXTRA",
        _MISCONFIGURED,
        "The node has a file beside the registered model's.",
        "Remove the file, or register the model with it.",
    ),
    Code(
        "MODEL-TENSOR-CHANGED",
        _MISCONFIGURED,
        "A tensor on the node has not the registered weights, type or shape.",
        _SAME,
    ),
    Code(
        "MODEL-CACHED",
        _MISCONFIGURED,
        "The node states digests that it remembered instead of reading the files.",
        "Let the agent read the files, or keep them under fs-verity.",
    ),
)
BY_NAME: Mapping[str, Code] = MappingProxyType({code.name: code for code in CODES})


def finding(name: str, subject: str, *, expected: str, measured: str) -> Finding:
    """The finding with this code about this subject."""
    again = name in {"MODEL-NONCE-MISMATCH", "MODEL-CACHED"}
    return coded(BY_NAME[name], subject, expected=expected, measured=measured, retryable=again)
