"""The facts of a good TPM: what policies are proved against when they load."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.evidence import Fact, Facts

_MATCHED = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14)

_PCRS: dict[str, Fact] = {
    str(number): {"status": "match", "value": "5a" * 32} for number in _MATCHED
}
_TPM: Facts = {
    "class": "tpm",
    "id": "7d" * 32,
    "level": "attested",
    "simulated": False,
    "nonce": "match",
    "signature": "valid",
    "chain": {
        "status": "valid",
        "leaf_sha256": "1f" * 32,
        "root_spki_sha256": "a9" * 32,
        "issuer_spki_sha256": ["b8" * 32, "a9" * 32],
        "roots": {"sha256": ["5c" * 32]},
    },
    "ak": {"status": "valid"},
    "manifest": {"status": "match"},
    "quote": {"bank": "sha256", "pcrs": [*_MATCHED]},
    "pcrs": _PCRS,
    "measurements": {"matched": [*_MATCHED], "mismatched": [], "unjudged": [], "unused": []},
    "reference": {"sha256": ["5d" * 32]},
    "secure_boot": "enabled",
    "event_log": {
        "status": "match",
        "events": 99,
        "firmware": "EDK II 2025.02",
        "applications": ["4a" * 32, "4b" * 32, "4c" * 32],
    },
    "boot": {"status": "same", "reset_count": 12, "restart_count": 0, "clock": 86_400_000},
    "ima": {
        "status": "match",
        "entries": 826,
        "pcr": "5a" * 32,
        "violations": 0,
        "unjudged": 0,
        "denied": 0,
        "unjudged_paths": [],
    },
    "firmware": "2016051100162800",
}

GOOD_FACTS: Mapping[str, Facts] = MappingProxyType({"tpm": _TPM})
"""Kind -> every fact that a verification can state, each with a good value."""
