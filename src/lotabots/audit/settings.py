"""What the audit log can be told: its name, how often it is published, who must have seen it."""

from dataclasses import dataclass

from lotabots.kernel import invalid
from lotabots.runtime.settings import changeable


@dataclass(frozen=True)
class AuditSettings:
    """Section `audit`."""

    origin: str = ""
    """The log's name in checkpoints, such as `log.example.org/lotabots`; never change it, or it is
    another log. Empty: a name made from the log's key."""
    publish_ms: int = 500
    """Milliseconds between checkpoints, 50 to 60000; a receipt follows within about twice that."""
    witness_policy: str = ""
    """A policy file (C2SP tlog-policy) with this log's keys, its witnesses and their addresses:
    only checkpoints that its quorum has cosigned are published. Empty: no witness is asked."""
    address_days: int = changeable(90)
    """After so many days the network address of a stranger who was refused is erased, 1 to 3650."""

    def __post_init__(self) -> None:
        if not 50 <= self.publish_ms <= 60_000:
            raise invalid("SETTINGS_INVALID", "audit.publish_ms is 50 to 60000")
        if not 1 <= self.address_days <= 3650:
            raise invalid("SETTINGS_INVALID", "audit.address_days is 1 to 3650")
