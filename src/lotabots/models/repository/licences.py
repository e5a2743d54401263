"""Licences: the id that a model card names against the text that lies beside it.

A text is recognised by phrases that only it has, and by its length: no text of a licence is kept
here. Lengths are words of the licence without its title page and its appendix.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from lotabots.models.findings import Finding, finding
from lotabots.models.repository.cards import front_matter
from lotabots.models.repository.view import View, folder_of, name_of


class Known(NamedTuple):
    """How the text of one licence is recognised."""

    words: tuple[int, int]
    """The fewest and the most words that its text has, an appendix or a preamble included."""
    phrases: tuple[str, ...]
    """In lower case, letters and digits only, parted by single blanks."""


_MIT = ("without restriction including without limitation the rights to use copy modify merge",)
_BSD = (
    "redistributions of source code must retain the above copyright notice",
    "redistributions in binary form must reproduce the above copyright notice",
)
KNOWN: dict[str, Known] = {
    "apache-2.0": Known(
        (1350, 1750),
        (
            "grant of patent license subject to the terms and conditions of this license",
            "you must cause any modified files to carry prominent notices",
            "accepting any such warranty or additional liability",
            "you may reproduce and distribute copies of the work or derivative works thereof",
        ),
    ),
    "mit": Known(
        (140, 230), (*_MIT, "the software is provided as is without warranty of any kind")
    ),
    "bsd-2-clause": Known((160, 240), _BSD),
    "bsd-3-clause": Known(
        (190, 280), (*_BSD, "to endorse or promote products derived from this software without")
    ),
    "gpl-3.0": Known(
        (4900, 6000),
        (
            "protecting users legal rights from anti circumvention law",
            "conveying non source forms",
            "automatic licensing of downstream recipients",
            "use with the gnu affero general public license",
        ),
    ),
    "agpl-3.0": Known(
        (4900, 6000),
        (
            "protecting users legal rights from anti circumvention law",
            "remote network interaction use with the gnu general public license",
            "conveying non source forms",
            "automatic licensing of downstream recipients",
        ),
    ),
    "gpl-2.0": Known(
        (2400, 3200),
        (
            "the act of running the program is not restricted",
            "you are not required to accept this license since you have not signed it",
        ),
    ),
    "lgpl-2.1": Known(
        (3800, 4700),
        ("a work that uses the library", "relink to produce a modified executable"),
    ),
    "lgpl-3.0": Known(
        (900, 1400),
        ("combined work", "exception to section 3 of the gnu gpl"),
    ),
    "mpl-2.0": Known(
        (2000, 2700),
        ("incompatible with secondary licenses", "each contributor hereby grants you a world wide"),
    ),
    "cc0-1.0": Known(
        (900, 1300),
        ("affirmer hereby overtly fully permanently irrevocably and unconditionally waives",),
    ),
    "cc-by-4.0": Known(
        (2300, 3300),
        ("creative commons attribution 4 0 international public license", "adapter s license"),
    ),
    "cc-by-nc-4.0": Known(
        (2300, 3300), ("creative commons attribution noncommercial 4 0 international",)
    ),
    "cc-by-sa-4.0": Known(
        (2300, 3400), ("creative commons attribution sharealike 4 0 international",)
    ),
    "unlicense": Known(
        (150, 260), ("free and unencumbered software released into the public domain",)
    ),
    "openrail": Known((1000, 6000), ("use based restrictions", "responsible ai license")),
    "llama3": Known((1000, 6000), ("meta llama 3 community license agreement",)),
    "llama3.1": Known((1000, 6000), ("llama 3 1 community license agreement",)),
    "llama3.2": Known((1000, 6000), ("llama 3 2 community license agreement",)),
    "llama3.3": Known((1000, 6000), ("llama 3 3 community license agreement",)),
    "gemma": Known((800, 6000), ("gemma terms of use",)),
}
# Words that take rights away again below a licence that gives them.
_RIDERS = ("commons clause", "non commercial use only", "the following additional restrictions")
_WORD = re.compile(r"[a-z0-9]+")
_NAME = re.compile(r"(?i)(?:licen[cs]e|copying)(?:[-_.][\w-]+)?(?:\.(?:txt|md|rst))?")
_SAME = {"openrail++": "openrail", "bigscience-openrail-m": "openrail", "bsd": "bsd-3-clause"}
MOST = 32
"""Texts of licences in one model that are read."""
MAX_TEXT = 256 * 1024
SIMILAR = 0.9


def check(view: View) -> Iterator[Finding]:
    """Refuses a licence text that is not the one that the card names."""
    paths = [path for path in view.texts if _NAME.fullmatch(name_of(path))]
    for path in paths[MOST:]:
        yield finding("LICENCE-UNKNOWN", path, expected=f"{MOST} licences")
    for path in paths[:MOST]:
        text = view.texts[path]
        card_path = f"{folder_of(path)}README.md"
        named = named_licence(card_path, view.texts.get(card_path, ""))
        text_id, score = recognise(text)
        if named and text_id and _SAME.get(named, named) != text_id:
            yield finding("LICENCE-MISMATCH", path, expected=named, measured=text_id)
        elif text_id and score < SIMILAR:
            yield finding("LICENCE-ALTERED", path, expected=text_id, measured=f"{score:.2f}")
        elif named in KNOWN and not text_id:
            yield finding("LICENCE-MISMATCH", path, expected=named, measured="another text")
        elif not text_id:
            yield finding("LICENCE-UNKNOWN", path, expected=named)


def named_licence(path: str, text: str) -> str:
    """The id that a card names, in lower case; empty if it names none, or several."""
    value = front_matter(path, text).values.get("license")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.lower() if isinstance(value, str) else ""


def recognise(text: str) -> tuple[str, float]:
    """The id of the licence whose text this is, and how similar it is, 0 to 1; or no id, and 0."""
    found = _WORD.findall(text[:MAX_TEXT].lower())
    plain = f" {' '.join(found)} "
    best, score = "", 0.0
    for name, known in KNOWN.items():
        share = sum(f" {phrase} " in plain for phrase in known.phrases) / len(known.phrases)
        # More phrases is more specific: the text of BSD-3 has all phrases of BSD-2 as well.
        if share >= 0.5 and (share, len(known.phrases)) > (
            score,
            len(KNOWN[best].phrases) if best else 0,
        ):
            best, score = name, share
    if not best:
        return "", 0.0
    fewest, most = KNOWN[best].words
    length = min(1.0, len(found) / fewest, most / max(len(found), 1))
    rider = 0.5 if any(f" {words} " in plain for words in _RIDERS) else 1.0
    return best, score * length * rider
