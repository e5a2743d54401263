"""What a verification writes for others: the report on controls in several forms, and the BOM."""

from collections.abc import Callable, Mapping
from typing import Literal

from litestar import Response

from lotabots.appraisal.compliance import (
    ComplianceReport,
    markdown,
    oscal,
    page,
    verification_summary,
)
from lotabots.attestation.models import store, work
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Transaction

Form = Literal["json", "html", "markdown", "oscal", "vsa"]
BOM_TYPE = "application/vnd.cyclonedx+json; version=1.6"

_FORMS: Mapping[Form, tuple[str, Callable[[ComplianceReport], str | bytes]]] = {
    "json": ("application/json", ComplianceReport.canonical),
    "html": ("text/html; charset=utf-8", page),
    "markdown": ("text/markdown; charset=utf-8", markdown),
    "oscal": ("application/oscal+json", oscal),
    "vsa": ("application/vnd.in-toto+json", verification_summary),
}


async def report(tx: Transaction, digest: str, form: Form) -> Response[str | bytes]:
    """The newest report on the model's controls. Raises `MODEL_NOT_FOUND`, `MODEL_NO_REPORT`."""
    await store.found(tx, digest)
    stored, _ = await work.newest_papers(tx, digest)
    if stored is None:
        detail = "No verification of this model has evaluated controls."
        raise LotaError(Kind.CONFLICT, "MODEL_NO_REPORT", detail)
    media_type, write = _FORMS[form]
    return Response(write(ComplianceReport.read(stored)), media_type=media_type)


async def bill(tx: Transaction, digest: str) -> Response[bytes]:
    """The newest bill of materials. Raises `MODEL_NOT_FOUND`, `MODEL_NO_REPORT`."""
    await store.found(tx, digest)
    _, stored = await work.newest_papers(tx, digest)
    if stored is None:
        detail = "No verification has read this model's files."
        raise LotaError(Kind.CONFLICT, "MODEL_NO_REPORT", detail)
    return Response(stored, media_type=BOM_TYPE)
