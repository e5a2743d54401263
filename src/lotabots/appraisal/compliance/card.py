"""A model card as text: what stands in front of it, and what stands below each heading.

Source: model cards on Hugging Face: YAML between two lines `---`, then Markdown.
"""

import re

from lotabots.appraisal.compliance.evidence import Card
from lotabots.kernel import LotaError
from lotabots.kernel.yaml_text import Reading, read_yaml

CARD = Reading(
    what="model card",
    malformed="CARD_MALFORMED",
    too_large="CARD_TOO_LARGE",
    max_bytes=256 * 1024,
    max_nodes=20_000,
    ambiguous=True,
)
MAX_BYTES = 2 * 1024 * 1024
MAX_SECTIONS = 512

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"#{1,6}[ \t]+(.{1,200}?)[ \t#]*", re.DOTALL)


def read_card(data: bytes) -> Card | None:
    """The card; None where it is too large, no UTF-8, or its front matter has several readings.

    None is what nobody knows: the scan of the same file says what is wrong with it.
    """
    if len(data) > MAX_BYTES:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    front = _FRONT.match(text[: CARD.max_bytes + 16])
    if front is None:
        return None if text.startswith("---\n") else Card(metadata={}, sections=_sections(text))
    try:
        values = read_yaml(front[1].encode(), CARD)
    except LotaError:
        return None
    if not isinstance(values, dict):
        return None
    return Card(metadata=values, sections=_sections(text[front.end() :]))


def _sections(text: str) -> dict[str, str]:
    """Heading in lower case -> the lines down to the next one; what is in code is no heading."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        found = None if fenced else _HEADING.fullmatch(line)
        if found is not None and len(sections) < MAX_SECTIONS:
            lines = sections.setdefault(found[1].strip().lower(), [])
        else:
            lines.append(line)
    return {heading: "\n".join(below).strip() for heading, below in sections.items()}
