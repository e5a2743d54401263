"""A real witness of the log under test, served on the loopback by a thread of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from interop.published import ORIGIN, SIGNERS

from lotabots.cli.audit.witness import Cosigning
from lotabots.cli.audit.witness.keeper import Keeper
from lotabots.cli.audit.witness.server import Witness, WitnessServer

SIGNER = Cosigning("witness.example/w1", bytes(range(32)))


@dataclass(frozen=True)
class Watching:
    """One witness. `policy` is a file that asks for its cosignature."""

    policy: Path
    keeper: Keeper

    @property
    def size(self) -> int:
        """How many entries of the log it has seen."""
        return self.keeper.newest(ORIGIN).size


@contextmanager
def witness(folder: Path) -> Iterator[Watching]:
    """A witness of the log of `SIGNERS`, which has seen nothing of it yet."""
    folder.mkdir()
    keeper = Keeper(folder / "witness.db", new=True)
    judging = Witness(keeper, {ORIGIN: [one.verifier for one in SIGNERS]}, SIGNER.lines)
    failures: list[str] = []
    with WitnessServer(("127.0.0.1", 0), judging, lambda: failures.append("failed")) as server:
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}"
            yield Watching(_policy(folder / "policy", url), keeper)
        finally:
            server.shutdown()
            serving.join()
            keeper.close()
    assert failures == []


def _policy(file: Path, url: str) -> Path:
    logs = "".join(f"log {signer.verifier.vkey()}\n" for signer in SIGNERS)
    file.write_text(f"{logs}witness w1 {SIGNER.vkey} {url}\nquorum w1\n")
    return file
