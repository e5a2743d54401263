"""The pack `operation`: it behaves as approved, on a node that is what it should be."""

TEXT = """\
pack: operation
version: 1
title: Served as approved, on attested nodes
controls:
  - id: LB-BEH-01
    title: Behaves like the approved model
    check: behaviour-accepted
    params: {days: 30, e_value: 100}
    maps_to: [NIST AI RMF MEASURE]
    severity: high
    why: The right files can be there while others are served.
    fix: Run the behavioural test against the served model.
  - id: LB-NOD-01
    title: Runs on an attested node
    check: node-attested
    params: {hours: 24}
    maps_to: []
    severity: high
    why: Who owns the machine owns the model.
    fix: Attest the node, and read the findings of its verdict.
"""
