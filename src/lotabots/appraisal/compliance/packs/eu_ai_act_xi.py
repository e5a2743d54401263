"""The pack `eu-ai-act-xi`: what Annex XI, section 1 asks of a card, as far as files can show it."""

TEXT = """\
pack: eu-ai-act-xi
version: 1
title: Technical documentation (EU AI Act, Annex XI, section 1)
description: What of the annex files can show. It is no legal advice and no proof of compliance.
includes: [core]
controls:
  - id: LB-LIC-04
    title: A policy of acceptable use
    check: acceptable-use
    maps_to: [EU AI Act Annex XI 1(b)]
    severity: medium
    why: A licence with conditions is of no use to who never sees the conditions.
    fix: Add a section on acceptable use, or the file USE_POLICY.md.
  - id: LB-DOC-01
    title: What it is for, and what not
    check: intended-use
    maps_to: [EU AI Act Annex XI 1(a)]
    severity: medium
    why: Nobody can judge a use that nobody has named.
    fix: Add sections `Intended use` and `Out-of-scope use`.
  - id: LB-DOC-04
    title: When and through what it was released
    check: release-stated
    maps_to: [EU AI Act Annex XI 1(c)]
    severity: low
    why: Who finds a fault must find out who has the model.
    fix: Put `release_date` and `distribution` into the card's front matter.
  - id: LB-DOC-06
    title: Compute and energy of its training
    check: compute-declared
    maps_to: [EU AI Act Annex XI 2(d), EU AI Act Annex XI 2(e), EU AI Act Article 51]
    severity: medium
    why: From 10^25 FLOP on a model is presumed to have systemic risk, and more is asked of it.
    fix: Put `training_compute_flop` and `training_energy_kwh` into the card's front matter.
  - id: LB-DAT-01
    title: Datasets by revision and licence
    check: datasets-pinned
    maps_to: [EU AI Act Annex XI 2(c)]
    severity: medium
    why: A dataset's name means something else next year.
    fix: Give each of `datasets` an id, a revision or digest, and a licence.
  - id: LB-DAT-02
    title: Where the data is from
    check: data-described
    maps_to: [EU AI Act Annex XI 2(c), Data Provenance Standards 1]
    severity: medium
    why: What was chosen, and about whom, decides what the model says.
    fix: Add sections on provenance, curation and personal data.
"""
