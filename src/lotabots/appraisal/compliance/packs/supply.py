"""The pack `supply-chain`: who built it, from what, and where it may go."""

TEXT = """\
pack: supply-chain
version: 1
title: Built by whom, from what, and for where
controls:
  - id: LB-PRO-01
    title: A trusted builder says what went in
    check: provenance-known
    params: {builders: []}
    maps_to: [ISO/IEC 42001 A.6.2]
    severity: high
    why: Weights do not show what they were trained on.
    fix: Copy this pack, name your builders under `params`, and build with SLSA provenance.
  - id: LB-PRO-02
    title: Linked to an approved base
    check: base-linked
    maps_to: [ISO/IEC 42001 A.6.2]
    severity: high
    why: An adapter or a quantised model is only as good as the base under it.
    fix: Name the base when you sign, and have it approved.
  - id: LB-EXP-01
    title: Export is declared
    check: export-declared
    maps_to: [Export control]
    severity: medium
    why: Some models must not leave some countries.
    fix: Have a responsible person sign classification and destinations.
"""
