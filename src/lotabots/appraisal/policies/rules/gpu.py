"""The rules about GPUs."""

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
    fix: Update to a version that the list of approved versions names."""
