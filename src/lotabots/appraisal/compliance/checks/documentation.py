"""Controls LB-DOC: what the card says is there, and agrees with the weights where it can."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from lotabots.appraisal.compliance.answer import (
    Answer,
    Check,
    NoParameters,
    failed,
    missing,
    passed,
    text_of,
)
from lotabots.appraisal.compliance.evidence import Card, Evidence
from lotabots.appraisal.compliance.quantities import number_in, whole_number
from lotabots.appraisal.controls import Basis

SYSTEMIC_FLOP = 10**25
"""Training compute from which on systemic risk is presumed (EU AI Act, Article 51)."""
SYSTEMIC_PACK = "systemic-risk"


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a declared number of parameters may lie from the counted one."""

    per_mille: Annotated[int, msgspec.Meta(ge=0, le=200)] = 10


def intended_use(evidence: Evidence, _: NoParameters) -> Answer:
    """The card says what the model is for, and what not."""
    wanted = "sections on intended use and on use out of scope, with words in them"
    if evidence.card is None:
        return missing(wanted, "a model card")
    intended = has_section(evidence.card, "intended use", "direct use", "uses", "use cases")
    outside = has_section(evidence.card, "out-of-scope", "out of scope", "limitations", "misuse")
    if intended and outside:
        return passed(wanted, f"`{intended}`, `{outside}`")
    return failed(wanted, f"no section on {'use out of scope' if intended else 'intended use'}")


def parameters_counted(evidence: Evidence, parameters: Tolerance) -> Answer:
    """The declared number of parameters and type are those of the tensors."""
    wanted = f"parameters within {parameters.per_mille} per mille of the tensors, and their type"
    tensors = evidence.tensors
    if not tensors:
        return missing(wanted, "the tensors")
    if evidence.card is None:
        return missing(wanted, "a model card")
    declared = number_in(evidence.card.metadata, "parameters", "num_parameters", "model_size")
    if declared is None:
        return missing(wanted, "how many parameters the card declares")
    counted = count_parameters(evidence)
    if not counted:
        return missing(wanted, "the number of parameters: the layers are packed")
    words = f"declared {declared}, counted {counted}"
    if abs(declared - counted) * 1000 > parameters.per_mille * counted:
        return failed(wanted, words)
    dtype = text_of(evidence.card.metadata, "dtype", "torch_dtype", "tensor_type")
    main = main_dtype(evidence)
    if dtype and _dtype(dtype) != _dtype(main):
        return failed(wanted, f"{words}; declared {dtype}, most are {main}")
    return passed(wanted, f"{words}; {main}")


def count_parameters(evidence: Evidence) -> int:
    """Parameters in the tensors; 0 where layers are packed, so that numbers are no parameters."""
    # A repository may hold the model twice, in two formats: the scan knows, a sum does not.
    counted = (evidence.facts or {}).get("parameters")
    if isinstance(counted, int):
        return counted
    return sum(_size(tensor.shape) for tensor in evidence.tensors or ())


def main_dtype(evidence: Evidence) -> str:
    """The type that most numbers have; empty without tensors."""
    sizes: dict[str, int] = {}
    for tensor in evidence.tensors or ():
        sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + _size(tensor.shape)
    return max(sizes, key=lambda dtype: (sizes[dtype], dtype), default="")


def context_stated(evidence: Evidence, _: NoParameters) -> Answer:
    """Modality and context window are in the configuration, and as the card says."""
    wanted = "a context window in the configuration, equal to the card's, and a modality"
    if evidence.facts is None:
        return missing(wanted, "the configuration")
    if evidence.card is None:
        return missing(wanted, "a model card")
    window = whole_number(evidence.facts.get("context_length"))
    if window is None:
        return missing(wanted, "the configuration's context window")
    declared = number_in(evidence.card.metadata, "context_length", "max_position_embeddings")
    if declared is None:
        return missing(wanted, "the card's context window")
    modality = text_of(evidence.card.metadata, "pipeline_tag", "modality")
    if not modality:
        return missing(wanted, "the card's modality")
    answer = passed if declared == window else failed
    return answer(wanted, f"configuration {window}, card {declared}, {modality}")


def release_stated(evidence: Evidence, _: NoParameters) -> Answer:
    """The card says when the model was released, and through what."""
    wanted = "a date of release and a channel of distribution"
    if evidence.card is None:
        return missing(wanted, "a model card")
    date = text_of(evidence.card.metadata, "release_date", "date")
    channel = text_of(evidence.card.metadata, "distribution", "repository", "url")
    date = date or has_section(evidence.card, "release date")
    channel = channel or has_section(evidence.card, "distribution", "model sources")
    if date and channel:
        return passed(wanted, f"{date}, {channel}")
    return failed(wanted, f"no {'channel' if date else 'date of release'}")


def evaluated(evidence: Evidence, _: NoParameters) -> Answer:
    """The card has a result with its dataset, metric and revision."""
    wanted = "at least one result with dataset, metric and the dataset's revision"
    if evidence.card is None:
        return missing(wanted, "a model card")
    whole = [one for one in results_of(evidence.card) if all(one)]
    if whole:
        return passed(wanted, f"{len(whole)} results; {' '.join(whole[0])}")
    return failed(wanted, "none that names all three")


def results_of(card: Card) -> list[tuple[str, str, str, str]]:
    """Dataset, revision, metric and value of each result in the card; empty where not stated.

    Source: `model-index` in the front matter of model cards.
    """
    found = []
    for model in _mappings(card.metadata.get("model-index")):
        for result in _mappings(model.get("results")):
            dataset = result.get("dataset")
            named = dataset if isinstance(dataset, dict) else {}
            data = (text_of(named, "type", "name"), text_of(named, "revision"))
            found += [
                (*data, text_of(metric, "type", "name"), str(metric.get("value", "")))
                for metric in _mappings(result.get("metrics"))
            ]
    return found


def compute_declared(evidence: Evidence, _: NoParameters) -> Answer:
    """Compute and energy of the training are declared; very much of it asks for another pack."""
    wanted = "training compute (FLOP) and energy; from 10^25 FLOP on, the pack systemic-risk too"
    if evidence.card is None:
        return missing(wanted, "a model card")
    metadata = evidence.card.metadata
    emissions = metadata.get("co2_eq_emissions")
    energy = number_in(metadata, "training_energy_kwh")
    if energy is None and isinstance(emissions, dict):
        energy = number_in(emissions, "energy_consumed")
    compute = number_in(metadata, "training_compute_flop", "training_flops")
    if compute is None or energy is None:
        return failed(wanted, f"no {'energy' if compute is not None else 'compute'} declared")
    if compute >= SYSTEMIC_FLOP and SYSTEMIC_PACK not in evidence.packs:
        return failed(wanted, f"{compute:.1e} FLOP, and {SYSTEMIC_PACK} is not evaluated")
    return passed(wanted, f"{float(compute):.1e} FLOP, {energy} kWh")


def has_section(card: Card, *words: str) -> str:
    """The heading of the first section with one of these words in it and a text below; or empty."""
    for heading, text in card.sections.items():
        if text.strip() and any(word in heading for word in words):
            return heading
    return ""


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for dimension in shape:
        size *= dimension
    return size


def _dtype(name: str) -> str:
    """One name for one type: `bfloat16` and `BF16` are the same."""
    name = name.lower().removeprefix("torch.")
    return (
        name.replace("bfloat", "bf").replace("float", "f").replace("uint", "u").replace("int", "i")
    )


CHECKS = (
    Check(name="intended-use", basis=Basis.DECLARED, evidence=("card",), function=intended_use),
    Check(
        name="parameters-counted",
        basis=Basis.COMPUTED,
        evidence=("card", "tensors"),
        function=parameters_counted,
        parameters=Tolerance,
    ),
    Check(
        name="context-stated",
        basis=Basis.COMPUTED,
        evidence=("card", "facts"),
        function=context_stated,
    ),
    Check(name="release-stated", basis=Basis.DECLARED, evidence=("card",), function=release_stated),
    Check(name="evaluated", basis=Basis.DECLARED, evidence=("card",), function=evaluated),
    Check(
        name="compute-declared",
        basis=Basis.DECLARED,
        evidence=("card",),
        function=compute_declared,
    ),
)
