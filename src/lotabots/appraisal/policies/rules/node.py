"""The rules about what lies between the devices of a node."""

RULES = """
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
    fix: Check the NVLink cabling and that every device of the node was attested together."""
