"""A real PostgreSQL of our own: found, prepared, started as our child, and ended with us."""

from lotabots.runtime.postgres.binaries import Binaries, find_binaries
from lotabots.runtime.postgres.places import state_directory
from lotabots.runtime.postgres.supervisor import EmbeddedPostgres

__all__ = ["Binaries", "EmbeddedPostgres", "find_binaries", "state_directory"]
