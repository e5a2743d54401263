"""A node's TPM asked through tpm2-tools: the only part of this scheme that touches a machine."""

from lotabots.evidence.schemes.tpm.collect.device import (
    Clock,
    Judged,
    Logs,
    Quoted,
    TpmDevice,
    TpmKeys,
)
from lotabots.evidence.schemes.tpm.collect.logs import read_event_log, read_ima
from lotabots.evidence.schemes.tpm.collect.tools import DEFAULT_TCTI, Tools

__all__ = [
    "DEFAULT_TCTI",
    "Clock",
    "Judged",
    "Logs",
    "Quoted",
    "Tools",
    "TpmDevice",
    "TpmKeys",
    "read_event_log",
    "read_ima",
]
