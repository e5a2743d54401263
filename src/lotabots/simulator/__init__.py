"""Byte-exact evidence of GPU nodes that do not exist, under a root of its own."""

from lotabots.simulator.authorities import anchors, roots_pem
from lotabots.simulator.chips import Chip
from lotabots.simulator.faults import Fault
from lotabots.simulator.fleet import Node, make_node, nvidia_json
from lotabots.simulator.hosts import HostOnNode
from lotabots.simulator.model_files import ModelOnNode
from lotabots.simulator.references import Revocation, approved_versions, reference_files

__all__ = [
    "Chip",
    "Fault",
    "HostOnNode",
    "ModelOnNode",
    "Node",
    "Revocation",
    "anchors",
    "approved_versions",
    "make_node",
    "nvidia_json",
    "reference_files",
    "roots_pem",
]
