"""A model held against written controls: pass, fail, unknown, not applicable or waived."""

from lotabots.appraisal.compliance.card import MAX_CARD_BYTES, read_card
from lotabots.appraisal.compliance.catalogue import (
    Catalogue,
    Control,
    LoadedControl,
    Pack,
    load_catalogue,
    read_pack,
)
from lotabots.appraisal.compliance.checks import CHECKS
from lotabots.appraisal.compliance.evaluation import evaluate
from lotabots.appraisal.compliance.evidence import (
    Ancestor,
    Behaviour,
    Card,
    Declarations,
    Evidence,
    Hardware,
    Provenance,
    Sample,
)
from lotabots.appraisal.compliance.exports import (
    STYLE_HASH,
    markdown,
    model_bom,
    oscal,
    page,
    verification_summary,
)
from lotabots.appraisal.compliance.known import facts_of
from lotabots.appraisal.compliance.packs import TEXTS as PACK_TEXTS
from lotabots.appraisal.compliance.report import ComplianceReport, Count, Summary
from lotabots.appraisal.compliance.sampling import sample_tensors
from lotabots.appraisal.compliance.waivers import Waiver, load_waivers
from lotabots.appraisal.controls import Basis, ControlResult, ControlResults, Status, Waived

__all__ = [
    "CHECKS",
    "MAX_CARD_BYTES",
    "PACK_TEXTS",
    "STYLE_HASH",
    "Ancestor",
    "Basis",
    "Behaviour",
    "Card",
    "Catalogue",
    "ComplianceReport",
    "Control",
    "ControlResult",
    "ControlResults",
    "Count",
    "Declarations",
    "Evidence",
    "Hardware",
    "LoadedControl",
    "Pack",
    "Provenance",
    "Sample",
    "Status",
    "Summary",
    "Waived",
    "Waiver",
    "evaluate",
    "facts_of",
    "load_catalogue",
    "load_waivers",
    "markdown",
    "model_bom",
    "oscal",
    "page",
    "read_card",
    "read_pack",
    "sample_tensors",
    "verification_summary",
]
