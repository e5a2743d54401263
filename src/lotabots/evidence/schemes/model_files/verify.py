"""Each stated model held against its challenge and against what the registry knows of it.

1. the statement has its form
2. it carries the nonce of its own place
3. its digests were not remembered
4. its files have the strong root that was declared; else which file, and which tensor, is another
5. the registry knows that model

A node's own word is all that this is, so its level is `claimed`, whatever holds.
"""

from collections.abc import Iterator, Mapping, Sequence

from lotabots.evidence import (
    Claims,
    Context,
    Evidence,
    Facts,
    Finding,
    KnownModel,
    Level,
    NodeClaims,
)
from lotabots.evidence.schemes.model_files.codes import finding
from lotabots.evidence.schemes.model_files.statement import Statement, read_statement
from lotabots.kernel import LotaError, canonical, equal, sha256_hex
from lotabots.models import FileEntry, TensorEntry, strong_root
from lotabots.models.tensors import tensor_findings

KIND = "model"
MAX_NAMED = 20
"""Files and tensors that findings name; what is beyond them is counted in the last one."""


def verify_models(evidence: Sequence[Evidence], context: Context) -> NodeClaims:
    """The claims of every model that a node states. Nothing raises; nothing stops early."""
    known = {model.digest: model for model in context.models}
    digests = {digest: sha256_hex(_bytes_of(model)) for digest, model in known.items()}
    return NodeClaims(
        devices=tuple(_verify(item, context, known) for item in evidence),
        facts={"models": len(evidence)},
        findings=(),
        reference_digest=sha256_hex(canonical(digests)),
        collateral_digest="",
    )


def _verify(item: Evidence, context: Context, known: Mapping[str, KnownModel]) -> Claims:
    try:
        statement = read_statement(item.data)
    except LotaError as error:
        unread = finding(
            "MODEL-STATEMENT", item.subject, expected="a statement", measured=error.detail
        )
        return _claims(item.subject, Level.NONE, {}, (unread,))
    digest = strong_root(statement.files).hex()
    declared = context.declared.get(item.subject, "")
    model = known.get(declared)
    fresh = _is_fresh(statement, context.nonces.get(item.subject))
    findings = [
        *_of_nonce(item.subject, fresh=fresh),
        *_of_source(item.subject, statement),
        *_of_content(item.subject, statement, digest, declared, model),
    ]
    facts: Facts = {
        "class": KIND,
        "id": digest,
        "level": str(Level.CLAIMED if fresh else Level.NONE),
        "simulated": False,
        "nonce": "match" if fresh else "mismatch",
        "manifest": _manifest(digest, declared, model),
        "source": statement.source,
        "files": len(statement.files),
        "bytes": sum(file.size for file in statement.files),
        "tensors": len(statement.tensors),
    }
    if model is not None and digest == declared:
        facts |= {"name": model.name, "version": model.version, "stages": list(model.stages)}
    level = Level.CLAIMED if fresh else Level.NONE
    return _claims(item.subject, level, facts, tuple(findings))


def _is_fresh(statement: Statement, nonce: bytes | None) -> bool:
    return nonce is not None and equal(statement.nonce, nonce)


def _manifest(digest: str, declared: str, model: KnownModel | None) -> str:
    if digest != declared:
        return "differs"
    return "unknown" if model is None else "match"


def _of_nonce(subject: str, *, fresh: bool) -> Iterator[Finding]:
    if not fresh:
        yield finding(
            "MODEL-NONCE-MISMATCH", subject, expected="the nonce of its place", measured="another"
        )


def _of_source(subject: str, statement: Statement) -> Iterator[Finding]:
    if statement.source == "cached":
        yield finding("MODEL-CACHED", subject, expected="read or verity", measured="cached")


def _of_content(
    subject: str, statement: Statement, digest: str, declared: str, model: KnownModel | None
) -> Iterator[Finding]:
    if model is None:
        yield finding(
            "MODEL-UNKNOWN", subject, expected=declared or "a declared model", measured=digest
        )
    elif digest != declared:
        found = [
            *_files(subject, model.files, statement.files),
            *_tensors(subject, model.tensors, statement.tensors),
        ]
        yield from found[:MAX_NAMED]
        if len(found) > MAX_NAMED:
            last = found[MAX_NAMED]
            yield finding(
                last.code, subject, expected="no difference",
                measured=f"{len(found) - MAX_NAMED} more differences",
            )  # fmt: skip


def _files(
    subject: str, known: Sequence[FileEntry], stated: Sequence[FileEntry]
) -> Iterator[Finding]:
    here = {file.path: file for file in stated}
    for file in known:
        other = here.pop(file.path, None)
        if other is None:
            yield finding(
                "MODEL-FILE-MISSING", subject, expected=file.path, measured="no such file"
            )
        elif (other.size, other.digest) != (file.size, file.digest):
            yield finding(
                "MODEL-FILE-CHANGED",
                subject,
                expected=f"{file.path}: {file.size} bytes, {file.digest.hex()}",
                measured=f"{other.path}: {other.size} bytes, {other.digest.hex()}",
            )
    for path in here:
        yield finding("MODEL-FILE-EXTRA", subject, expected="no such file", measured=path)


def _tensors(
    subject: str, known: Sequence[TensorEntry], stated: Sequence[TensorEntry]
) -> Iterator[Finding]:
    if not stated:
        return
    for one in tensor_findings(known, stated):
        yield finding(
            "MODEL-TENSOR-CHANGED",
            subject,
            expected=f"{one.tensor}: {one.expected or 'none'}",
            measured=f"{one.tensor}: {one.measured or 'none'}",
        )


def _claims(subject: str, level: Level, facts: Facts, findings: tuple[Finding, ...]) -> Claims:
    return Claims(
        subject=subject, kind=KIND, level=level, simulated=False, facts=facts, findings=findings
    )


def _bytes_of(model: KnownModel) -> bytes:
    """What of a known model its verdict depends on."""
    return canonical(
        {
            "digest": model.digest,
            "name": model.name,
            "version": model.version,
            "stages": model.stages,
            "tensors": [[one.name, one.digest.hex()] for one in model.tensors],
        }
    )
