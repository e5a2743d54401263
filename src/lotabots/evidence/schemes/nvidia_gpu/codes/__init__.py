"""Every NV-* code with its cause, meaning and fix, and how a finding is made from one."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.evidence import Cause, Finding
from lotabots.evidence.schemes.nvidia_gpu.codes.device import CHAIN, LIMITS, PARSING, REPORT
from lotabots.evidence.schemes.nvidia_gpu.codes.reference import NODE, REFERENCE
from lotabots.kernel import Kind, LotaError
from lotabots.kernel.codes import Code

CODES: tuple[Code, ...] = LIMITS + PARSING + CHAIN + REPORT + REFERENCE + NODE
BY_NAME: Mapping[str, Code] = MappingProxyType({code.name: code for code in CODES})

# A later attempt with other evidence or newer collateral may pass without touching the device.
_RETRYABLE = frozenset(code.name for code in CODES if code.about == Cause.COLLATERAL.value) | {
    "NV-NONCE-MISMATCH",
    "NV-TOPO-NONCE",
    "NV-REV-HOLD",
    "NV-PARSE-TRUNCATED",
}
_CAUSES = {code.name: Cause(code.about) for code in CODES}


def finding(name: str, subject: str, *, expected: str, measured: str) -> Finding:
    """The finding with this code about this subject."""
    code = BY_NAME[name]
    return Finding(
        code=name,
        cause=_CAUSES[name],
        subject=subject,
        title=code.meaning,
        expected=expected,
        measured=measured,
        fix=code.fix,
        retryable=name in _RETRYABLE,
    )


def refuse(name: str, *, expected: str, measured: str) -> LotaError:
    """An error with this code, for parsers to raise; `as_finding` makes it a finding."""
    detail = f"{BY_NAME[name].meaning} Expected {expected}, found {measured}."
    return LotaError(Kind.VALIDATION, name, detail, expected=expected, measured=measured)


def as_finding(error: LotaError, subject: str) -> Finding:
    """What a parser refused, as a finding about this subject."""
    return finding(
        error.code,
        subject,
        expected=str(error.details["expected"]),
        measured=str(error.details["measured"]),
    )
