"""A log published to a folder in steps, as a sequencer does it: old partial files stay."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from lotabots.tlog import (
    Algorithm,
    Checkpoint,
    CompactRange,
    NoteSigner,
    grow_bundles,
    grow_tiles,
    leaf_hash,
    sign_checkpoint,
)

ORIGIN = "log.example/audit"
SIGNERS = (
    NoteSigner(Algorithm.ED25519, ORIGIN, bytes(range(32))),
    NoteSigner(Algorithm.ML_DSA_44, ORIGIN, bytes(range(32, 64))),
)
VKEY = SIGNERS[0].verifier.vkey()


def publish(folder: Path, entries: Sequence[bytes], sizes: Sequence[int]) -> None:
    """The log of these entries, with a checkpoint at each of these sizes; the last one stays."""

    def read(path: str) -> bytes:
        return (folder / path).read_bytes()

    whole = CompactRange.EMPTY
    for size in sizes:
        new = entries[whole.size : size]
        leaves = [leaf_hash(entry) for entry in new]
        for path, data in (
            *grow_bundles(read, whole.size, new),
            *grow_tiles(read, whole.size, leaves),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        whole = whole.extend(leaves)
        head = Checkpoint(ORIGIN, whole.size, whole.root())
        (folder / "checkpoint").write_text(sign_checkpoint(head, SIGNERS, 1_800_000_000))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a plain web server of that folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Says nothing."""
