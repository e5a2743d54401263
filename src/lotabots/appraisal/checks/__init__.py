"""What is checked between devices, challenge and policy, beside the policy's rules: one file each.

A check yields findings; their causes count in the verdict like those of verification.
"""

from collections.abc import Callable, Iterator

from lotabots.appraisal.checks import (
    cadence,
    clock,
    contradictions,
    inventory,
    layout,
    reboot,
    required,
    revoked,
    root,
    simulated,
)
from lotabots.appraisal.checks.case import Case
from lotabots.evidence import Finding

CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    inventory.check,
    required.check,
    simulated.check,
    clock.check,
    contradictions.check,
    cadence.check,
    reboot.check,
    layout.check,
    revoked.check,
    root.check,
)
