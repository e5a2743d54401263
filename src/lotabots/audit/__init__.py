"""Every decision as an entry, appended in the transaction that makes it, in a log of its own."""

from lotabots.audit.api import HANDLERS, service
from lotabots.audit.fsck import LogReport, check_log
from lotabots.audit.groups import Group
from lotabots.audit.journal import Journal
from lotabots.audit.keys import log_signers
from lotabots.audit.published import Receipts
from lotabots.audit.reading import LoggedEntry
from lotabots.audit.refusals import REFUSALS
from lotabots.audit.sequencer import STEPS, Sequencer
from lotabots.audit.settings import AuditSettings
from lotabots.audit.types import ANONYMOUS, SYSTEM, Appended, Entry, Person

__all__ = [
    "ANONYMOUS",
    "HANDLERS",
    "REFUSALS",
    "STEPS",
    "SYSTEM",
    "Appended",
    "AuditSettings",
    "Entry",
    "Group",
    "Journal",
    "LogReport",
    "LoggedEntry",
    "Person",
    "Receipts",
    "Sequencer",
    "check_log",
    "log_signers",
    "service",
]
