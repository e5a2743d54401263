"""The words every other package speaks: errors, digests, canonical bytes, keys and signatures."""

from lotabots.kernel.errors import Kind, LotaError, invalid
from lotabots.kernel.principal import Principal, Role

__all__ = ["Kind", "LotaError", "Principal", "Role", "invalid"]
