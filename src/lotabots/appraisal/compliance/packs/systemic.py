"""The pack `systemic-risk`: what Annex XI, section 2 adds, as far as files can show it."""

TEXT = """\
pack: systemic-risk
version: 1
title: Models with systemic risk (EU AI Act, Annex XI, section 2)
description: What of the annex files can show. It is no legal advice and no proof of compliance.
includes: [eu-ai-act-xi]
controls:
  - id: LB-DOC-05
    title: Evaluated, with dataset, metric and revision
    check: evaluated
    maps_to: [EU AI Act Annex XI section 2]
    severity: high
    why: A result that cannot be measured again is an opinion.
    fix: Add a `model-index` with dataset, its revision, and metrics.
"""
