"""What a model is held against, one file each; a check yields findings, and asks all it can."""

from collections.abc import Callable, Iterator

from lotabots.appraisal.models.case import Case
from lotabots.appraisal.models.checks import contents, controls, signatures, versions
from lotabots.models import Finding

CHECKS: tuple[Callable[[Case], Iterator[Finding]], ...] = (
    signatures.check,
    versions.check,
    contents.check,
    controls.check,
)
