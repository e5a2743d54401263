"""The rules about TPMs."""

RULES = """
  - id: tpm-chain
    evidence: tpm
    claim: hardware
    when: tpm.chain.status == "valid" && tpm.class == "tpm"
    tier: 0
    severity: critical
    title: The TPM's endorsement key leads to its maker's root
    why: Only its maker can say that a key lives in a TPM; without the chain it may live anywhere.
    fix: Import a reference bundle with the roots of the TPM's maker, then attest again.
  - id: tpm-attestation-key
    evidence: tpm
    claim: instance-identity
    when: tpm.ak.status == "valid"
    tier: 96
    severity: critical
    title: The attestation key signs only what its TPM made
    why: A key that signs anything, or that can leave its TPM, can sign a quote of any machine.
    fix: Let the agent make its attestation key anew, under the endorsement key, and enrol again.
  - id: tpm-signature
    evidence: tpm
    claim: instance-identity
    when: tpm.signature == "valid"
    tier: 96
    severity: critical
    title: The quote is signed by the TPM that the node enrolled
    why: The signature is what ties every measurement to one machine.
    fix: Quote with the enrolled key; if the TPM was replaced or cleared, enrol the node again.
  - id: tpm-nonce
    evidence: tpm
    claim: instance-identity
    when: tpm.nonce == "match"
    tier: 96
    severity: critical
    title: The quote answers this challenge
    why: An old quote, or another node's, shows the past or somebody else's machine.
    fix: Quote for the challenge that you were given, within its 60 seconds.
  - id: tpm-manifest
    evidence: tpm
    claim: instance-identity
    when: tpm.manifest.status == "match"
    tier: 96
    severity: critical
    title: The quote covers exactly the evidence that was sent
    why: Evidence that the node's root did not see may come from anywhere.
    fix: Send the evidence that the agent collected for this challenge, all of it and unchanged.
  - id: tpm-clock
    evidence: tpm
    claim: instance-identity
    when: tpm.boot.status in ["first", "same", "rebooted"]
    tier: 96
    severity: critical
    title: The TPM's clock and counters run forward
    why: Counters that fall are another TPM's, or of one that was cleared.
    fix: Find out who cleared or replaced the TPM. If it was you, enrol the node again.
  - id: tpm-measurements
    evidence: tpm
    claim: executables
    when: size(tpm.measurements.mismatched) == 0
    tier: 96
    severity: critical
    title: No measurement contradicts its reference value or its log
    why: What was measured is firmware, a boot loader or a kernel that nobody approved.
    fix: Install the approved versions, or import reference values that approve these.
  - id: tpm-measured
    evidence: tpm
    claim: executables
    when: size(tpm.measurements.unjudged) == 0 && size(tpm.measurements.matched) >= 1
    tier: 0
    severity: high
    title: Every measurement was judged
    why: A measurement that nothing judges says nothing; something must have been measured.
    fix: Import a reference bundle with the values of this kind of machine.
  - id: tpm-event-log
    evidence: tpm
    claim: configuration
    when: tpm.event_log.status in ["match", "absent"]
    tier: 96
    severity: high
    title: The log of the boot is the one that was measured
    why: A log that does not lead to the measured values was changed after the boot.
    fix: Send the firmware's own log, unchanged.
  - id: tpm-secure-boot
    evidence: tpm
    claim: configuration
    when: tpm.secure_boot in ["enabled", "unknown"]
    tier: 96
    severity: high
    title: Secure boot is not switched off
    why: Without it the firmware starts whatever it finds.
    fix: Switch secure boot on in the firmware's settings, restart and attest again.
  - id: tpm-ima-log
    evidence: tpm
    claim: file-system
    when: tpm.ima.status in ["match", "absent"]
    tier: 96
    severity: high
    title: The kernel's list of measured files is the one that was measured
    why: A list that does not lead to the measured value was changed.
    fix: Send the kernel's own list from where the last one ended, unchanged.
  - id: tpm-ima-denied
    evidence: tpm
    claim: file-system
    when: tpm.ima.denied == 0 && tpm.ima.violations == 0
    tier: 96
    severity: critical
    title: Nothing ran that is denied, and nothing changed while it was measured
    why: A file on the deny list ran, or one was written while it was read.
    fix: Remove the file, restart the node and attest again.
  - id: tpm-ima-known
    evidence: tpm
    claim: file-system
    when: tpm.ima.unjudged == 0
    tier: 0
    severity: high
    title: Every measured file is on the allow list
    why: A file that nobody has looked at may do anything.
    fix: Allow the file in the reference values, or remove it and restart the node."""
