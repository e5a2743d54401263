"""Controls LB-DAT and LB-PRO: which data, where from, who built it, and from which base."""

from typing import Annotated

import msgspec

from lotabots.appraisal.compliance.answer import (
    Answer,
    Check,
    NoParameters,
    failed,
    missing,
    not_applicable,
    passed,
    text_of,
)
from lotabots.appraisal.compliance.checks.documentation import has_section
from lotabots.appraisal.compliance.evidence import Evidence
from lotabots.appraisal.controls import Basis


class Builders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which builders are trusted to say what a model was made from; none unless a pack says."""

    builders: Annotated[tuple[str, ...], msgspec.Meta(max_length=64)] = ()


def datasets_pinned(evidence: Evidence, _: NoParameters) -> Answer:
    """Each dataset has a name, a revision or digest, and a licence."""
    wanted = "for each dataset an id, a revision or digest, and a licence"
    if evidence.card is None:
        return missing(wanted, "a model card")
    datasets = evidence.card.metadata.get("datasets")
    if not isinstance(datasets, list) or not datasets:
        return missing(wanted, "the datasets")
    for one in datasets:
        named = one if isinstance(one, dict) else {}
        name = text_of(named, "id", "name") or (one if isinstance(one, str) else "?")
        if not text_of(named, "id", "name"):
            return failed(wanted, f"{name}: only a name, which can mean anything later")
        if not text_of(named, "revision", "digest"):
            return failed(wanted, f"{name}: no revision and no digest")
        if not text_of(named, "license", "licence"):
            return failed(wanted, f"{name}: no licence")
    return passed(wanted, f"{len(datasets)} datasets")


def data_described(evidence: Evidence, _: NoParameters) -> Answer:
    """The card says where the data is from, how it was chosen, and whether persons are in it."""
    wanted = "sections on provenance, curation and personal data"
    if evidence.card is None:
        return missing(wanted, "a model card")
    groups = {
        "provenance": ("provenance", "data source", "training data", "source data"),
        "curation": ("curation", "preprocessing", "data collection", "filtering"),
        "personal data": ("personal", "privacy", "sensitive"),
    }
    found = {name: has_section(evidence.card, *words) for name, words in groups.items()}
    lacking = [name for name, heading in found.items() if not heading]
    if lacking:
        return failed(wanted, f"no section on {', '.join(lacking)}")
    return passed(wanted, ", ".join(f"`{heading}`" for heading in found.values()))


def provenance_known(evidence: Evidence, parameters: Builders) -> Answer:
    """A trusted builder says what went in, by digest."""
    wanted = "a verified SLSA provenance of a trusted builder, with digests of what went in"
    provenance = evidence.provenance
    if provenance is None:
        return missing(wanted, "a provenance")
    if provenance.builder not in parameters.builders:
        return failed(wanted, f"builder {provenance.builder}")
    if not provenance.materials:
        return failed(wanted, f"{provenance.builder} names nothing that went in")
    return passed(wanted, f"{provenance.builder}, {len(provenance.materials)} materials")


def base_linked(evidence: Evidence, _: NoParameters) -> Answer:
    """An adapter or quantised model is linked, by a signed digest, to an approved base."""
    wanted = "a signed link, by digest, to a base that is approved"
    facts = evidence.facts
    if facts is None:
        return missing(wanted, "whether it is derived")
    derived = text_of(facts, "derived")
    if not derived:
        return not_applicable("neither an adapter nor quantised")
    if evidence.signed is None:
        return missing(wanted, "a bundle")
    links = evidence.signed.derived_from
    if not links:
        return failed(wanted, f"{derived}, and no signed link")
    if evidence.ancestors is None:
        return missing(wanted, "which bases are approved")
    approved = {one.root for one in evidence.ancestors if one.approved and one.root}
    if strange := [link for link in links if link not in approved]:
        return failed(wanted, f"{derived} of {strange[0]}, which is not approved")
    return passed(wanted, f"{derived} of {', '.join(links)}")


CHECKS = (
    Check(
        name="datasets-pinned", basis=Basis.DECLARED, evidence=("card",), function=datasets_pinned
    ),
    Check(name="data-described", basis=Basis.DECLARED, evidence=("card",), function=data_described),
    Check(
        name="provenance-known",
        basis=Basis.DECLARED,
        evidence=("provenance",),
        function=provenance_known,
        parameters=Builders,
    ),
    Check(
        name="base-linked",
        basis=Basis.DECLARED,
        evidence=("facts", "signed", "ancestors"),
        function=base_linked,
    ),
)
