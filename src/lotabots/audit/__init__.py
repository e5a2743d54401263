"""Every decision as an entry, appended in the transaction that makes it."""

from lotabots.audit.api import service
from lotabots.audit.log import REFUSALS, append
from lotabots.audit.types import ANONYMOUS, SYSTEM, Entry, leaf_hash

__all__ = ["ANONYMOUS", "REFUSALS", "SYSTEM", "Entry", "append", "leaf_hash", "service"]
