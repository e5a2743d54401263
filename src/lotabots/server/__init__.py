"""The composition root: which services a process runs, and what they stand on."""

from lotabots.server.compose import Running, open_process, running
from lotabots.server.entry import run, serve, up
from lotabots.server.existing import open_existing
from lotabots.server.services import NAMES, SERVICES
from lotabots.server.settings import read_settings

__all__ = [
    "NAMES",
    "SERVICES",
    "Running",
    "open_existing",
    "open_process",
    "read_settings",
    "run",
    "running",
    "serve",
    "up",
]
