"""Why a new password is guessable, if it is: what is left of it without its cheap pieces.

No list of leaked passwords is copied here. What people choose when twelve characters are asked for
is made of few kinds of pieces: common words, walks over the keyboard, years, repetitions, and their
own name. These are taken out; what is left must have something of its own.
"""

import re
from itertools import pairwise

LEAST_OWN = 5
"""Different characters that must be left when the cheap pieces are gone."""
JUDGED = 256
"""Characters that are looked at: a longer password that begins so cheaply is refused too."""
SHORTEST_WALK = 4
SHORTEST_NAME = 3

_WORDS = re.findall(
    r"\w+",
    """
access account admin administrator amazon angel apple april attest august autumn baby bank
banana baseball basketball batman beautiful biscuit birthday blink butterfly cat changeme
charlie cheese chelsea chocolate christmas cluster coffee company computer cookie crypto dallas
daniel database december default demo diamond dog dolphin dragon easter eagle email enter family
february flower football forever freedom friday friend gemini george getmein ginger god google
guest hallo hannah happy harley hello hockey home house hunter iloveyou internet jackson january
jasmine jennifer jessica jesus jordan joshua july june justin killer king kitten lady letmein
liverpool login london lotabots love lovely lucky machine madison maggie march marina mario
martin marvin master matrix matthew michael michelle monday money monkey monster morgan mother
mustang mypassword nicole night nothing november nvidia october office operator orange owner
pass passphrase passw0rd passwd password patrick peanut pepper phoenix player please pokemon
prince princess private purple pwd qwerty rainbow root samantha samsung saturday school secret
security september server shadow soccer spring starwars startrek stupid summer sunday sunshine
superman super support sweet system taylor temp temporary test testing thomas thunder thursday
tiger trustno tuesday user viewer warrior wednesday weekend welcome whatever winter wizard work
yellow yourpassword
""",
)
_WORD = re.compile("|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True)))
_YEAR = re.compile(r"(?:19|20)\d\d")
_REPEATED = re.compile(r"(.+?)\1{2,}|(.{2,}?)\2+")
_LEET = str.maketrans("@4301!$5787", "aaeoiissbtt", "")

# Rows and slants of the common keyboards, the alphabet, and counting.
_WALKS = (
    "1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop",
    "qsdfghjklm", "wxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "!qaz@wsx#edc$rfv%tgb^yhn&ujm",
    "!@#$%^&*()", "abcdefghijklmnopqrstuvwxyz", "01234567890", "147258369", "159357", "789456123",
    "qazwsxedcrfvtgbyhnujmikolp", "zaqxswcdevfrbgtnhymju",
)  # fmt: skip
_STEPS = frozenset(step for walk in _WALKS for way in (walk, walk[::-1]) for step in pairwise(way))


def why_guessable(password: str, *names: str) -> str | None:
    """Why anyone would guess this password, in words for its user; None if there is no reason.

    `names` are what its user is called: user name, e-mail address.
    """
    plain = password[:JUDGED].lower()
    own = [part for name in names for part in re.split(r"[^a-z0-9]+", name.lower())]
    for name in sorted({one for one in own if len(one) >= SHORTEST_NAME}, key=len, reverse=True):
        plain = plain.replace(name, "\0")
    named = plain.count("\0") > 0
    # A walk can begin inside a word, and a word inside a walk: both orders are tried.
    for left in (_without_words(_without_walks(plain)), _without_walks(_without_words(plain))):
        if _own_characters(_without_words(left.translate(_LEET))) < LEAST_OWN:
            break
    else:
        return None
    if named:
        return "It is little more than your own name."
    return "It is made of common words, keys in a row, years or repetitions."


def _without_words(text: str) -> str:
    return _WORD.sub("\0", _YEAR.sub("\0", text))


def _own_characters(text: str) -> int:
    """How many different characters are left, one round of each repetition."""
    once = _REPEATED.sub(lambda found: found[1] or found[2], text)
    return len(set(once) - set("\0 .,-_!?*#"))


def _without_walks(text: str) -> str:
    """The text with every run of neighbouring or equal keys taken out."""
    left, start = [], 0
    for end in range(1, len(text) + 1):
        pair = (text[end - 1], text[end]) if end < len(text) else None
        if pair is not None and (pair in _STEPS or pair[0] == pair[1]):
            continue
        run = text[start:end]
        left.append("\0" if len(run) >= SHORTEST_WALK else run)
        start = end
    return "".join(left)
