"""The policies that come with LotaBots, by name."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from lotabots.appraisal.policies import default, demo, demo_host, host, strict
from lotabots.appraisal.policy import Policy, load_policy
from lotabots.kernel import Kind, LotaError

TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "default": default.TEXT,
        "strict": strict.TEXT,
        "host": host.TEXT,
        "demo": demo.TEXT,
        "demo-host": demo_host.TEXT,
    }
)
"""Name -> YAML, as a user would write it: a start for a policy of one's own."""


def builtin_policy(name: str) -> Policy:
    """The built-in policy of this name. Raises LotaError (POLICY_UNKNOWN)."""
    if name not in TEXTS:
        known = ", ".join(TEXTS)
        raise LotaError(
            Kind.NOT_FOUND, "POLICY_UNKNOWN", f"No built-in policy has this name; known: {known}."
        )
    return _loaded(name)


@cache  # a constant of this version: the same text, the same proofs, the same policy
def _loaded(name: str) -> Policy:
    return load_policy(TEXTS[name].encode())
