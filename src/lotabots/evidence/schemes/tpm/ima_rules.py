"""Which measured files are wanted: allowed and denied digests by path, and what no rule is about.

A rule is about the paths that its pattern fits; `*` stands for any characters, `/` too. Digests are
hex of SHA-256, SHA-384 or SHA-512 of the file; `verity:` before it says that it is of fs-verity.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated

import msgspec

from lotabots.kernel import fits

MAX_PATTERNS = 256
"""Rules whose path has a `*`, of all files together: each path is held against all of them."""

_HASHES = frozenset({"sha1", "sha256", "sha384", "sha512"})
_SHA2 = r"(?:verity:)?(?:[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})"

_Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)]
_Strong = Annotated[str, msgspec.Meta(pattern=rf"\A{_SHA2}\Z")]
_Any = Annotated[str, msgspec.Meta(pattern=rf"\A(?:{_SHA2}|[0-9a-f]{{40}})\Z")]


class Allow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At these paths, these contents. SHA-1 allows nothing: two files can be made with one."""

    path: _Path
    digests: Annotated[tuple[_Strong, ...], msgspec.Meta(min_length=1)]


class Deny(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At these paths, none of these contents; without `digests`, no content."""

    path: _Path
    digests: tuple[_Any, ...] = ()


class Judgement(StrEnum):
    """What the rules say of a file."""

    ALLOWED = "allowed"
    DENIED = "denied"
    OTHER = "other"
    """Rules are about its path, and none allows its content."""
    UNJUDGED = "unjudged"


_Digests = frozenset[str]


class _Table(msgspec.Struct, frozen=True):
    """Digests by path, and by pattern."""

    exact: Mapping[str, _Digests]
    patterns: tuple[tuple[str, str, _Digests], ...]
    """What stands before its first `*`, the pattern, digests."""

    def about(self, path: str) -> list[_Digests]:
        """The digests of each rule about this path."""
        found = [
            digests
            for prefix, pattern, digests in self.patterns
            if path.startswith(prefix) and fits(pattern, path)
        ]
        exact = self.exact.get(path)
        return found if exact is None else [exact, *found]


class ImaRules(msgspec.Struct, frozen=True):
    """The rules of all reference files together. A denial beats whatever allows."""

    allow: _Table
    deny: _Table

    def judge(self, path: str, digest: str) -> Judgement:
        """What the rules say of the file at this path, with the digest as the kernel shows it."""
        key = _key(digest)
        for denied in self.deny.about(path):
            if not denied or key in denied:
                return Judgement.DENIED
        allowed = self.allow.about(path)
        if not allowed:
            return Judgement.UNJUDGED
        return Judgement.ALLOWED if any(key in one for one in allowed) else Judgement.OTHER


def rules_of(allow: Iterable[Allow], deny: Iterable[Deny]) -> ImaRules:
    """These rules, ready to judge by."""
    return ImaRules(_table(allow), _table(deny))


def count_patterns(rules: Iterable[Allow | Deny]) -> int:
    """How many of them have a `*` in their path."""
    return sum("*" in rule.path for rule in rules)


def _table(rules: Iterable[Allow | Deny]) -> _Table:
    exact: dict[str, _Digests] = {}
    patterns: dict[str, _Digests] = {}
    for rule in rules:
        into = patterns if "*" in rule.path else exact
        known = into.get(rule.path)
        digests = frozenset(rule.digests)
        # No digests is every content, which no more of them can narrow.
        into[rule.path] = digests if known is None else digests and known and digests | known
    return _Table(
        exact,
        tuple((pattern.partition("*")[0], pattern, some) for pattern, some in patterns.items()),
    )


def _key(digest: str) -> str:
    """The digest as rules write it; empty where its algorithm is one that they cannot name."""
    *kind, algorithm, value = digest.split(":")
    if algorithm not in _HASHES:
        return ""
    return f"verity:{value}" if kind == ["verity"] else value
