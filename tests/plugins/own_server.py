"""A server in a process of its own, on a database of its own, beside which commands run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVE = """
import os
from lotabots.server import read_settings, up
def ready(server):
    print(server.url, server.admin_password, flush=True)
up(read_settings(os.environ), os.environ, ready=ready)
"""


@contextmanager
def server(folder: Path, **more: str) -> Iterator[tuple[str, str]]:
    """The address of a server with a database of its own, and its administrator's password."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOTA_")}
    environ |= {"LOTA_DATA_DIRECTORY": str(folder), "LOTA_WEB_PORT": "0"} | more
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url, _, password = process.stdout.readline().strip().partition(" ")
        try:
            yield url, password
        finally:
            process.terminate()
            assert process.wait(30) == 0
