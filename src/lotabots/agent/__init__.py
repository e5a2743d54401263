"""The program on a node: it proves the node again and again, and reports what the node says."""

from lotabots.agent.doctor import look
from lotabots.agent.program import Joined, Simulated, Wanted, join_node, measured, opened
from lotabots.agent.settings import AgentSettings, read_agent_settings
from lotabots.agent.state import Kept, State, Status
from lotabots.agent.wire import Attested

__all__ = [
    "AgentSettings",
    "Attested",
    "Joined",
    "Kept",
    "Simulated",
    "State",
    "Status",
    "Wanted",
    "join_node",
    "look",
    "measured",
    "opened",
    "read_agent_settings",
]
