"""The policy `demo-host`: the rules of `host`, on simulated hardware too. Never for real work."""

from lotabots.appraisal.policies.host import RULES

TEXT = f"""\
name: demo-host
description: The rules of host; accepts SIMULATED hardware. For demonstrations and tests only.
require:
  tpm: {{min: 1}}
parameters:
  allow_simulated: true
rules:{RULES}"""
