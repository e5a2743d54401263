"""The attestation key between two starts of the agent: blobs that only its own TPM can use."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from lotabots.kernel import Kind, LotaError

KEY = "attestation-key.json"
AK_CONTEXT, EK_CONTEXT = "ak.ctx", "ek.ctx"
"""What a TPM takes back until its next reset, which is quicker than loading a key."""
_MAX = 64 * 1024


class Blobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An attestation key as the TPM gave it out, and under which endorsement key it lies."""

    public: bytes
    """TPM2B_PUBLIC."""
    private: bytes
    """TPM2B_PRIVATE: encrypted by the TPM for itself."""
    algorithm: Literal["rsa", "ecc"]
    """Of that endorsement key."""
    handle: str
    """At which the TPM keeps it; empty where it does not, and the key is made anew."""


class Kept:
    """A folder of the agent's, for this user alone. What fails in it raises `TPM_STATE`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def blobs(self) -> Blobs | None:
        """The attestation key; None where none was kept. `TPM_KEY_LOST` for what is no key."""
        data = self.read(KEY)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=Blobs)
        except msgspec.DecodeError as error:
            detail = f"What is kept in {self._folder / KEY} is no attestation key."
            raise LotaError(Kind.CONFLICT, "TPM_KEY_LOST", detail) from error

    def keep(self, blobs: Blobs) -> None:
        """Keeps this attestation key in the place of any other."""
        self.forget_contexts()
        self.write(KEY, msgspec.json.encode(blobs))

    def forget_contexts(self) -> None:
        """Forgets what the TPM does not take back any more."""
        for name in (AK_CONTEXT, EK_CONTEXT):
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def read(self, name: str) -> bytes | None:
        """The file; None where there is none."""
        try:
            with (self._folder / name).open("rb") as file:
                return file.read(_MAX)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error

    def write(self, name: str, data: bytes) -> None:
        """The file, whole or not at all."""
        draft = self._folder / f".{name}.new"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / name)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error

    def _unusable(self, why: str) -> LotaError:
        detail = f"The folder of the TPM's keys {self._folder} cannot be used: {why}."
        return LotaError(Kind.UNAVAILABLE, "TPM_STATE", detail)
