"""The log of a demonstration in a folder: a whole copy, with everything that was just recorded."""

import time
from pathlib import Path

from lotabots.cli.audit.copies import Served
from lotabots.cli.audit.export import export
from lotabots.cli.client import Client
from lotabots.cli.demo.fleet import log_in
from lotabots.cli.output import say
from lotabots.kernel import LotaError

SECONDS = 30.0
"""How long the newest entry is waited for; it is published within about a second."""
LOOK_SECONDS = 0.1


def export_log(url: str, password: str, entry: str, out: Path) -> None:
    """Copies the log into the folder once it has this entry, and says how to check the copy.

    Raises `RECEIPT_PENDING` where that does not come to pass, and what `export` raises.
    """
    with Client(url) as client:
        client.token = log_in(client, password)
        wait_for_receipt(client, entry)
    log = Served(url)
    with log.client:
        size, files = export(log, out)
    say(f"\nThe audit log is in {out}: {size} entries in {files} files. Check it, with no server:")
    say(f"lotabots audit verify {out}")


def wait_for_receipt(client: Client, entry: str) -> None:
    """Returns once a checkpoint holds the entry, and so everything that was recorded before it."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            client.get(f"/v1/audit/receipts/{entry}")
        except LotaError as error:
            if error.code != "RECEIPT_PENDING" or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)
        else:
            return
