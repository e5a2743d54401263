"""Every public error code with its meaning and fix, for `lotabots explain` and docs/errors.md."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.kernel.codes import (
    access,
    appraisal,
    attestation,
    audit,
    audit_tools,
    cli,
    events,
    evidence,
    gateway,
    identity,
    kernel,
    models,
    models_code,
    models_formats,
    reference,
    result,
    runtime,
    server,
    tlog,
    web,
    witness,
)
from lotabots.kernel.codes.code import Code

AREAS = (
    kernel,
    access,
    models,
    models_code,
    models_formats,
    evidence,
    appraisal,
    result,
    tlog,
    runtime,
    events,
    web,
    audit,
    audit_tools,
    witness,
    reference,
    identity,
    attestation,
    gateway,
    server,
    cli,
)

CATALOGUE: Mapping[str, Code] = MappingProxyType(
    {code.name: code for area in AREAS for code in area.CODES}
)

__all__ = ["AREAS", "CATALOGUE", "Code"]
