"""Words that a template says by itself: what is counted as one, and what is mere structure."""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from lotabots.models.repository.templates.tokens import vocabulary


class Level(IntEnum):
    """What something depends on."""

    NOTHING = 0
    STRUCTURE = 1
    """Roles, places, whether there are tools: the shape of the conversation."""
    CONTENT = 2
    """What messages say, or what the time is."""


class Added(NamedTuple):
    """Literal text of a template and what decides whether it is said."""

    text: str
    level: Level


# What marks the structure: <|im_start|>, [INST], <tool_call>, <<SYS>>; no place for a sentence.
_MARKER = re.compile(r"<{1,2}[|\uff5c]?/?[\w:\u2581-]{1,32}[|\uff5c]?>{1,2}|\[/?[A-Z_]{1,24}\]")
_STRUCTURAL = vocabulary(
    "system user assistant tool function ipython model developer environment python observation"
    " think thinking name arguments parameters content role type analysis final commentary tools"
    " text inst sys json null none true false human ai bot start end header id begin of sentence"
    " im eot eom eos bos turn call calls response responses output outputs sep message channel"
    " return media img image video audio pad vision available results result functions"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
SENTENCE = 3
"""Words in a row of text that are more than a label."""
SCATTERED = 8
"""Words in all labels together that are more than labels."""


def words(text: str, level: Level = Level.STRUCTURE) -> list[str]:
    """The words of a text that are not names of roles and the like.

    A marker may hold any word where only structure decides; where content does, its words count.
    """
    if level is not Level.CONTENT:
        text = _MARKER.sub(" ", text)
    return [word for word in _WORD.findall(text) if word.lower() not in _STRUCTURAL]


def sentences(found: list[Added]) -> Iterator[Added]:
    """Those that matter: any word that content decides about, and sentences elsewhere."""
    labels: list[str] = []
    for each in found:
        count = len(words(each.text, each.level))
        if (count and each.level is Level.CONTENT) or count >= SENTENCE:
            yield each
        elif count:
            labels += words(each.text)
    # A sentence cut into many tags, each of them no more than a label.
    if len(set(labels)) >= SCATTERED:
        yield Added(" ".join(labels), Level.STRUCTURE)
