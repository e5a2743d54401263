"""The schema of the database: numbered SQL files, run once each, by one process at a time."""

from lotabots.runtime.migrations.files import SqlFile, sql_files
from lotabots.runtime.migrations.schema import migrate, require_current

__all__ = ["SqlFile", "migrate", "require_current", "sql_files"]
