"""Who a witness is: the seed of its key, made once and kept in its folder for its owner only."""

import os
import secrets
from pathlib import Path

from lotabots.kernel import invalid

SEED_BYTES = 32
KEY_FILE = "witness.key"


def seed_in(folder: Path) -> tuple[bytes, bool]:
    """The seed, and whether it was made just now. Raises `WITNESS_KEY_INVALID`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / KEY_FILE
    new = not file.exists()
    if new:
        _make(file)
    if file.stat().st_mode & 0o077:
        raise invalid("WITNESS_KEY_INVALID", f"Others may read {file}; give it mode 0600.")
    seed = file.read_bytes()
    if len(seed) != SEED_BYTES:
        raise invalid("WITNESS_KEY_INVALID", f"{file} has {len(seed)} bytes, not {SEED_BYTES}.")
    return seed, new


def _make(file: Path) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as kept:
        kept.write(secrets.token_bytes(SEED_BYTES))
        kept.flush()
        os.fsync(kept.fileno())
