"""What one public code is: its name, what it is about, its meaning and its fix."""

from typing import NamedTuple


class Code(NamedTuple):
    """A public code. Never reused, never renamed."""

    name: str
    about: str
    """The `Kind` of an error, or the `Cause` of a finding."""
    meaning: str
    fix: str
