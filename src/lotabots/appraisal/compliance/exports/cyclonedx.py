"""A model as a CycloneDX 1.6 bill of materials (ML-BOM): files, card, licence, datasets, ancestors.

Source: ECMA-424 (CycloneDX 1.6), bom-1.6.schema.json. What a card claims is written as the card's
claim; digests are of the bytes that were read.
"""

from collections.abc import Iterator, Mapping, Sequence

from lotabots.appraisal.compliance.answer import text_of
from lotabots.appraisal.compliance.checks.documentation import (
    count_parameters,
    main_dtype,
    results_of,
)
from lotabots.appraisal.compliance.checks.licences import PERMISSIVE, licence_of
from lotabots.appraisal.compliance.evidence import Card, Evidence
from lotabots.appraisal.compliance.exports.words import identifier, one_line
from lotabots.kernel import Json, canonical, format_time
from lotabots.models import Algorithm, FileEntry

ALGORITHMS: Mapping[Algorithm, str] = {
    Algorithm.SHA256: "SHA-256",
    Algorithm.BLAKE2B: "BLAKE2b-512",
    Algorithm.BLAKE3: "BLAKE3",
}
_SPDX = {one.lower(): one for one in PERMISSIVE}
MAX_TEXT = 2000


def model_bom(
    evidence: Evidence,
    files: Sequence[FileEntry],
    algorithm: Algorithm,
    *,
    tool_version: str,
) -> bytes:
    """The bill as canonical JSON; the same model at the same time gives the same bytes."""
    card = evidence.card
    datasets = [] if card is None else _datasets(card)
    parts: list[Json] = [_file(entry, algorithm) for entry in files]
    parts += [one for _, one in datasets]
    when = format_time(evidence.now.replace(microsecond=0))
    references: list[Json] = [f"file:{index}" for index in range(len(files))]
    for index, part in enumerate(parts[: len(files)]):
        if isinstance(part, dict):
            part["bom-ref"] = f"file:{index}"
    references += [reference for reference, _ in datasets]
    bill: dict[str, Json] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{identifier('bom', evidence.root, evidence.name, when)}",
        "version": 1,
        "metadata": {
            "timestamp": when,
            "tools": {
                "components": [{"type": "application", "name": "lotabots", "version": tool_version}]
            },
            "component": _model(evidence, datasets),
        },
        "components": parts,
        "dependencies": [{"ref": "model", "dependsOn": references}],
    }
    return canonical(bill)


def _model(evidence: Evidence, datasets: list[tuple[str, dict[str, Json]]]) -> dict[str, Json]:
    organisation, _, name = evidence.name.rpartition("/")
    model: dict[str, Json] = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": one_line(name),
        "modelCard": _model_card(evidence, [reference for reference, _ in datasets]),
        "properties": list(_properties(evidence)),
    }
    if organisation:
        model["group"] = one_line(organisation)
    if evidence.version:
        model["version"] = one_line(evidence.version)
    if evidence.card is not None:
        if licence := licence_of(evidence.card):
            model["licenses"] = [{"license": _licence(licence)}]
        if ancestors := _ancestors(evidence.card):
            model["pedigree"] = {"ancestors": ancestors}
    return model


def _licence(licence: str) -> dict[str, Json]:
    """An identifier only where we know that it is one of SPDX's; else its name."""
    known = _SPDX.get(licence.lower())
    return {"id": known} if known else {"name": one_line(licence)}


def _ancestors(card: Card) -> list[Json]:
    base = card.metadata.get("base_model")
    names = [base] if isinstance(base, str) else base if isinstance(base, list) else []
    return [
        {"type": "machine-learning-model", "name": one_line(name)}
        for name in names
        if isinstance(name, str) and name.strip()
    ]


def _model_card(evidence: Evidence, datasets: list[str]) -> dict[str, Json]:
    card, facts = evidence.card, evidence.facts or {}
    parameters: dict[str, Json] = {}
    if architecture := text_of(facts, "architecture"):
        parameters["modelArchitecture"] = one_line(architecture)
    if card is not None and (task := text_of(card.metadata, "pipeline_tag")):
        parameters["task"] = one_line(task)
    if datasets:
        parameters["datasets"] = [{"ref": reference} for reference in datasets]
    written: dict[str, Json] = {}
    if parameters:
        written["modelParameters"] = parameters
    if card is None:
        return written
    metrics: list[Json] = [
        {"type": one_line(metric), "value": one_line(value), "slice": one_line(dataset)}
        for dataset, _, metric, value in results_of(card)
    ]
    if metrics:
        written["quantitativeAnalysis"] = {"performanceMetrics": metrics}
    considerations: dict[str, Json] = {}
    for field, words in (
        ("useCases", ("intended use", "direct use", "use cases")),
        ("technicalLimitations", ("limitations", "out-of-scope", "out of scope")),
    ):
        if texts := _sections(card, words):
            considerations[field] = texts
    if considerations:
        written["considerations"] = considerations
    return written


def _sections(card: Card, words: tuple[str, ...]) -> list[Json]:
    return [
        one_line(text.replace("\n", " "))[:MAX_TEXT]
        for heading, text in card.sections.items()
        if text.strip() and any(word in heading for word in words)
    ]


def _datasets(card: Card) -> list[tuple[str, dict[str, Json]]]:
    given = card.metadata.get("datasets")
    found: list[tuple[str, dict[str, Json]]] = []
    for index, one in enumerate(given if isinstance(given, list) else []):
        named = one if isinstance(one, dict) else {}
        name = one if isinstance(one, str) else text_of(named, "id", "name")
        if not name.strip():
            continue
        reference = f"dataset:{index}"
        part: dict[str, Json] = {
            "type": "data",
            "bom-ref": reference,
            "name": one_line(name),
            "data": [{"type": "dataset", "name": one_line(name)}],
        }
        if revision := text_of(named, "revision", "digest"):
            part["version"] = one_line(revision)
        if licence := text_of(named, "license", "licence"):
            part["licenses"] = [{"license": _licence(licence)}]
        found.append((reference, part))
    return found


def _file(entry: FileEntry, algorithm: Algorithm) -> dict[str, Json]:
    return {
        "type": "file",
        "name": one_line(entry.path),
        "hashes": [{"alg": ALGORITHMS[algorithm], "content": entry.digest.hex()}],
        "properties": [{"name": "lotabots:size", "value": str(entry.size)}],
    }


def _properties(evidence: Evidence) -> Iterator[Json]:
    facts = evidence.facts or {}
    values = {
        "root": evidence.root,
        "tensor-root": "" if evidence.signed is None else evidence.signed.tensor_root,
        "tensors": "" if evidence.tensors is None else str(len(evidence.tensors)),
        "parameters": str(count_parameters(evidence)) if evidence.tensors else "",
        "dtype": main_dtype(evidence),
        "context-length": str(facts.get("context_length") or ""),
        "signers": ""
        if evidence.signed is None
        else "; ".join(str(signer) for signer in evidence.signed.signers),
    }
    for name, value in values.items():
        if value:
            yield {"name": f"lotabots:{name}", "value": one_line(value)}
