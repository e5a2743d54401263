"""The composition root: which services a process runs, and what they stand on."""

from lotabots.server.compose import Running, open_process, running
from lotabots.server.entry import run, serve, up
from lotabots.server.existing import open_existing
from lotabots.server.services import EVERYTHING, GATEWAY, NAMES, SERVICES
from lotabots.server.settings import read_settings
from lotabots.server.upkeep import Keys, attached

__all__ = [
    "EVERYTHING",
    "GATEWAY",
    "NAMES",
    "SERVICES",
    "Keys",
    "Running",
    "attached",
    "open_existing",
    "open_process",
    "read_settings",
    "run",
    "running",
    "serve",
    "up",
]
