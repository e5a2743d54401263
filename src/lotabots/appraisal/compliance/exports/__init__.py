"""Compliance reports and models for other tools: OSCAL, CycloneDX, SLSA, HTML, Markdown."""

from lotabots.appraisal.compliance.exports.cyclonedx import model_bom
from lotabots.appraisal.compliance.exports.markdown import markdown
from lotabots.appraisal.compliance.exports.oscal import oscal
from lotabots.appraisal.compliance.exports.page import STYLE_HASH, page
from lotabots.appraisal.compliance.exports.vsa import verification_summary

__all__ = ["STYLE_HASH", "markdown", "model_bom", "oscal", "page", "verification_summary"]
