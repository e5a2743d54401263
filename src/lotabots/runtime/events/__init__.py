"""What changed, told to every process at once: one channel over LISTEN and NOTIFY."""

from lotabots.runtime.events.channel import SILENT_SECONDS, Channel
from lotabots.runtime.events.publishing import Topic, publish
from lotabots.runtime.events.revocations import Revocations, revoke_token

__all__ = [
    "SILENT_SECONDS",
    "Channel",
    "Revocations",
    "Topic",
    "publish",
    "revoke_token",
]
