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
MAX_CARD_BYTES = 2 * 1024 * 1024
MAX_SECTIONS = 512
MAX_HEADING = 200
MAX_LEVEL = 6

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)


def read_card(data: bytes) -> Card | None:
    """The card; None where it is too large, no UTF-8, or its front matter has several readings.

    None is what nobody knows: the scan of the same file says what is wrong with it.
    """
    if len(data) > MAX_CARD_BYTES:
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
        heading = "" if fenced else _heading(line)
        if heading and len(sections) < MAX_SECTIONS:
            lines = sections.setdefault(heading.lower(), [])
        else:
            lines.append(line)
    return {heading: "\n".join(below).strip() for heading, below in sections.items()}


def _heading(line: str) -> str:
    """The words of an ATX heading (CommonMark); empty for another line. Linear, unlike patterns."""
    words = line.lstrip("#")
    level = len(line) - len(words)
    if not 1 <= level <= MAX_LEVEL or words[:1] not in {" ", "\t"}:
        return ""
    return words.strip().rstrip("#").rstrip()[:MAX_HEADING]
