"""The policy `default`: what evidence alone can prove about genuine, unrevoked hardware."""

RULES = """
  - id: gpu-chain
    evidence: gpu
    claim: hardware
    when: gpu.chain.status == "valid" && gpu.class == "gpu"
    tier: 96
    severity: critical
    title: The GPU's certificates lead to the vendor's root
    why: Only the vendor's root makes a GPU; without the chain the report could come from anything.
    fix: Send the certificate chain that the GPU itself gives, unchanged.
  - id: gpu-signature
    evidence: gpu
    claim: instance-identity
    when: gpu.signature == "valid"
    tier: 96
    severity: critical
    title: The report is signed by this GPU
    why: The signature is what ties every measurement to one device.
    fix: Collect the evidence again; if it fails again, take the GPU out of service.
  - id: gpu-nonce
    evidence: gpu
    claim: instance-identity
    when: gpu.nonce == "match"
    tier: 96
    severity: critical
    title: The report answers this challenge
    why: An old report, or another device's, shows the past or somebody else's GPU.
    fix: Collect evidence for the challenge that you were given, within its 60 seconds.
  - id: gpu-firmware-identity
    evidence: gpu
    claim: executables
    when: gpu.fwid == "match"
    tier: 96
    severity: critical
    title: The firmware that signs is the firmware that the certificate names
    why: The signing key is made from the firmware; another firmware would have another key.
    fix: Flash the vendor's firmware, reset the GPU and attest again.
  - id: gpu-reference-values
    evidence: gpu
    claim: executables
    when: gpu.rim.driver.status == "valid" && gpu.rim.vbios.status == "valid"
    tier: 0
    severity: high
    title: Signed, current reference values exist for this driver and VBIOS
    why: Measurements say nothing without values to compare them with.
    fix: Import a reference bundle with the RIMs of this driver and VBIOS version.
  - id: gpu-measured
    evidence: gpu
    claim: executables
    when: gpu.measurements.compared >= 1
    tier: 0
    severity: high
    title: Measurements were compared
    why: A report in which nothing was compared proves nothing about the firmware.
    fix: Import the RIMs of this driver and VBIOS version.
  - id: gpu-measurements
    evidence: gpu
    claim: executables
    when: >
      gpu.measurements.matched == gpu.measurements.compared
      && size(gpu.measurements.mismatched) == 0 && size(gpu.measurements.missing) == 0
    tier: 96
    severity: critical
    title: Every measurement is as the vendor released it
    why: A measurement that differs is firmware, configuration or debug state that nobody approved.
    fix: Turn debug modes off, install the released driver and VBIOS, reset and attest again.
  - id: gpu-not-revoked
    evidence: gpu
    claim: instance-identity
    when: '!(gpu.revocation.status in ["revoked", "hold"])'
    tier: 96
    severity: critical
    title: No certificate of the GPU or its reference values is revoked
    why: The vendor revokes what it no longer vouches for.
    fix: Take the GPU out of service and ask the vendor; for a RIM, update to a current release.
  - id: gpu-revocation-known
    evidence: gpu
    claim: instance-identity
    when: gpu.revocation.status == "good"
    tier: 0
    severity: high
    title: A recent answer says that nothing is revoked
    why: A revocation that we have not heard of is still a revocation.
    fix: Import OCSP answers or CRLs younger than the policy's max_revocation_age.
  - id: gpu-versions
    evidence: gpu
    claim: configuration
    when: >
      !(gpu.versions.driver in ["denied", "below"]) && !(gpu.versions.vbios in ["denied", "below"])
    tier: 96
    severity: high
    title: Driver and VBIOS are not known to be unfit
    why: Versions with known holes are genuine and still unsafe.
    fix: Update to a version that the list of approved versions names.
  - id: switch-chain
    evidence: switch
    claim: hardware
    when: switch.chain.status == "valid" && switch.class == "switch"
    tier: 96
    severity: critical
    title: The switch's certificates lead to the vendor's root
    why: The switch carries what the GPUs say to each other; it must be a genuine one.
    fix: Send the certificate chain that the switch itself gives, unchanged.
  - id: switch-signature
    evidence: switch
    claim: instance-identity
    when: switch.signature == "valid"
    tier: 96
    severity: critical
    title: The report is signed by this switch
    why: The signature is what ties every measurement to one device.
    fix: Collect the evidence again; if it fails again, take the switch out of service.
  - id: switch-nonce
    evidence: switch
    claim: instance-identity
    when: switch.nonce == "match"
    tier: 96
    severity: critical
    title: The report answers this challenge
    why: An old report, or another device's, shows the past or somebody else's switch.
    fix: Collect evidence for the challenge that you were given, within its 60 seconds.
  - id: switch-reference-values
    evidence: switch
    claim: executables
    when: switch.rim.switch.status == "valid"
    tier: 0
    severity: high
    title: Signed, current reference values exist for this switch firmware
    why: Measurements say nothing without values to compare them with.
    fix: Import a reference bundle with the RIM of this switch firmware.
  - id: switch-measured
    evidence: switch
    claim: executables
    when: switch.measurements.compared >= 1
    tier: 0
    severity: high
    title: Measurements were compared
    why: A report in which nothing was compared proves nothing about the firmware.
    fix: Import the RIM of this switch firmware.
  - id: switch-measurements
    evidence: switch
    claim: executables
    when: >
      switch.measurements.matched == switch.measurements.compared
      && size(switch.measurements.mismatched) == 0 && size(switch.measurements.missing) == 0
    tier: 96
    severity: critical
    title: Every measurement is as the vendor released it
    why: A measurement that differs is firmware or configuration that nobody approved.
    fix: Install the released switch firmware, reset and attest again.
  - id: switch-not-revoked
    evidence: switch
    claim: instance-identity
    when: '!(switch.revocation.status in ["revoked", "hold"])'
    tier: 96
    severity: critical
    title: No certificate of the switch or its reference values is revoked
    why: The vendor revokes what it no longer vouches for.
    fix: Take the switch out of service and ask the vendor.
  - id: switch-revocation-known
    evidence: switch
    claim: instance-identity
    when: switch.revocation.status == "good"
    tier: 0
    severity: high
    title: A recent answer says that nothing is revoked
    why: A revocation that we have not heard of is still a revocation.
    fix: Import OCSP answers or CRLs younger than the policy's max_revocation_age.
  - id: model-nonce
    evidence: model
    claim: instance-identity
    when: model.nonce == "match"
    tier: 96
    severity: critical
    title: The statement of the model's files answers this challenge
    why: An old statement says what the node once held.
    fix: Let the agent read the files for this challenge and send what it then states.
  - id: model-manifest
    evidence: model
    claim: file-system
    when: model.manifest == "match" && model.source in ["read", "verity"]
    tier: 96
    severity: critical
    title: The node holds exactly the registered files
    why: One changed tensor is another model; a remembered digest says nothing about today.
    fix: Copy the registered model to the node again, byte for byte, and attest anew.
  - id: model-production
    evidence: model
    claim: executables
    when: '"production" in model.stages'
    tier: 96
    severity: high
    title: The model is approved for production
    why: A stage is reached by a verified signature and another person's approval, or not at all.
    fix: Have this version verified, approved and promoted, or serve the one that production has.
  - id: host-nonce
    evidence: host
    claim: instance-identity
    when: host.nonce == "match"
    tier: 96
    severity: critical
    title: What the host says of itself answers this challenge
    why: An old statement says what the host once was. A fresh one is still only its own word.
    fix: Let the agent state the host for this challenge and send what it then states.
  - id: node-no-duplicates
    evidence: node
    claim: instance-identity
    when: node.duplicates == 0
    tier: 96
    severity: critical
    title: Every device answered once
    why: One device that answers in two places stands in for one that is not there.
    fix: Collect evidence from each device of the node.
  - id: node-fabric
    evidence: node
    claim: configuration
    when: node.topology.status != "broken"
    tier: 96
    severity: high
    title: GPUs and switches do not contradict each other about who is connected
    why: A GPU or switch that others do not see sits in another node or on another fabric.
    fix: Check the NVLink cabling and that every device of the node was attested together.
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
