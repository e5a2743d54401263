"""Three witnesses of a log, with everything that is real about them but the HTTP between."""

from collections.abc import Sequence
from pathlib import Path

from lotabots.audit.witnesses import PATH, Answer
from lotabots.cli.audit.witness import Cosigning
from lotabots.cli.audit.witness.keeper import Keeper
from lotabots.cli.audit.witness.server import Witness
from lotabots.tlog import NoteVerifier, Policy

URL = "http://w{}.example"


def address(number: int) -> str:
    """Where that witness is asked for cosignatures."""
    return URL.format(number) + PATH


class Network:
    """The witnesses `w0`, `w1` and `w2`. Those in `down` cannot be reached."""

    def __init__(self, folder: Path, keys: Sequence[NoteVerifier]) -> None:
        self.down: set[str] = set()
        self.asked: list[str] = []
        self.keys = tuple(keys)
        self.signers = [Cosigning(f"w{n}.example", bytes([n]) * 32) for n in range(3)]
        self.keepers = [Keeper(folder / f"{n}.db", new=True) for n in range(3)]
        self.witnesses = {
            address(n): Witness(self.keepers[n], {keys[0].name: self.keys}, signer.lines)
            for n, signer in enumerate(self.signers)
        }

    def policy(self, quorum: int = 2) -> Policy:
        return Policy.parse(self.policy_text(quorum).encode())

    def policy_text(self, quorum: int = 2) -> str:
        logs = "".join(f"log {key.vkey()}\n" for key in self.keys)
        names = "".join(
            f"witness w{n} {signer.vkey} {URL.format(n)}\n" for n, signer in enumerate(self.signers)
        )
        return f"{logs}{names}group most {quorum} w0 w1 w2\nquorum most\n"

    def post(self, url: str, body: bytes) -> Answer:
        self.asked.append(url)
        if url in self.down:
            raise ConnectionRefusedError
        answer = self.witnesses[url].add_checkpoint(body)
        return Answer(answer.status, answer.body.encode())

    def seen(self) -> list[int]:
        """The size of our log that each witness has cosigned."""
        return [keeper.newest(self.keys[0].name).size for keeper in self.keepers]

    def close(self) -> None:
        for keeper in self.keepers:
            keeper.close()
