"""Credentials in the texts of a model: forms that an issuer gives them, and long random values.

What was found is never repeated, but for the few characters that say whose it is.
"""

import math
import re
from collections.abc import Iterator
from itertools import islice

from lotabots.models.findings import Finding, finding
from lotabots.models.repository.view import View, name_of

# What each form begins with, literally: that is searched for fast, and most texts have none. What
# stands before it is looked at next, so that a run of such letters is followed once and not from
# each of its places: time stays linear.
_BEFORE, _AFTER = "(?<![A-Za-z0-9_-]{0})", r"(?![A-Za-z0-9_-])"
_GITHUB = r"[A-Za-z0-9]{36,255}"
_FORMS: tuple[tuple[str, str, str], ...] = (
    ("AWS access key", "AKIA", r"[A-Z2-7]{16}"),
    ("AWS access key", "ASIA", r"[A-Z2-7]{16}"),
    *(("GitHub token", f"gh{kind}_", _GITHUB) for kind in "pousr"),
    ("GitHub token", "github_pat_", r"[A-Za-z0-9_]{60,255}"),
    ("GitLab token", "glpat-", r"[A-Za-z0-9_-]{20,100}"),
    ("Hugging Face token", "hf_", r"[A-Za-z0-9]{34,40}"),
    ("Hugging Face token", "api_org_", r"[A-Za-z0-9]{34}"),
    (
        "JSON Web Token",
        "eyJ",
        r"[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{16,1024}",
    ),
    ("Slack token", "xox", r"[abposr]-[A-Za-z0-9-]{20,200}"),
    ("Google key", "AIza", r"[A-Za-z0-9_-]{35}"),
    ("OpenAI key", "sk-", r"(?:proj-|svcacct-)?[A-Za-z0-9_]{40,200}"),
    ("Anthropic key", "sk-ant-", r"[A-Za-z0-9_-]{40,200}"),
    ("NVIDIA key", "nvapi-", r"[A-Za-z0-9_-]{40,100}"),
    ("Stripe key", "sk_live_", r"[A-Za-z0-9]{20,200}"),
    ("Stripe key", "rk_live_", r"[A-Za-z0-9]{20,200}"),
    ("PyPI token", "pypi-", r"AgEIcHlwaS5vcmc[A-Za-z0-9_-]{40,300}"),
    ("Weights & Biases key", "WANDB_API_KEY", r"\W{1,5}[0-9a-f]{40}"),
)
# These two have their own surroundings.
_OTHERS: tuple[tuple[str, str, str], ...] = (
    (
        "private key",
        "-----BEGIN ",
        r"(?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
    ),
    (
        "credentials in a URL",
        "://",
        r"(?<=[a-z0-9]://)[^\s/:@'\"]{1,64}:[^\s/:@'\"]{8,128}@[a-z0-9.-]{3,64}",
    ),
)
_COMPILED = tuple(
    (what, literal, re.compile(literal + _BEFORE.replace("{0}", literal) + form + _AFTER))
    for what, literal, form in _FORMS
) + tuple((what, literal, re.compile(literal + form)) for what, literal, form in _OTHERS)
_ASSIGNED = re.compile(
    r"(?i:(?:passw(?:or)?d|secret|api[_-]?key|access[_-]?key|auth[_-]?token|credential)"
    r"[\w.-]{0,20})[\"']?\s{0,4}[:=]\s{0,4}[\"']?([A-Za-z0-9+/_=.-]{20,200})"
)
_PLACEHOLDER = re.compile(r"(?i)x{4,}|\*{3,}|your|example|placeholder|dummy|changeme|0000|1234567")
# Tokens of a vocabulary look like anything; only the forms above are looked for in them.
_VOCABULARIES = frozenset({"tokenizer.json", "vocab.json", "vocab.txt", "merges.txt"})
MIN_BITS = 3.5
"""Bits of entropy of a character, at least, of what is taken for random."""
MOST = 20
"""Findings about one file."""
MOST_LOOKED_AT = 2000
"""Assignments in one file whose values are measured."""


def check(view: View) -> Iterator[Finding]:
    """Refuses known forms of credentials, and warns of what looks random."""
    for path, text in view.texts.items():
        found = list(_known(path, text))
        if not found and name_of(path) not in _VOCABULARIES:
            found = list(_likely(path, text))
        yield from found[:MOST]


def _known(path: str, text: str) -> Iterator[Finding]:
    for what, beginning, form in _COMPILED:
        if beginning not in text:
            continue
        for place, match in enumerate(form.finditer(text)):
            if place >= MOST:
                break
            yield finding("SECRET-FOUND", path, offset=_offset(text, match.start()), measured=what)


def _likely(path: str, text: str) -> Iterator[Finding]:
    for match in islice(_ASSIGNED.finditer(text), MOST_LOOKED_AT):
        value = match[1]
        if _entropy(value) >= MIN_BITS and not _PLACEHOLDER.search(value):
            yield finding(
                "SECRET-LIKELY",
                path,
                offset=_offset(text, match.start()),
                measured=f"{len(value)} characters",
            )


def _offset(text: str, place: int) -> int:
    return len(text[:place].encode())


def _entropy(value: str) -> float:
    """Bits of entropy of a character, by how often each character is in the value."""
    shares = [value.count(one) / len(value) for one in set(value)]
    return -sum(share * math.log2(share) for share in shares)
