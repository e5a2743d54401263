"""Which appraiser runs here: the version, and the digest of the pure packages as installed."""

from functools import cache
from pathlib import Path

import lotabots
from lotabots.appraisal import Appraiser, appraiser_digest

PURE = ("kernel", "access", "models", "evidence", "appraisal", "result")
"""The packages whose code decides a verdict and its bytes."""


@cache
def this_appraiser() -> Appraiser:
    """The appraiser that every verdict made by this process names. Read once: code does not change.

    Two installs of one release give one digest, whatever the machine: sources count, byte-code does
    not.
    """
    base = Path(lotabots.__file__).parent
    sources = (path for package in PURE for path in (base / package).rglob("*.py"))
    files = {path.relative_to(base).as_posix(): path.read_bytes() for path in sources}
    return Appraiser(version=lotabots.__version__, digest=appraiser_digest(files))
