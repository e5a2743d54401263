"""A policy's text as plain JSON values: at most 64 KiB of YAML or JSON with one reading."""

from lotabots.kernel import Json
from lotabots.kernel.yaml_text import Reading, read_yaml

POLICY = Reading("policy", "POLICY_MALFORMED", "POLICY_TOO_LARGE")


def read_document(data: bytes) -> Json:
    """The one value that `data` writes. Raises LotaError (POLICY_TOO_LARGE, POLICY_MALFORMED)."""
    return read_yaml(data, POLICY)
