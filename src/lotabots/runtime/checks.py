"""What was looked at on a machine, how it came out, and how to mend it: what a doctor says."""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How one check came out."""

    PASS = "pass"  # noqa: S105 — a word, not a password
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    fix: str = ""
