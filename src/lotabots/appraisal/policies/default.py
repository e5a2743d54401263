"""The policy `default`: what evidence alone can prove about genuine, unrevoked hardware."""

from lotabots.appraisal.policies.rules import gpu, host, model, node, switch, tpm

RULES = f"""{gpu.RULES}{switch.RULES}{model.RULES}{host.RULES}{node.RULES}{tpm.RULES}
"""

TEXT = f"""\
name: default
description: What evidence alone can prove - genuine hardware, released firmware, nothing revoked.
require:
  gpu: {{min: 1}}
parameters:
  max_revocation_age: 30d
  allow_simulated: false
rules:{RULES}"""
