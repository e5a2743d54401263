"""Every public error code with its meaning and fix, for `lotabots explain` and docs/errors.md."""

from collections.abc import Mapping
from types import MappingProxyType

from lotabots.kernel.codes import (
    access,
    agent,
    appraisal,
    attestation,
    audit,
    audit_tools,
    cli,
    enrolment,
    events,
    evidence,
    gateway,
    identity,
    kernel,
    models,
    models_code,
    models_formats,
    models_gguf,
    models_manifest,
    models_onnx,
    models_policy,
    models_reading,
    models_registry,
    models_repository,
    models_scan,
    models_signing,
    notices,
    reference,
    resources,
    result,
    runtime,
    server,
    tlog,
    tpm,
    web,
    witness,
)
from lotabots.kernel.codes.code import Code

AREAS = (
    kernel,
    access,
    models,
    models_code,
    models_reading,
    models_policy,
    models_repository,
    models_scan,
    models_formats,
    models_manifest,
    models_signing,
    models_gguf,
    models_onnx,
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
    tpm,
    enrolment,
    notices,
    models_registry,
    resources,
    gateway,
    server,
    agent,
    cli,
)

CATALOGUE: Mapping[str, Code] = MappingProxyType(
    {code.name: code for area in AREAS for code in area.CODES}
)

__all__ = ["AREAS", "CATALOGUE", "Code"]
