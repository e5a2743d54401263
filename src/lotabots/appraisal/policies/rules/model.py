"""The rules about models on a node."""

RULES = """
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
    fix: Have this version verified, approved and promoted, or serve the one that production has."""
