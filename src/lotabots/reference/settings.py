"""What reference bundles can be told: whose signature under them this instance trusts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReferenceSettings:
    """Section `reference`."""

    trusted_keys: str = ""
    """A file with a JWK set: whose bundles are taken, beside this instance's own."""
