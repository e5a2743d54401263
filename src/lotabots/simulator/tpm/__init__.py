"""Simulated TPMs: keys, measurements and quotes, byte for byte as a TPM 2.0 makes them."""

from lotabots.simulator.tpm.boot import APPLICATIONS, Boot
from lotabots.simulator.tpm.faults import TpmFault
from lotabots.simulator.tpm.ima import Measured
from lotabots.simulator.tpm.keys import Algorithm
from lotabots.simulator.tpm.presented import cover
from lotabots.simulator.tpm.reference import REFERENCE_NAME, tpm_reference
from lotabots.simulator.tpm.root import EVERYTHING, Logs, root_evidence
from lotabots.simulator.tpm.simulated import Quoted, SimulatedTpm
from lotabots.simulator.tpm.state_faults import enrol, start

__all__ = [
    "APPLICATIONS",
    "EVERYTHING",
    "REFERENCE_NAME",
    "Algorithm",
    "Boot",
    "Logs",
    "Measured",
    "Quoted",
    "SimulatedTpm",
    "TpmFault",
    "cover",
    "enrol",
    "root_evidence",
    "start",
    "tpm_reference",
]
