"""Reference values and collateral: signed, numbered bundles, and which of them are in force."""

from lotabots.reference.api import HANDLERS, service
from lotabots.reference.bundle import Bundle, build_bundle, open_bundle
from lotabots.reference.fetcher import Fetched, Sources, fetch
from lotabots.reference.service import REFERENCE_PURPOSE, References
from lotabots.reference.settings import ReferenceSettings
from lotabots.reference.types import InForce

__all__ = [
    "HANDLERS",
    "REFERENCE_PURPOSE",
    "Bundle",
    "Fetched",
    "InForce",
    "ReferenceSettings",
    "References",
    "Sources",
    "build_bundle",
    "fetch",
    "open_bundle",
    "service",
]
