"""Byte-exact evidence of nodes that do not exist, GPUs and TPM, under roots of its own."""

from lotabots.simulator.authorities import anchors, roots_pem
from lotabots.simulator.chips import Chip
from lotabots.simulator.faults import Fault
from lotabots.simulator.fleet import Node, make_node, nvidia_json
from lotabots.simulator.hosts import HostOnNode
from lotabots.simulator.model_files import ModelOnNode
from lotabots.simulator.references import Revocation, approved_versions, reference_files
from lotabots.simulator.tpm import (
    Algorithm,
    Boot,
    Logs,
    Measured,
    SimulatedTpm,
    TpmFault,
    root_evidence,
)

__all__ = [
    "Algorithm",
    "Boot",
    "Chip",
    "Fault",
    "HostOnNode",
    "Logs",
    "Measured",
    "ModelOnNode",
    "Node",
    "Revocation",
    "SimulatedTpm",
    "TpmFault",
    "anchors",
    "approved_versions",
    "make_node",
    "nvidia_json",
    "reference_files",
    "root_evidence",
    "roots_pem",
]
