"""`lotabots audit export`: the log itself as a folder that anyone can check."""

from pathlib import Path

import click

from lotabots.cli.audit.copies import CHECKPOINT, KEYS, KEYS_FILE, Served
from lotabots.cli.client import server_option
from lotabots.cli.output import Exit, say
from lotabots.kernel import invalid
from lotabots.tlog import read_head, tiles_for


@click.command("export")
@click.option("--out", type=Path, required=True, help="A folder that is empty or not there yet.")
@server_option
def export_command(out: Path, server: str) -> int:
    """Copy a server's whole log into a folder: the tiles themselves, complete and checkable.

    The log is public to whoever reaches the server; no account is needed.
    """
    size, files = export(Served(server), out)
    say(f"{out}: {size} entries in {files} files. Check it offline: lotabots audit verify {out}")
    return Exit.OK


def export(log: Served, out: Path) -> tuple[int, int]:
    """How many entries and files were copied. The checkpoint is written last: then it is whole."""
    require_empty(out)
    note = log.read(CHECKPOINT)
    size = read_head(note).size  # whether it is to be believed, `verify` says
    files = 2
    for tile in tiles_for(0, size):
        put(out / tile.path, log.read(tile.path))
        files += 1
    put(out / KEYS_FILE, log.read(KEYS))
    put(out / CHECKPOINT, note)
    return size, files


def require_empty(out: Path) -> None:
    """Returns if a copy may be written there. Raises `AUDIT_OUT_NOT_EMPTY`."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise invalid("AUDIT_OUT_NOT_EMPTY", f"{out} is not empty; name a folder that is.")


def put(file: Path, data: bytes) -> None:
    """Writes a file, and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
