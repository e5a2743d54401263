"""The rules about NVSwitches."""

RULES = """
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
    fix: Import OCSP answers or CRLs younger than the policy's max_revocation_age."""
