"""The policy `host`: a node without a GPU, known by its TPM."""

from lotabots.appraisal.policies.rules import host, model, tpm

# Nothing about `node`: what lies between devices follows from GPUs and switches.
RULES = f"""{tpm.RULES}{host.RULES}{model.RULES}
"""

TEXT = f"""\
name: host
description: A node without a GPU - a genuine TPM, an approved boot, and nothing denied has run.
require:
  tpm: {{min: 1}}
parameters:
  allow_simulated: false
rules:{RULES}"""
