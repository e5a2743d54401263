"""What a service is built from: the parts of the process around it, as one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lotabots.runtime.blobs import Blobs
from lotabots.runtime.cache import Caches
from lotabots.runtime.database import Database
from lotabots.runtime.events import Channel
from lotabots.runtime.files import Files
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.settings import Settings
from lotabots.runtime.telemetry import Telemetry


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """The surroundings of every service in this process. Made once, at the composition root."""

    settings: Settings
    database: Database
    blobs: Blobs
    log_files: Files
    """The published audit log: what anyone may read."""
    model_files: Path
    """The folder of what was uploaded of models."""
    keyring: Keyring
    clock: Callable[[], datetime]
    """The present moment, aware and in UTC: `runtime.clock.utc_now`, or a fixed one in a test."""
    telemetry: Telemetry
    events: Channel
    """What other processes changed."""
    caches: Caches
    """What is remembered until `events` says otherwise."""
    sequencing: Database | None = None
    """The database in the role that orders the audit log, where this process was given it."""
