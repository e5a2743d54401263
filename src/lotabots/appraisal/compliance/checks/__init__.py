"""Every check that a control of a catalogue may name, by what it is about."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.appraisal.compliance.answer import Check
from lotabots.appraisal.compliance.checks import (
    documentation,
    integrity,
    licences,
    operation,
    origins,
    safety,
)

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        check.name: check
        for area in (integrity, safety, licences, documentation, origins, operation)
        for check in area.CHECKS
    }
)
