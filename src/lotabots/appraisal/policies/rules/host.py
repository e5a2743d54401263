"""The rules about what a host says of itself."""

RULES = """
  - id: host-nonce
    evidence: host
    claim: instance-identity
    when: host.nonce == "match"
    tier: 96
    severity: critical
    title: What the host says of itself answers this challenge
    why: An old statement says what the host once was. A fresh one is still only its own word.
    fix: Let the agent state the host for this challenge and send what it then states."""
