"""Where a TPM stands after its newest quote that held: the same boot, a later one, or before it.

TPM 2.0 Library, Part 1, section on clock and time: within one boot Clock only grows; a TPM Reset
raises resetCount and zeroes restartCount; a restart or resume raises restartCount. TPM2_Clear
zeroes all three, and whoever clears a TPM has to enrol it again.
"""

from typing import Literal, TypeAlias

from lotabots.evidence import TpmState
from lotabots.evidence.schemes.tpm.quote import Quote

BootStatus: TypeAlias = Literal["first", "same", "rebooted", "backwards"]


def boot_status(quote: Quote, state: TpmState | None) -> BootStatus:
    """How this quote follows the state that the newest one left; None where there was none."""
    if state is None:
        return "first"
    before = (state.reset_count, state.restart_count)
    now = (quote.reset_count, quote.restart_count)
    if now == before:
        return "same" if quote.clock >= state.clock else "backwards"
    # Across a boot the clock may fall back a few seconds: it is stored only now and then.
    return "rebooted" if now > before else "backwards"
