"""What a scan read, in the words that controls use: facts of configuration, header and licence."""

from collections.abc import Mapping

from lotabots.kernel import Json
from lotabots.models.scan import ScanReport


def facts_of(report: ScanReport) -> dict[str, Json]:
    """The facts that controls ask for; a fact that nothing states is left out.

    The configuration counts before the header of a file, as loaders read it first.
    """
    config = _mapping(report.facts.get("config"))
    # The parts of a GGUF model repeat what the first one says.
    header: dict[str, Json] = {}
    for file in reversed(report.files):
        header.update(file.facts)
    named = config.get("architectures")
    architecture = named[0] if isinstance(named, list) and named else config.get("model_type")
    facts: dict[str, Json] = {
        "architecture": architecture or header.get("architecture"),
        "context_length": _first(
            config, header, "max_position_embeddings", "n_positions", "context_length"
        ),
        "derived": _derived(report),
        "parameters": report.facts.get("parameters"),
        "licence_files": 1 if _mapping(report.facts.get("licence")).get("text") else 0,
    }
    if isinstance(templates := report.facts.get("templates"), list):
        facts["templates"] = len(templates)
    return {name: value for name, value in facts.items() if value is not None}


def _derived(report: ScanReport) -> str:
    if any(file.path.rpartition("/")[2] == "adapter_config.json" for file in report.files):
        return "adapter"
    return "quantised" if report.facts.get("quantised") else ""


def _first(config: Mapping[str, Json], header: Mapping[str, Json], *names: str) -> Json:
    for where in (config, header):
        for name in names:
            value = where.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
