"""Every decision as an entry, appended in the transaction that makes it."""

from lotabots.audit.api import service
from lotabots.audit.log import REFUSALS, append
from lotabots.audit.sequencer import STEPS, Sequencer
from lotabots.audit.types import ANONYMOUS, SYSTEM, Entry

__all__ = [
    "ANONYMOUS",
    "REFUSALS",
    "STEPS",
    "SYSTEM",
    "Entry",
    "Sequencer",
    "append",
    "service",
]
