"""The policy `demo`: the rules of `default`, on simulated hardware too. Never for real work."""

from lotabots.appraisal.policies.default import RULES

TEXT = f"""\
name: demo
description: The rules of default; accepts SIMULATED hardware. For demonstrations and tests only.
require:
  gpu: {{min: 1}}
parameters:
  max_revocation_age: 30d
  allow_simulated: true
rules:{RULES}"""
