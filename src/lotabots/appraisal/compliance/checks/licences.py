"""Controls LB-LIC: a named licence that is allowed, its text, its ancestors' and its conditions."""

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
    text_of,
)
from lotabots.appraisal.compliance.evidence import Card, Evidence
from lotabots.appraisal.controls import Basis

Ids = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=256)]

PERMISSIVE: Ids = (
    "Apache-2.0",
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "CC0-1.0",
    "CC-BY-4.0",
    "CDLA-Permissive-2.0",
    "Unlicense",
)
"""SPDX identifiers that set no condition on the use of a model."""
CONDITIONAL: Ids = ("openrail", "bigscience", "creativeml", "llama", "gemma", "bigcode", "rail")
"""How the names of licences begin, after `LicenseRef-`, that restrict what a model is used for."""
INHERITED: Ids = (*CONDITIONAL, "gpl", "agpl", "lgpl", "cc-by-sa", "cc-by-nc", "cc-by-nd")
"""The same of licences that bind what is made from a model."""


class Allowed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which licences a model may have."""

    allowed: Ids = PERMISSIVE


class Conditional(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which licences come with a policy of acceptable use."""

    conditional: Ids = CONDITIONAL


class Inherited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which licences bind what is made from a model."""

    inherited: Ids = INHERITED


def licence_of(card: Card) -> str:
    """The licence that a card names: an SPDX identifier or `LicenseRef-...`; empty if none.

    Source: the front matter of model cards: `license`, and `license_name` where it is `other`.
    """
    name = text_of(card.metadata, "license", "licence")
    if name.lower() != "other":
        return name
    named = text_of(card.metadata, "license_name")
    return f"LicenseRef-{named}" if named else ""


def licence_allowed(evidence: Evidence, parameters: Allowed) -> Answer:
    """The card names a licence of the list."""
    wanted = "a licence of the list of allowed ones"
    if evidence.card is None:
        return missing(wanted, "a model card")
    licence = licence_of(evidence.card)
    if not licence:
        return missing(wanted, "which licence the card means")
    known = {one.lower() for one in parameters.allowed}
    answer = passed if licence.lower() in known else failed
    return answer(wanted, licence)


def licence_text(evidence: Evidence, _: NoParameters) -> Answer:
    """The text of the licence is there, and it is that of the licence that the card names."""
    wanted = "the whole text of the licence that the card names"
    if evidence.scanned is None:
        return missing(wanted, "a scan")
    if evidence.facts is None or not evidence.facts.get("licence_files"):
        return missing(wanted, "a file with the licence")
    found = [one for one in evidence.scanned.findings if one.code.startswith("LICENCE-")]
    unread = [one for one in found if one.code == "LICENCE-UNKNOWN"]
    answer = of_findings(wanted, found, "the texts agree")
    if unread and answer.status.value == "pass":
        return missing(wanted, "the text, which is none of those known here")
    return answer


def licence_inherited(evidence: Evidence, parameters: Inherited) -> Answer:
    """Every ancestor's licence is known, and the model keeps what it binds to."""
    wanted = "a known licence of every ancestor, kept where it binds what is made from it"
    card = evidence.card
    if card is None:
        return missing(wanted, "a model card")
    if not card.metadata.get("base_model") and not evidence.ancestors:
        if evidence.facts is not None and evidence.facts.get("derived"):
            return failed(wanted, f"{evidence.facts['derived']} of a base that the card hides")
        return not_applicable("the card names no base model")
    if not evidence.ancestors:
        return missing(wanted, "the registry's word on the base model")
    own = licence_of(card).lower()
    for one in evidence.ancestors:
        if not one.licence:
            return missing(wanted, f"the licence of {one.name}")
        binds = _begins(one.licence, parameters.inherited)
        if binds and own != one.licence.lower():
            return failed(wanted, f"{one.name} is {one.licence}, this is {own or 'unlicensed'}")
    return passed(wanted, ", ".join(f"{one.name}: {one.licence}" for one in evidence.ancestors))


def acceptable_use(evidence: Evidence, parameters: Conditional) -> Answer:
    """A licence with conditions comes with the policy of acceptable use."""
    wanted = "a policy of acceptable use, in the card or as a file"
    if evidence.card is None:
        return missing(wanted, "a model card")
    licence = licence_of(evidence.card)
    if not licence:
        return missing(wanted, "which licence the card means")
    if not _begins(licence, parameters.conditional):
        return not_applicable(f"{licence} sets no conditions on use")
    headed = [head for head in evidence.card.sections if "acceptable use" in head]
    if any(evidence.card.sections[head].strip() for head in headed):
        return passed(wanted, f"section `{headed[0]}`")
    files = [] if evidence.scanned is None else [one.path for one in evidence.scanned.files]
    policies = [path for path in files if "use_policy" in path.lower().replace("-", "_")]
    return passed(wanted, policies[0]) if policies else failed(wanted, f"none, under {licence}")


def _begins(licence: str, beginnings: Ids) -> bool:
    return licence.lower().removeprefix("licenseref-").startswith(tuple(map(str.lower, beginnings)))


CHECKS = (
    Check(
        name="licence-allowed",
        basis=Basis.DECLARED,
        evidence=("card",),
        function=licence_allowed,
        parameters=Allowed,
    ),
    Check(
        name="licence-text",
        basis=Basis.COMPUTED,
        evidence=("card", "scanned", "facts"),
        function=licence_text,
    ),
    Check(
        name="licence-inherited",
        basis=Basis.DECLARED,
        evidence=("card", "ancestors"),
        function=licence_inherited,
        parameters=Inherited,
    ),
    Check(
        name="acceptable-use",
        basis=Basis.DECLARED,
        evidence=("card", "scanned"),
        function=acceptable_use,
        parameters=Conditional,
    ),
)
