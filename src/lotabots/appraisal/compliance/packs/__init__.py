"""The packs of controls that come with LotaBots, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.appraisal.compliance.packs import core, eu_ai_act_xi, operation, supply, systemic

TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "core": core.TEXT,
        "eu-ai-act-xi": eu_ai_act_xi.TEXT,
        "systemic-risk": systemic.TEXT,
        "supply-chain": supply.TEXT,
        "operation": operation.TEXT,
    }
)
"""Name -> YAML, as a user would write it: a start for a pack of one's own."""
