"""Model files on a node: what the node states, held against the challenge and the registry."""

from lotabots.evidence import Scheme
from lotabots.evidence.schemes.model_files.codes import CODES
from lotabots.evidence.schemes.model_files.good import GOOD_FACTS
from lotabots.evidence.schemes.model_files.statement import (
    MAX_STATEMENT_BYTES,
    Statement,
    read_statement,
    write_statement,
)
from lotabots.evidence.schemes.model_files.verify import KIND, verify_models

SCHEME = "model_files"
MODEL_FILES = Scheme(name=SCHEME, verify=verify_models, codes=CODES, good_facts=GOOD_FACTS)

__all__ = [
    "KIND",
    "MAX_STATEMENT_BYTES",
    "MODEL_FILES",
    "SCHEME",
    "Statement",
    "read_statement",
    "verify_models",
    "write_statement",
]
