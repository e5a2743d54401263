"""AR4SI trust tiers: their words, their order from best to worst, and the range of each claim.

Source: draft-ietf-rats-ar4si, section 2.3. The order is ours: what could not be judged (`none`)
ranks below an accepted warning.
"""

from collections.abc import Iterable
from enum import StrEnum

from lotabots.appraisal import AFFIRMING, CONTRAINDICATED, NO_CLAIM, UNRECOGNISED, WARNING

SIMULATED = UNRECOGNISED
"""What a token says of simulated hardware, whatever a policy allows: `hardware` 97."""

_BEST_FIRST = (AFFIRMING, WARNING, NO_CLAIM, CONTRAINDICATED, UNRECOGNISED)


class Tier(StrEnum):
    """The word that stands in `ear.status`, best first in our order."""

    AFFIRMING = "affirming"
    WARNING = "warning"
    NONE = "none"
    CONTRAINDICATED = "contraindicated"


_RANK = {tier: rank for rank, tier in enumerate(Tier)}


def tier_word(claim: int) -> Tier:
    """The tier of an AR4SI claim value, -128 to 127."""
    if -1 <= claim <= 1:
        return Tier.NONE
    if -32 <= claim <= 31:
        return Tier.AFFIRMING
    if -96 <= claim <= 95:
        return Tier.WARNING
    return Tier.CONTRAINDICATED


def worst_word(tiers: Iterable[Tier]) -> Tier:
    """The worst of these; `none` where there is none."""
    return max(tiers, key=_RANK.__getitem__, default=Tier.NONE)


def worst_value(tiers: Iterable[int]) -> int:
    """The worst of these tier values (2, 32, 0, 96, 97); 0 where there is none."""
    return max(tiers, key=_BEST_FIRST.index, default=NO_CLAIM)
