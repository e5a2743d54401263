"""The composition root: which services a process runs, and what they stand on."""

from lotabots.server.compose import Running, open_process, running
from lotabots.server.entry import run, serve, up
from lotabots.server.installation import Installation, attached
from lotabots.server.services import ANSWERING, EVERYTHING, GATEWAY, NAMES, SERVICES
from lotabots.server.settings import read_settings
from lotabots.server.upkeep import Keys

__all__ = [
    "ANSWERING",
    "EVERYTHING",
    "GATEWAY",
    "NAMES",
    "SERVICES",
    "Installation",
    "Keys",
    "Running",
    "attached",
    "open_process",
    "read_settings",
    "run",
    "running",
    "serve",
    "up",
]
