"""Controls LB-INT: signed by who may sign, bound by name and tensor, and no older than before."""

from collections.abc import Iterator

from lotabots.appraisal.compliance.answer import (
    Answer,
    Check,
    NoParameters,
    failed,
    missing,
    of_findings,
    passed,
)
from lotabots.appraisal.compliance.evidence import Evidence
from lotabots.appraisal.controls import Basis
from lotabots.appraisal.models import Case, Signed, check_signatures, check_versions
from lotabots.models import Finding, Severity


def signature_allowed(evidence: Evidence, _: NoParameters) -> Answer:
    """Signed by the signers that the trust policy wants, over exactly these files."""
    wanted = "the signers that the trust policy wants, over exactly these files"
    case = _case(evidence)
    if case is None or evidence.signed is None:
        return missing(wanted, "a bundle" if evidence.signed is None else "a trust policy")
    signers = len({signer.key_sha256 for signer in case.allowed()})
    findings = (*evidence.signed.findings, *check_signatures(case))
    return of_findings(wanted, findings, f"{signers} allowed signers")


def roots_equal(evidence: Evidence, _: NoParameters) -> Answer:
    """The roots over names and over tensors are the signed ones."""
    wanted = "the root over names and the root over tensors, signed and equal"
    signed = evidence.signed
    if signed is None:
        return missing(wanted, "a bundle")
    case = _case(evidence)
    strong = case.strong() if case is not None else _any_strong(signed)
    rejected = [one for one in signed.findings if one.severity is Severity.REJECT]
    if rejected or (evidence.root and evidence.root != signed.root):
        return failed(wanted, ", ".join(one.code for one in rejected[:4]) or "another root")
    if strong is None:
        return missing(wanted, "a statement of an allowed signer that binds names")
    if evidence.tensors is None:
        return missing(wanted, "the tensors")
    if evidence.tensors and not strong.tensor_root:
        return missing(wanted, "a signed root over tensors")
    return passed(wanted, f"root {strong.root}")


def version_current(evidence: Evidence, _: NoParameters) -> Answer:
    """No older than the version that was accepted before, and not expired."""
    wanted = "no older than the version accepted before, new enough for the policy, not expired"
    case = _case(evidence)
    if case is None or evidence.signed is None:
        return missing(wanted, "a bundle" if evidence.signed is None else "a trust policy")
    return of_findings(wanted, _currency(case), f"version {evidence.version or '(none)'}")


def _currency(case: Case) -> Iterator[Finding]:
    yield from check_versions(case)
    for found in check_signatures(case):
        if found.code in {"MODEL-STATEMENT-EXPIRED", "MODEL-RULE-EXPIRED"}:
            yield found


def _any_strong(signed: Signed) -> Signed | None:
    return signed if signed.strong else None


def _case(evidence: Evidence) -> Case | None:
    if evidence.rule is None:
        return None
    return Case(
        name=evidence.name,
        version=evidence.version,
        signed=evidence.signed,
        scanned=evidence.scanned,
        controls=None,
        rule=evidence.rule,
        previous=evidence.previous,
        now=evidence.now,
    )


CHECKS = (
    Check(
        name="signature-allowed",
        basis=Basis.COMPUTED,
        evidence=("signed", "rule"),
        function=signature_allowed,
    ),
    Check(
        name="roots-equal",
        basis=Basis.COMPUTED,
        evidence=("signed", "tensors"),
        function=roots_equal,
    ),
    Check(
        name="version-current",
        basis=Basis.COMPUTED,
        evidence=("signed", "rule", "previous"),
        function=version_current,
    ),
)
