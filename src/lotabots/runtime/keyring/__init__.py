"""Signing keys that all processes share: made on first use, rotated, sealed where they rest."""

from lotabots.runtime.keyring.keyring import REST, Keyring
from lotabots.runtime.keyring.master import MASTER_KEY_BYTES, master_key
from lotabots.runtime.keyring.rows import ListedKey

__all__ = ["MASTER_KEY_BYTES", "REST", "Keyring", "ListedKey", "master_key"]
