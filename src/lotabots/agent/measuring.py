"""What this machine is now, as reference files: for an operator to look at, and then to approve.

A machine that is held against what it said of itself proves only that it has not changed since. So
these files are a proposal: who imports them says that this machine is as it has to be.
"""

from collections.abc import Mapping

from lotabots.kernel import canonical

FORMAT = "lotabots/tpm-reference/v1"
NAME = "tpm-reference.json"
LOGGED = 10
"""PCR of measured files: its value is another at every start."""
FIRST_UNUSED = 8
"""From here up a PCR that is zero was never extended; below, firmware should have."""


def tpm_proposal(pcrs: Mapping[int, bytes], name: str) -> dict[str, bytes]:
    """The reference file that these values of the SHA-256 bank would pass, by its name."""
    values = {
        str(number): [value.hex()]
        for number, value in sorted(pcrs.items())
        if number != LOGGED and (any(value) or number < FIRST_UNUSED)
    }
    return {NAME: canonical({"format": FORMAT, "name": name, "pcrs": values})}
