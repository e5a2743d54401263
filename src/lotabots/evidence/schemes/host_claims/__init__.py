"""What a host says of itself: statement, verification, layout. Claimed by software, never proof."""

from lotabots.evidence import Scheme
from lotabots.evidence.schemes.host_claims.codes import CODES
from lotabots.evidence.schemes.host_claims.good import GOOD_FACTS
from lotabots.evidence.schemes.host_claims.layout import layout_of
from lotabots.evidence.schemes.host_claims.machine import (
    ConfidentialComputing,
    Cpu,
    Gpu,
    Machine,
    MigInstance,
    Nvml,
)
from lotabots.evidence.schemes.host_claims.report import (
    Disk,
    GpuUse,
    HostUse,
    Measured,
    Report,
)
from lotabots.evidence.schemes.host_claims.statement import (
    MAX_STATEMENT_BYTES,
    Statement,
    read_statement,
    write_statement,
)
from lotabots.evidence.schemes.host_claims.verify import KIND, verify_hosts

SCHEME = "host_claims"
HOST_CLAIMS = Scheme(name=SCHEME, verify=verify_hosts, codes=CODES, good_facts=GOOD_FACTS)

__all__ = [
    "HOST_CLAIMS",
    "KIND",
    "MAX_STATEMENT_BYTES",
    "SCHEME",
    "ConfidentialComputing",
    "Cpu",
    "Disk",
    "Gpu",
    "GpuUse",
    "HostUse",
    "Machine",
    "Measured",
    "MigInstance",
    "Nvml",
    "Report",
    "Statement",
    "layout_of",
    "read_statement",
    "verify_hosts",
    "write_statement",
]
