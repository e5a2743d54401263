"""One folder for each kind of evidence: format, verify (pure), collect (agent only)."""

from lotabots.evidence import Scheme
from lotabots.evidence.schemes.host_claims import HOST_CLAIMS
from lotabots.evidence.schemes.model_files import MODEL_FILES
from lotabots.evidence.schemes.nvidia_gpu import NVIDIA_GPU
from lotabots.evidence.schemes.tpm import TPM

SCHEMES: tuple[Scheme, ...] = (NVIDIA_GPU, MODEL_FILES, TPM, HOST_CLAIMS)

__all__ = ["SCHEMES"]
