"""Signing keys that all processes share: made on first use, rotated, sealed where they rest."""

from lotabots.runtime.keyring.keyring import Keyring
from lotabots.runtime.keyring.master import MASTER_KEY_BYTES, master_key

__all__ = ["MASTER_KEY_BYTES", "Keyring", "master_key"]
