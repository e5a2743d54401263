"""In-toto statements and what is signed of them: DSSE's pre-authentication encoding.

Sources: in-toto attestation framework, Statement v1; Dead Simple Signing Envelope v1.0.0 (PAE);
OpenSSF Model Signing v1.0, section 5.
"""

from collections.abc import Mapping

import msgspec

from lotabots.kernel import Json, LotaError, invalid, strict_json
from lotabots.kernel.codes import CATALOGUE
from lotabots.models.findings import MAX_WORD, Finding, finding

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"

MAX_PAYLOAD_BYTES = 48 * 1024 * 1024
MAX_MARKS = 4_000_000
"""Brackets and commas of a JSON text: each may cost a hundred bytes once it is parsed."""


class Subject(msgspec.Struct, frozen=True):
    """What a statement is about: a name, and digests in hexadecimal by algorithm."""

    name: str
    digest: Mapping[str, str]


class Statement(msgspec.Struct, frozen=True):
    """One in-toto statement. Parsed is not trusted."""

    predicate_type: str
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, Json]

    def payload(self) -> dict[str, Json]:
        """The statement as JSON."""
        subjects: list[Json] = [
            {"digest": dict(subject.digest), "name": subject.name} for subject in self.subjects
        ]
        return {
            "_type": STATEMENT_TYPE,
            "predicate": dict(self.predicate),
            "predicateType": self.predicate_type,
            "subject": subjects,
        }


def pre_authentication(payload: bytes) -> bytes:
    """What a signature over this statement covers (DSSE, PAE): lengths in decimal ASCII."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def legacy_pre_authentication(payload: bytes) -> bytes:
    """The same as model-signing wrote it before 1.0: `DSSEV1`, and Python's text for the bytes.

    Source: the reference verifier's fallback (model_signing 1.1.1, `pae_compat`).
    """
    text = f"DSSEV1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(payload)} {payload!r}"
    return text.encode()


def read_statement(payload: bytes) -> Statement:
    """The statement in these bytes. LotaError STATEMENT-*."""
    value = read_json(payload, "STATEMENT-JSON", max_bytes=MAX_PAYLOAD_BYTES, max_depth=12)
    match value:
        case {
            "_type": str(kind),
            "subject": [_, *_] as subjects,
            "predicateType": str(predicate_type),
            "predicate": dict(predicate),
            **rest,
        } if not rest:
            pass
        case _:
            raise refuse("STATEMENT-SHAPE", expected="_type, subject, predicateType and predicate")
    if kind != STATEMENT_TYPE:
        raise refuse("STATEMENT-TYPE", expected=STATEMENT_TYPE, measured=kind)
    return Statement(predicate_type, tuple(map(_subject, subjects)), predicate)


def _subject(value: Json) -> Subject:
    match value:
        case {"name": str(name), "digest": dict(digest)} if name and digest:
            words = {key: word for key, word in digest.items() if isinstance(word, str)}
            if len(words) == len(digest):
                return Subject(name, words)
    raise refuse("STATEMENT-SHAPE", expected="subjects with a name and digests")


def read_digest(text: Json, size: int) -> bytes | None:
    """The digest of so many bytes in lower-case hexadecimal, or None."""
    if not isinstance(text, str) or len(text) != 2 * size or not set(text) <= _HEX:
        return None
    return bytes.fromhex(text)


_HEX = frozenset("0123456789abcdef")


def read_json(
    data: bytes, code: str, *, max_bytes: int, max_depth: int, max_marks: int = MAX_MARKS
) -> Json:
    """The one reading of a JSON text, or LotaError with this code. Nothing large is parsed."""
    if len(data) > max_bytes:
        raise refuse(code, expected=f"at most {max_bytes} bytes", measured=f"{len(data)} bytes")
    if sum(map(data.count, (b",", b"[", b"{", b":"))) > max_marks:
        raise refuse(code, expected=f"at most {max_marks} brackets, commas and colons")
    try:
        return strict_json(data, max_bytes=max_bytes, max_depth=max_depth)
    except LotaError as error:
        raise refuse(code, expected="JSON with one reading", measured=error.code) from error


def refuse(code: str, path: str = "", *, expected: str = "", measured: str = "") -> LotaError:
    """A finding on its way up: `as_finding` gives it back."""
    said = {"path": path, "expected": expected[:MAX_WORD], "measured": measured[:MAX_WORD]}
    return invalid(code, CATALOGUE[code].meaning, **said)


def as_finding(error: LotaError) -> Finding:
    """The finding that `refuse` sent up."""
    path, expected, measured = (
        str(error.details.get(key, "")) for key in ("path", "expected", "measured")
    )
    return finding(error.code, path, expected=expected, measured=measured)
