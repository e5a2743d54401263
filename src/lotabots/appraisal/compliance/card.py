"""A model card as text: what stands in front of it, and what stands below each heading.

Source: model cards on Hugging Face: YAML between two lines `---`, then Markdown.
"""

from lotabots.appraisal.compliance.evidence import Card
from lotabots.models.scan import front_matter

MAX_CARD_BYTES = 2 * 1024 * 1024
MAX_SECTIONS = 512
MAX_HEADING = 200
MAX_LEVEL = 6


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
    card = front_matter("README.md", text)
    if card.findings:
        return None
    return Card(metadata=card.values, sections=_sections(card.body))


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
