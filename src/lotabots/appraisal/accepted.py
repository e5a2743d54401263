"""Who puts up with something that is not as it should be, until when, and why."""

from typing import Annotated, TypeAlias

import msgspec

Line: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Paragraph: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class Accepted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who accepts a warning, until when (RFC 3339), and why. After `until` it counts as 96."""

    owner: Line
    until: str
    reason: Paragraph
