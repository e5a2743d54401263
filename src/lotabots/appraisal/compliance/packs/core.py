"""The pack `core`: signed, safe to load, licensed, and what the card says of the weights is so."""

TEXT = """\
pack: core
version: 1
title: Signed, safe, licensed and described truly
controls:
  - id: LB-INT-01
    title: Signed by who may sign it
    check: signature-allowed
    maps_to: [ISO/IEC 42001 A.6, NIST AI RMF MANAGE 3]
    severity: critical
    waivable: false
    why: Without it nobody says that these files are the model.
    fix: Have it signed by those whom the trust policy names; give the bundle and the policy.
  - id: LB-INT-02
    title: Names and tensors are bound by the signature
    check: roots-equal
    maps_to: [ISO/IEC 42001 A.6, NIST AI RMF MANAGE 3]
    severity: high
    why: A digest without names lets files change places; one without tensors hides what changed.
    fix: Sign with `lotabots model sign`, which writes the statement that binds both.
  - id: LB-INT-03
    title: No older than what was accepted before
    check: version-current
    maps_to: [ISO/IEC 42001 A.6, NIST AI RMF MANAGE 3]
    severity: high
    waivable: false
    why: An old model is signed as well as a new one, with every fault that the new one mends.
    fix: Deploy the newest version, or sign the older files as a new version.
  - id: LB-SAF-01
    title: Only formats that hold weights or words
    check: formats-allowed
    maps_to: [NIST AI RMF MAP 4]
    severity: critical
    why: Some formats are programs that run when they are loaded.
    fix: Convert weights to safetensors, and remove what is not needed.
  - id: LB-SAF-02
    title: Every file parses strictly
    check: parsed-strictly
    maps_to: [NIST AI RMF MAP 4]
    severity: critical
    why: A file that two readers read differently shows one of them what the other never sees.
    fix: Read the findings of `lotabots model scan`, and write the files anew.
  - id: LB-SAF-03
    title: No code comes along
    check: no-code
    maps_to: [NIST AI RMF MAP 4]
    severity: critical
    why: Loaders have run such code even when they were told not to.
    fix: Use a model that a released library implements, or pin each file after reading it.
  - id: LB-SAF-04
    title: A plain chat template
    check: template-plain
    maps_to: [NIST AI RMF MAP 4]
    severity: high
    why: A template can run code, and it can put words into a conversation that nobody wrote.
    fix: Read the template, and put its digest under `templates` in the trust policy.
  - id: LB-SAF-05
    title: Tensors have the right shapes and finite numbers
    check: tensors-sane
    maps_to: [NIST AI RMF MEASURE 2]
    severity: medium
    why: Other shapes are another model, and a number that is none spreads through all that follow.
    fix: Get the weights again from who trained them.
  - id: LB-SAF-06
    title: No secrets in the files
    check: no-secrets
    maps_to: [ISO/IEC 42001 A.8]
    severity: high
    why: Whoever gets the model gets the key.
    fix: Revoke the secret first, then remove it and sign anew.
  - id: LB-LIC-01
    title: A licence of the list
    check: licence-allowed
    maps_to: [EU AI Act Annex XI 1(f), EU AI Act Annex XII 1(h)]
    severity: high
    why: What nobody may use must not be deployed.
    fix: Name the licence in the card, or add it to the list after somebody has read it.
  - id: LB-LIC-02
    title: The text of the licence lies beside it
    check: licence-text
    maps_to: [EU AI Act Annex XI 1(f), EU AI Act Annex XII 1(h)]
    severity: medium
    why: A name is not a grant; the text is, and it may be another one.
    fix: Put the whole text of the named licence into LICENSE.
  - id: LB-LIC-03
    title: The licences of its ancestors are kept
    check: licence-inherited
    maps_to: [EU AI Act Annex XI 1(f), EU AI Act Annex XII 1(h)]
    severity: medium
    why: Some licences bind whatever is made from a model.
    fix: Register the base model with its licence, and take over the licence where it binds.
  - id: LB-DOC-02
    title: As many parameters as the card says
    check: parameters-counted
    params: {per_mille: 10}
    maps_to: [EU AI Act Annex XI 1(d)]
    severity: medium
    why: Another number of parameters is another model than the one that is described.
    fix: Put `parameters` and `dtype` into the card's front matter, as they are.
  - id: LB-DOC-03
    title: The context window that the card says
    check: context-stated
    maps_to: [EU AI Act Annex XII 2(b)]
    severity: low
    why: Beyond its window a model forgets what it was told, without saying so.
    fix: Put `context_length` and `pipeline_tag` into the card's front matter, as configured.
"""
