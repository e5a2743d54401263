"""Words from files and from people, made visible: no control, no change of direction, one line."""

import unicodedata
import uuid

from lotabots.kernel import sha256_hex

NAMESPACE = uuid.UUID("5b0f3e0e-6a55-5c6b-9a35-0f3a2d3c7b11")
"""Of the identifiers in our exports: made once at random, and the same for ever."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    """The text on one line; what would not be seen, or would move what is seen, is spelled out.

    A name may hold marks that turn the reading direction, or line ends that begin a row of a table.
    """
    return "".join(
        f"\\u{{{ord(character):x}}}" if unicodedata.category(character) in _UNSEEN else character
        for character in text
    )


def one_line(text: str, instead: str = "-") -> str:
    """The same without space at its ends, and with a word in place of nothing."""
    return visible(text).strip() or instead


def identifier(*parts: str) -> str:
    """The UUID (version 5) of these words: equal words give equal bytes, anywhere."""
    return str(uuid.uuid5(NAMESPACE, sha256_hex("\0".join(parts).encode())))
