"""NVIDIA GPU and NVSwitch evidence: format, verification, reference values, revocation."""

from lotabots.evidence import Scheme
from lotabots.evidence.schemes.nvidia_gpu.anchors import NVIDIA_ANCHORS
from lotabots.evidence.schemes.nvidia_gpu.codes import CODES, as_finding
from lotabots.evidence.schemes.nvidia_gpu.collateral import Collateral
from lotabots.evidence.schemes.nvidia_gpu.evidence_file import SCHEME, read_evidence_file
from lotabots.evidence.schemes.nvidia_gpu.good import GOOD_FACTS
from lotabots.evidence.schemes.nvidia_gpu.verify import prepare, verify_node

NVIDIA_GPU = Scheme(name=SCHEME, verify=verify_node, codes=CODES, good_facts=GOOD_FACTS)

__all__ = [
    "NVIDIA_ANCHORS",
    "NVIDIA_GPU",
    "Collateral",
    "as_finding",
    "prepare",
    "read_evidence_file",
    "verify_node",
]
