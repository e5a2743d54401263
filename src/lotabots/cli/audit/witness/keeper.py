"""What a witness remembers: the newest checkpoint of each log, checked and replaced in one step."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from lotabots.kernel import Kind, LotaError
from lotabots.tlog import NOTHING, Known

WAIT_SECONDS = 10.0

_TABLE = """
create table if not exists newest (
    origin text primary key, size integer not null, root blob not null, note text not null
) strict
"""


class Keeper:
    """One SQLite file. Threads of this process and other processes may use it at the same time.

    Whoever loses it must retire the witness: one that has forgotten can be made to cosign a fork.
    """

    def __init__(self, path: Path, *, new: bool) -> None:
        if not new and not path.is_file():
            detail = f"{path} is gone. A witness that has forgotten must be retired with its key."
            raise LotaError(Kind.CONFLICT, "WITNESS_FORGOT", detail)
        self._lock = threading.RLock()
        self._database = sqlite3.connect(
            path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        # EXTRA: what was answered for is on the disk, and so is the name of the file it is in.
        self._database.execute("pragma synchronous = extra")
        self._database.execute(_TABLE)

    def close(self) -> None:
        """Lets go of the file, once no thread is at it: SQLite would crash the process."""
        with self._lock:
            self._database.close()

    def newest(self, origin: str) -> Known:
        """The newest checkpoint of this log, or `NOTHING`."""
        with self._lock:
            row = self._database.execute(
                "select size, root from newest where origin = ?", (origin,)
            ).fetchone()
        return NOTHING if row is None else Known(row[0], row[1])

    def advance(self, origin: str, note: str, decide: Callable[[Known], Known]) -> None:
        """Replaces what is known of the log by what `decide` makes of it, or raises what it raises.

        No other call comes between: the write lock is taken before anything is read.
        """
        with self._lock:
            self._database.execute("begin immediate")
            try:
                after = decide(self.newest(origin))
                self._database.execute(
                    "insert into newest values (?, ?, ?, ?) on conflict (origin) do update"
                    " set size = excluded.size, root = excluded.root, note = excluded.note",
                    (origin, after.size, after.root, note),
                )
            except BaseException:
                self._database.execute("rollback")
                raise
            self._database.execute("commit")
