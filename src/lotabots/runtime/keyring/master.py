"""The key that seals the others: from the settings, else a file beside the embedded database."""

import os
import secrets
from pathlib import Path

from lotabots.kernel import Kind, LotaError, decode_base64, invalid

MASTER_KEY_BYTES = 32
FILE_NAME = "keyring.key"


def master_key(setting: str | None, directory: Path, *, make: bool = True) -> bytes:
    """The 32 bytes of the setting (base64), else of a file in `directory`.

    A file that is missing is made, or refused without `make`: where there must be one already.

    The file is for one machine: it lies beside the data that it protects, so it protects a stolen
    backup of the database and not a stolen disk. Raises `KEYRING_KEY_INVALID`.
    """
    if setting:
        try:
            key = decode_base64(setting.strip())
        except LotaError as error:
            raise _unusable("it is not base64") from error
        return _checked(key)
    path = directory / FILE_NAME
    try:
        if not path.exists():
            if not make:
                raise _unusable(f"there is no {path}")
            _make(path)
        if path.stat().st_mode & 0o077:
            raise _unusable(f"others may read {path}; give it mode 0600")
        return _checked(path.read_bytes())
    except OSError as error:
        detail = f"The key file {path} cannot be used: {error.strerror}"
        raise LotaError(Kind.UNAVAILABLE, "KEYRING_KEY_INVALID", detail) from error


def _make(path: Path) -> None:
    """Puts a new key there, whole or not at all; of two processes at once, one wins for both."""
    # As root, the embedded server's user must be able to pass through to its own folder.
    path.parent.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(MASTER_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)  # unlike a rename, never replaces
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _checked(key: bytes) -> bytes:
    if len(key) != MASTER_KEY_BYTES:
        raise _unusable(f"it has {len(key)} bytes, not {MASTER_KEY_BYTES}")
    return key


def _unusable(why: str) -> LotaError:
    return invalid("KEYRING_KEY_INVALID", f"The keyring's key cannot be used: {why}.")
