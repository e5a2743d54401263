"""The policy `strict`: all of `default`, and nothing that is merely not known to be bad."""

from lotabots.appraisal.policies.default import RULES

TEXT = f"""\
name: strict
description: All of default, with approved versions, a known mode, a closed fabric and no grace.
require:
  gpu: {{min: 1}}
parameters:
  max_revocation_age: 7d
  allow_simulated: false
rules:{RULES}\
  - id: gpu-attested
    evidence: gpu
    claim: hardware
    when: gpu.level == "attested"
    tier: 0
    severity: high
    title: The GPU is attested
    why: One word for all of it - signature, nonce, chain, reference values, revocation.
    fix: Read the other findings of this GPU; each names what is missing.
  - id: gpu-no-grace
    evidence: gpu
    claim: instance-identity
    when: gpu.revocation.grace == false
    tier: 0
    severity: medium
    title: The answer about revocation is still within its own term
    why: Past nextUpdate the issuer itself no longer stands by what it said.
    fix: Import OCSP answers or CRLs whose nextUpdate lies ahead.
  - id: gpu-approved-versions
    evidence: gpu
    claim: configuration
    when: gpu.versions.driver == "approved" && gpu.versions.vbios == "approved"
    tier: 96
    severity: high
    title: Driver and VBIOS are approved
    why: An unlisted version is one that nobody has looked at.
    fix: Install an approved version, or add this one to the list of approved versions.
  - id: gpu-mode
    evidence: gpu
    claim: configuration
    when: gpu.mode in ["spt", "mpt", "ppcie"]
    tier: 96
    severity: high
    title: The confidential computing mode is known
    why: An unknown mode may be one in which memory or links are open.
    fix: Set a mode that this version knows, reset the GPU and attest again.
  - id: switch-attested
    evidence: switch
    claim: hardware
    when: switch.level == "attested"
    tier: 0
    severity: high
    title: The switch is attested
    why: One word for all of it - signature, nonce, chain, reference values, revocation.
    fix: Read the other findings of this switch; each names what is missing.
  - id: switch-no-grace
    evidence: switch
    claim: instance-identity
    when: switch.revocation.grace == false
    tier: 0
    severity: medium
    title: The answer about revocation is still within its own term
    why: Past nextUpdate the issuer itself no longer stands by what it said.
    fix: Import OCSP answers or CRLs whose nextUpdate lies ahead.
  - id: tpm-attested
    evidence: tpm
    claim: hardware
    when: tpm.level == "attested"
    tier: 0
    severity: high
    title: The TPM is attested
    why: One word for all of it - signature, nonce, chain, manifest, clock.
    fix: Read the other findings of this TPM; each names what is missing.
  - id: tpm-secure-boot-on
    evidence: tpm
    claim: configuration
    when: tpm.secure_boot == "enabled"
    tier: 0
    severity: high
    title: Secure boot is on
    why: Where the log does not say so, nobody knows what the firmware would have started.
    fix: Send the firmware's log of the boot, or switch secure boot on and restart.
  - id: node-closed-fabric
    evidence: node
    claim: configuration
    when: >
      node.gpus == 1 ? node.topology.status in ["closed", "not_applicable"]
      : node.topology.status == "closed"
    tier: 96
    severity: high
    title: The GPUs of this node are connected to each other and to nothing else
    why: Whoever else is on the fabric can read what crosses it.
    fix: Attest every GPU and switch of the node together, and check the NVLink cabling.
"""
