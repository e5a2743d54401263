"""Controls LB-SAF: only known formats, parsed whole, no code, a plain template, sane numbers."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from lotabots.appraisal.compliance.answer import (
    Answer,
    Check,
    NoParameters,
    failed,
    missing,
    not_applicable,
    of_findings,
    passed,
    unknown,
)
from lotabots.appraisal.compliance.evidence import Evidence
from lotabots.appraisal.controls import Basis
from lotabots.appraisal.models import SAFE_FORMATS, Scanned
from lotabots.models import Finding

CODE = ("REMOTE-CODE", "CODE-")
TEMPLATE = ("TEMPLATE-",)
SHAPES = ("CONFIG-DRIFT", "INDEX-", "TOKENIZER-ROWS", "ADAPTER-SHAPE")
SECRETS = ("SECRET-",)
PAPERS = ("CARD-", "LICENCE-", "VARIANT-", "ADAPTER-UNPINNED", "ADAPTER-BASE")
"""Findings that other controls are about, by how their codes begin."""


class Formats(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which formats may be there; those of the trust policy, where it decides about the model."""

    formats: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = SAFE_FORMATS


def formats_allowed(evidence: Evidence, parameters: Formats) -> Answer:
    """Every file is of an allowed format, by its content."""
    rule = evidence.rule
    allowed = frozenset(parameters.formats) if rule is None else rule.formats
    wanted = f"only {', '.join(sorted(allowed))}"
    if evidence.scanned is None:
        return missing(wanted, "a scan")
    others = [file for file in evidence.scanned.files if file.format not in allowed]
    known = [f"{file.path} ({file.format})" for file in others if file.format]
    if known:
        return failed(wanted, ", ".join(known[:4]))
    if others:
        return unknown(wanted, f"unknown: {', '.join(file.path for file in others[:4])}")
    if not evidence.scanned.files:
        return missing(wanted, "any file")
    return passed(wanted, f"{len(evidence.scanned.files)} files")


def parsed_strictly(evidence: Evidence, _: NoParameters) -> Answer:
    """Every file parses, and what its header says holds."""
    wanted = "every file parses strictly, none is unknown"
    if evidence.scanned is None or not evidence.scanned.files:
        return missing(wanted, "a scan" if evidence.scanned is None else "any file")
    elsewhere = (*CODE, *TEMPLATE, *SHAPES, *SECRETS, *PAPERS)
    rest = [one for one in evidence.scanned.findings if not one.code.startswith(elsewhere)]
    return of_findings(wanted, rest, f"{len(evidence.scanned.files)} files parsed")


def no_code(evidence: Evidence, _: NoParameters) -> Answer:
    """Nothing that a loader would run comes along."""
    wanted = "no code and nothing that asks for code, but what the policy pins"
    return _of_codes(evidence, CODE, wanted, "none")


def template_plain(evidence: Evidence, _: NoParameters) -> Answer:
    """The chat template says nothing that was not approved."""
    wanted = "a chat template that parses, reaches for nothing, and is approved where it decides"
    facts = evidence.facts
    if facts is not None and facts.get("templates") == 0:
        return not_applicable("there is no chat template")
    if facts is None or not isinstance(facts.get("templates"), int):
        answer = _of_codes(evidence, TEMPLATE, wanted, "")
        return answer if answer.measured else missing(wanted, "whether there is a template")
    return _of_codes(evidence, TEMPLATE, wanted, f"{facts['templates']} templates")


def tensors_sane(evidence: Evidence, _: NoParameters) -> Answer:
    """Shapes agree with the configuration, and sampled numbers are numbers."""
    wanted = "shapes as the configuration says, and no sampled number infinite or NaN"
    shapes = _of_codes(evidence, SHAPES, wanted, "shapes agree")
    sample = evidence.sample
    if sample is not None and sample.bad:
        return failed(wanted, f"not finite: {', '.join(sample.bad[:4])}")
    if evidence.scanned is None or shapes.status.value != "pass":
        return shapes
    if evidence.tensors == ():
        return missing(wanted, "any tensor")
    if sample is None or not sample.tensors:
        return missing(wanted, "a sample of tensors")
    words = f"{sample.tensors} tensors sampled, {sample.skipped} of packed types were not"
    return passed(wanted, f"{shapes.measured}; {words}")


def no_secrets(evidence: Evidence, _: NoParameters) -> Answer:
    """No file holds a key, a token or a password."""
    wanted = "no keys, tokens or passwords in any text"
    answer = _of_codes(evidence, SECRETS, wanted, "none found")
    # What only looks like a secret needs a person to look at it: that is no pass.
    if answer.status.value == "pass" and list(_with(evidence.scanned, SECRETS)):
        return unknown(wanted, answer.measured)
    return answer


def _of_codes(evidence: Evidence, begins: tuple[str, ...], wanted: str, good: str) -> Answer:
    if evidence.scanned is None:
        return missing(wanted, "a scan")
    return of_findings(wanted, _with(evidence.scanned, begins), good)


def _with(scanned: Scanned | None, begins: tuple[str, ...]) -> Iterator[Finding]:
    if scanned is not None:
        yield from (one for one in scanned.findings if one.code.startswith(begins))


def _check(name: str, function: object, *evidence: str, parameters: type = NoParameters) -> Check:
    return Check(
        name=name,
        basis=Basis.COMPUTED,
        evidence=evidence,
        function=function,  # type: ignore[arg-type] # each takes its own parameters
        parameters=parameters,
    )


CHECKS = (
    _check("formats-allowed", formats_allowed, "scanned", "rule", parameters=Formats),
    _check("parsed-strictly", parsed_strictly, "scanned"),
    _check("no-code", no_code, "scanned"),
    _check("template-plain", template_plain, "scanned", "facts"),
    _check("tensors-sane", tensors_sane, "scanned", "tensors", "sample"),
    _check("no-secrets", no_secrets, "scanned"),
)
