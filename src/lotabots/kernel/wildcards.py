"""Whether a text fits a pattern whose `*` stand for any characters, in time linear in both."""


def fits(pattern: str, text: str) -> bool:
    """Whether the text has the pattern's pieces in order, the first and last in their places.

    `*` stands for any characters, none included; nothing else is special.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *inner, last = rest
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    # The leftmost place of each piece leaves the most room for the next: no going back is needed.
    at, end = len(first), len(text) - len(last)
    for piece in inner:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
