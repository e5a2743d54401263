"""Every HOST-* code of what a host says of itself, and how a finding is made from one."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.evidence import Cause, Finding, coded
from lotabots.kernel.codes import Code

_MALICIOUS = Cause.MALICIOUS.value

CODES: tuple[Code, ...] = (
    Code(
        "HOST-STATEMENT",
        _MALICIOUS,
        "What should be a host's statement about itself is none.",
        "Let the agent state the host again, and send the bytes unchanged.",
    ),
    Code(
        "HOST-NONCE-MISMATCH",
        _MALICIOUS,
        "The host's statement about itself answers another challenge.",
        "Ask for a new challenge, state the host with its nonce, and send that.",
    ),
)
BY_NAME: Mapping[str, Code] = MappingProxyType({code.name: code for code in CODES})


def finding(name: str, subject: str, *, expected: str, measured: str) -> Finding:
    """The finding with this code about this subject."""
    again = name == "HOST-NONCE-MISMATCH"
    return coded(BY_NAME[name], subject, expected=expected, measured=measured, retryable=again)
