"""The facts of a good model on a node: what policies are proved against when they load."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.evidence import Facts

_MODEL: Facts = {
    "class": "model",
    "id": "6d" * 32,
    "level": "claimed",
    "simulated": False,
    "nonce": "match",
    "manifest": "match",
    "source": "read",
    "name": "example/model",
    "version": "1.2.0",
    "stages": ["production"],
    "files": 12,
    "bytes": 16_060_522_240,
    "tensors": 291,
}

GOOD_FACTS: Mapping[str, Facts] = MappingProxyType({"model": _MODEL})
