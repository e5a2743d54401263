"""The model card: the values in front of it, and whether they agree with the weights.

The format is that of README.md on Hugging Face ("Model Cards"): YAML between two lines `---`, then
Markdown. Everything in it is a claim of the model's author.
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from lotabots.kernel import Json, LotaError
from lotabots.kernel.yaml_text import Reading, read_yaml
from lotabots.models.findings import Finding, finding
from lotabots.models.repository.view import View, folder_of

READING = Reading(
    what="model card",
    malformed="CARD_MALFORMED",
    too_large="CARD_TOO_LARGE",
    max_bytes=256 * 1024,
    max_nodes=20_000,
    ambiguous=True,
)
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
# Front matter has no standard key for it; these are in use.
_KEYS = ("parameters", "params", "num_parameters", "parameter_count", "model_parameters")
_NUMBER = re.compile(
    r"[~≈]?\s{0,2}([0-9][0-9_,]{0,20}(?:\.[0-9]{1,9})?)\s{0,2}(?:([KMBT])\b|(thousand|million|billion|trillion))?",
    re.IGNORECASE,
)
_LINE = re.compile(
    r"(?i)^[^\w\n]{0,8}(?:number of |total |model )?(?:parameters|params|parameter count)\b"
    r"[^\w\n~≈]{1,12}([~≈]?[0-9][^\n|]{0,40})",
    re.MULTILINE,
)
_UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12, "thousand": 1e3, "": 1.0}
TOLERANCE = 0.01
"""Of the number that is stated; more where it is rounded, but never as much as a tenth."""
MOST_ROUNDED = 0.08


class Card(NamedTuple):
    """What stands in front of a model card."""

    values: dict[str, Json]
    findings: tuple[Finding, ...] = ()
    body: str = ""
    """The Markdown behind it; nothing where what stands in front cannot be read."""


def front_matter(path: str, text: str) -> Card:
    """The values in front of a card; none if there are none, or they have several readings."""
    found = _FRONT.match(text[: READING.max_bytes + 16])
    if found is None:
        if text.startswith("---\n"):
            return Card({}, (finding("CARD-MALFORMED", path),))
        return Card({}, body=text)
    try:
        values = read_yaml(found[1].encode(), READING)
    except LotaError as error:
        return Card({}, (finding("CARD-MALFORMED", path, measured=error.detail),))
    if not isinstance(values, dict):
        return Card({}, (finding("CARD-MALFORMED", path, measured="no mapping"),))
    return Card(values, body=text[found.end() :])


def check(view: View) -> Iterator[Finding]:
    """Refuses a card whose number of parameters is not that of the weights beside it."""
    for path, text in view.texts.items():
        if path.rpartition("/")[2] != "README.md":
            continue
        card = front_matter(path, text)
        yield from card.findings
        measured = parameters(view, folder_of(path))
        stated = list(_stated(card.values, text))
        if measured and stated and not any(_agrees(one, measured) for one in stated):
            words = " or ".join(f"{value:,.0f}" for value, _ in stated[:3])
            yield finding("CARD-PARAMETERS", path, expected=words, measured=f"{measured:,}")


def parameters(view: View, folder: str) -> int:
    """Elements of all tensors in a folder's weight files; of the largest where formats compete.

    0 where there is none, or quantised layers are packed, so that elements are not parameters.
    """
    counts: dict[str, int] = {}
    for path, parsed in view.headers(folder).items():
        if any(each.name.endswith((".qweight", ".weight_packed")) for each in parsed.tensors):
            return 0
        # Each GGUF file is the model once more; the parts of safetensors are the model together.
        key = path if parsed.format == "gguf" else parsed.format
        counts[key] = counts.get(key, 0) + sum(math.prod(each.shape) for each in parsed.tensors)
    return max(counts.values(), default=0)


def _stated(values: dict[str, Json], text: str) -> Iterator[tuple[float, float]]:
    """Each stated number of parameters, and half of its last written place."""
    said = [str(values[key]) for key in _KEYS if isinstance(values.get(key), str | int)]
    said += [found[1] for found in _LINE.finditer(text[: READING.max_bytes])][:16]
    for words in said:
        found = _NUMBER.match(words)
        if found is None:
            continue
        digits = found[1].replace(",", "").replace("_", "")
        word = (found[2] or found[3] or "").lower()
        unit = _UNITS.get(word) or _UNITS[word[:1]]
        places = len(digits.partition(".")[2])
        if float(digits):
            yield float(digits) * unit, unit * 10.0**-places / 2


def _agrees(stated: tuple[float, float], measured: int) -> bool:
    value, half = stated
    return abs(value - measured) <= value * max(TOLERANCE, min(half / value, MOST_ROUNDED))
