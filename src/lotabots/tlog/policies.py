"""Whom to believe about a log: its keys, and which witnesses must have seen it (C2SP tlog-policy).

log <vkey> [<url>]
witness <name> <vkey> [<url>]
group <name> all|any|<k> <member>...
quorum <name>|none
"""

import re
from collections.abc import Sequence

import msgspec

from lotabots.kernel import LotaError, invalid
from lotabots.tlog.checkpoints import check_log_signed, open_checkpoint
from lotabots.tlog.heads import Checkpoint
from lotabots.tlog.notes import open_note
from lotabots.tlog.signers import Algorithm, NoteVerifier

MAX_POLICY_BYTES = 512 * 1024
MAX_OF_EACH = 64
"""Logs, witnesses and groups; the specification asks for 32."""
NONE = "none"

_THRESHOLD = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
_BLANKS = re.compile(r"[ \t]+")


class Log(msgspec.Struct, frozen=True):
    """A key of a log, whose name is the log's origin, and where it is served ("" if not told)."""

    verifier: NoteVerifier
    url: str


class Witness(msgspec.Struct, frozen=True):
    """A witness: its name within the policy, its key, and where to ask it ("" if not told)."""

    name: str
    verifier: NoteVerifier
    url: str


class Group(msgspec.Struct, frozen=True):
    """Witnesses and other groups, of which so many must have cosigned."""

    name: str
    threshold: int
    members: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True):
    """The logs, the witnesses, and which of them are enough. Made by `parse`."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    """Each after all of its members."""
    quorum: str
    """A witness, a group, or `none`."""

    @classmethod
    def parse(cls, data: bytes) -> "Policy":
        """The policy that the file states. Raises `TLOG_POLICY`, `TLOG_KEY`."""
        draft = _Draft()
        for line in _lines(data):
            words = _BLANKS.split(line.strip(" \t"))
            if words != [""] and not words[0].startswith("#"):
                draft.add(words)
        return draft.finished()

    def check(self, note: str | bytes) -> Checkpoint:
        """The checkpoint, signed by its log and cosigned by a quorum of the witnesses.

        Stricter than the specification in one thing: of each kind of key that is listed for the
        log (Ed25519, ML-DSA-44) one must have signed. Raises what `open_checkpoint` raises, and
        `TLOG_QUORUM`.
        """
        keys = self.log_keys()
        witnesses = {one.verifier: one.name for one in self.witnesses}
        opened = open_note(note, [*keys, *witnesses])
        checkpoint = check_log_signed(opened, keys)
        seen = {witnesses[one.verifier] for one in opened.signed if one.verifier in witnesses}
        if not self.satisfied(seen):
            raise invalid("TLOG_QUORUM", "Too few of the witnesses cosigned the checkpoint.")
        return checkpoint

    def satisfied(self, cosigned: set[str]) -> bool:
        """Whether the cosignatures of the witnesses with these names are enough."""
        reached = set(cosigned)
        for group in self.groups:
            if len(reached.intersection(group.members)) >= group.threshold:
                reached.add(group.name)
        return self.quorum == NONE or self.quorum in reached

    def log_keys(self) -> list[NoteVerifier]:
        """The keys of all logs."""
        return [log.verifier for log in self.logs]


def believed(note: str | bytes, trust: Policy | Sequence[NoteVerifier]) -> Checkpoint:
    """The checkpoint of the note as a policy, or the bare keys of a log, hold it to be true."""
    return trust.check(note) if isinstance(trust, Policy) else open_checkpoint(note, trust)


class _Draft:
    """A policy while its lines are read."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: list[str] = []
        self.names: set[str] = set()
        self.members: set[str] = set()

    def add(self, words: list[str]) -> None:
        match words:
            case ["log", key, *url] if len(url) <= 1:
                verifier = NoteVerifier.parse(key)
                _own(verifier, [log.verifier for log in self.logs])
                if verifier.algorithm is Algorithm.COSIGNATURE:
                    raise _malformed("a log does not sign with the key of a witness")
                self.logs.append(Log(verifier, "".join(url)))
            case ["witness", name, key, *url] if len(url) <= 1:
                verifier = NoteVerifier.parse(key)
                _own(verifier, [witness.verifier for witness in self.witnesses])
                if verifier.algorithm is Algorithm.ED25519:
                    raise _malformed("a witness does not sign with the key of a log")
                self.witnesses.append(Witness(self._new(name), verifier, "".join(url)))
            case ["group", name, threshold, *members] if members:
                enough = self._threshold(threshold, members)
                self.groups.append(Group(self._new(name), enough, tuple(members)))
            case ["quorum", name] if name == NONE or name in self.names:
                self.quorum.append(name)
            case _:
                raise _malformed(f"a line begins {words[0][:20]!r} and goes on as none may")
        if max(len(self.logs), len(self.witnesses), len(self.groups)) > MAX_OF_EACH:
            raise _malformed(f"it lists more than {MAX_OF_EACH} of a kind")

    def finished(self) -> Policy:
        if len(self.quorum) != 1:
            raise _malformed("it has not exactly one quorum line")
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum[0])

    def _new(self, name: str) -> str:
        if name == NONE or name in self.names:
            raise _malformed(f"the name {name[:40]!r} is taken")
        self.names.add(name)
        return name

    def _threshold(self, text: str, members: list[str]) -> int:
        for member in members:
            if member not in self.names or member in self.members:
                raise _malformed(f"{member[:40]!r} is not defined above, or in a group already")
            self.members.add(member)
        if text in ("all", "any"):
            return len(members) if text == "all" else 1
        if not _THRESHOLD.fullmatch(text) or int(text) > len(members):
            raise _malformed("a group asks for none or more than all of its members")
        return int(text)


def _own(verifier: NoteVerifier, others: list[NoteVerifier]) -> None:
    if any(verifier.public == other.public for other in others):
        raise _malformed("a key stands in it twice")


def _lines(data: bytes) -> list[str]:
    # Names are opaque bytes to the specification: surrogateescape keeps any two of them apart.
    if len(data) > MAX_POLICY_BYTES:
        raise _malformed("it is too long")
    if any((byte < 0x20 and byte not in b"\t\n") or byte == 0x7F for byte in data):
        raise _malformed("it has control characters")
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    if lines.pop():  # a cut line may still be a line, and say something else
        raise _malformed("its last line is not ended")
    return lines


def _malformed(why: str) -> LotaError:
    return invalid("TLOG_POLICY", f"This is no policy of a log: {why}.")
