"""Names of models (`org/name`), patterns over them, and which of two patterns is more specific.

A pattern is two parts joined by `/`; `*` in a part stands for any characters of that part, none
included, and never for `/`. Upper and lower case differ.

More specific is, in this order: the pattern whose organisation has no `*`; whose organisation has
more characters that are no `*`; whose name has no `*`; whose name has more characters that are no
`*`. Two patterns that are equal in all four are equally specific, whatever they say.
"""

import re
from typing import NamedTuple

from lotabots.kernel import fits, invalid

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_NAME = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_PATTERN = re.compile(r"[A-Za-z0-9._*-]{1,96}/[A-Za-z0-9._*-]{1,96}", re.ASCII)
MAX_STARS = 4


class Pattern(NamedTuple):
    """One pattern."""

    text: str

    def matches(self, name: str) -> bool:
        """Whether this name of a model is one of those that the pattern stands for."""
        organisation, own = self.text.split("/")
        given_organisation, given = name.split("/")
        return fits(organisation, given_organisation) and fits(own, given)

    @property
    def specificity(self) -> tuple[bool, int, bool, int]:
        """What the more specific of two patterns has more of."""
        organisation, own = self.text.split("/")
        return (
            "*" not in organisation,
            len(organisation.replace("*", "")),
            "*" not in own,
            len(own.replace("*", "")),
        )


def read_pattern(text: str) -> Pattern:
    """The pattern of this text. Raises MODEL_POLICY_MALFORMED."""
    stars = max(part.count("*") for part in text.split("/"))
    if not _PATTERN.fullmatch(text) or "**" in text or stars > MAX_STARS:
        detail = (
            f"`{text[:200]}` is no pattern of models: two parts joined by `/`, of letters, digits, "
            f"`.`, `_`, `-` and at most {MAX_STARS} single `*` each."
        )
        raise invalid("MODEL_POLICY_MALFORMED", detail)
    return Pattern(text)


def check_name(name: str) -> str:
    """The name, once it is one of a model. Raises MODEL_NAME_MALFORMED."""
    if not _NAME.fullmatch(name):
        detail = "A model is named by organisation and name, such as acme/llama-8b."
        raise invalid("MODEL_NAME_MALFORMED", detail)
    return name
