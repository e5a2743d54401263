"""Evidence of a TPM 2.0: a quote over the node's PCRs and over all its other evidence."""

from lotabots.evidence import Scheme
from lotabots.evidence.schemes.tpm.carried import boot_of
from lotabots.evidence.schemes.tpm.chain import EkChain, Path, Problem, verify_ek_chain
from lotabots.evidence.schemes.tpm.codes import CODES, as_finding
from lotabots.evidence.schemes.tpm.credential import (
    RANDOMNESS,
    check_endorsement_key,
    make_credential,
)
from lotabots.evidence.schemes.tpm.format import (
    ImaPart,
    TpmEvidence,
    read_evidence,
    write_evidence,
)
from lotabots.evidence.schemes.tpm.good import GOOD_FACTS
from lotabots.evidence.schemes.tpm.keys import check_attestation_key, verify_quote
from lotabots.evidence.schemes.tpm.public import Public, read_public, without_size
from lotabots.evidence.schemes.tpm.quote import PCRS, Quote
from lotabots.evidence.schemes.tpm.verify import KIND, verify_tpms

SCHEME = "tpm"
TPM = Scheme(name=SCHEME, verify=verify_tpms, codes=CODES, good_facts=GOOD_FACTS)

__all__ = [
    "CODES",
    "KIND",
    "PCRS",
    "RANDOMNESS",
    "SCHEME",
    "TPM",
    "EkChain",
    "ImaPart",
    "Path",
    "Problem",
    "Public",
    "Quote",
    "TpmEvidence",
    "as_finding",
    "boot_of",
    "check_attestation_key",
    "check_endorsement_key",
    "make_credential",
    "read_evidence",
    "read_public",
    "verify_ek_chain",
    "verify_quote",
    "verify_tpms",
    "without_size",
    "write_evidence",
]
