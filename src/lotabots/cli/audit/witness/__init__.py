"""`lotabots audit witness`: cosigns what logs publish, so that none can show two histories."""

import traceback
from pathlib import Path

import click

from lotabots.cli.audit.witness.identity import seed_in
from lotabots.cli.audit.witness.keeper import Keeper
from lotabots.cli.audit.witness.server import Witness, WitnessServer
from lotabots.cli.output import Exit, say
from lotabots.cli.vkeys import vkeys
from lotabots.runtime.clock import utc_now
from lotabots.tlog import Algorithm, NoteSigner, NoteVerifier

STATE_FILE = "witness.db"
VKEY_FILE = "witness.vkey"


@click.command("witness")
@click.option("--data", type=Path, required=True, help="Its key and what it cosigned lie here.")
@click.option("--name", required=True, help="Its name in notes, such as witness.example/w1.")
@click.option(
    "--log-key",
    "--log",
    "log_key",
    multiple=True,
    required=True,
    metavar="VKEY|FILE",
    help="A key of a log that it watches, or a file of them. May be given more than once.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8480, show_default=True)
def witness_command(data: Path, name: str, log_key: tuple[str, ...], host: str, port: int) -> int:
    """Serve as a C2SP witness: cosign each checkpoint that provably extends the last one.

    The folder --data is the witness: with it lost or restored from a backup, retire the key.
    """
    logs = by_origin(vkeys(log_key))
    seed, new = seed_in(data)
    signer = Cosigning(name, seed)
    keeper = Keeper(data / STATE_FILE, new=new)
    (data / VKEY_FILE).write_text(signer.vkey + "\n")
    witness = Witness(keeper, logs, signer.lines)
    with WitnessServer((host, port), witness, failed=traceback.print_exc) as server:
        say(f"Witness {name} at http://{host}:{server.server_address[1]} for {', '.join(logs)}.")
        say(f"Its key: {signer.vkey}")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("Stopped.")
    keeper.close()
    return Exit.OK


class Cosigning:
    """A witness's key, and its word for a checkpoint as of now."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._signer = NoteSigner(Algorithm.COSIGNATURE, name, seed)
        self.vkey = self._signer.verifier.vkey()

    def lines(self, text: str) -> str:
        """The signature lines under a checkpoint of this text."""
        return self._signer.sign(text, int(utc_now().timestamp()))


def by_origin(keys: list[str]) -> dict[str, list[NoteVerifier]]:
    """The keys of each log. Raises `TLOG_*`."""
    logs: dict[str, list[NoteVerifier]] = {}
    for key in keys:
        verifier = NoteVerifier.parse(key)
        logs.setdefault(verifier.name, []).append(verifier)
    return logs
