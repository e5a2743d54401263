"""Versions that can be put in order: numbers joined by dots."""

import re

_VERSION = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){0,5}", re.ASCII)


def order_of(version: str) -> tuple[int, ...] | None:
    """What the newer of two versions has more of; None for a version that has no order.

    `1.4` and `1.4.0` are the same version.
    """
    if not _VERSION.fullmatch(version):
        return None
    numbers = [int(part) for part in version.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
