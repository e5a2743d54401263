"""Our second statement about a model: it binds what OpenSSF Model Signing leaves open.

An in-toto statement in the same envelope and bundle, its payload in canonical JSON (RFC 8785). The
subject has the model's OMS root (`sha256`) and its identity (`strongRoot`: names, sizes, digests).
The predicate lists every file with its size, empty ones too; what was left out and why; that no
link is followed; the tensors, or their root where they are many; what headers state; the digests of
chat template and model card; what the model was made from; a counter that never goes back; an end.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from lotabots.kernel import (
    Json,
    LotaError,
    canonical,
    equal,
    format_time,
    invalid,
    parse_time,
    strict_json,
)
from lotabots.models.findings import Finding, finding
from lotabots.models.merkle import strong_root, tensor_root
from lotabots.models.paths import collisions, flaw_of
from lotabots.models.statement import Statement, Subject, read_digest, refuse
from lotabots.models.tensors import tensor_findings
from lotabots.models.types import Algorithm, FileEntry, TensorEntry

STRONG_PREDICATE = "https://lotabots.dev/model-manifest/v1"
MAX_TENSORS_LISTED = 20_000
"""More are bound by their root and told by number; a change is then found but not named."""
REFUSED = "refused"
"""The one policy about symbolic links that there is: none is part of a model."""


class Ignored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A path that the signer left out, with everything below it, and why."""

    path: str
    reason: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    size: int
    digest: str


class _Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    name: str
    dtype: str
    shape: tuple[int, ...]
    path: str
    begin: int
    end: int
    digest: str


class _Predicate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    algorithm: Algorithm
    card: str
    counter: int
    derived_from: tuple[str, ...]
    files: tuple[_File, ...]
    headers: Mapping[str, Mapping[str, object]]
    ignored: tuple[Ignored, ...]
    name: str
    not_after: str
    signed_at: str
    symlinks: str
    template: str
    tensor_count: int
    tensor_root: str
    tensors: tuple[_Tensor, ...]
    version: str


class StrongManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the second statement says of a model."""

    name: str
    version: str
    """The model's version in the signer's words; empty if none was given."""
    counter: int
    """Never smaller in a later signature of the same model: what is older than known is refused."""
    oms_root: bytes
    algorithm: Algorithm
    files: tuple[FileEntry, ...]
    """Every file that is part of the model, empty ones too, in code-point order."""
    ignored: tuple[Ignored, ...] = ()
    tensors: tuple[TensorEntry, ...] = ()
    """In code-point order of their names; none where there are more than are listed."""
    tensor_count: int = 0
    tensor_root: bytes = b""
    """Empty where no tensor was read."""
    headers: Mapping[str, Mapping[str, object]] = {}
    """What the header of each file states: architecture, types, context, by path."""
    template_sha256: str = ""
    card_sha256: str = ""
    derived_from: tuple[str, ...] = ()
    """Identities (hexadecimal) of the models that this one was made from."""
    signed_at: datetime
    not_after: datetime | None = None

    @property
    def root(self) -> bytes:
        """The model's identity: `strong_root` of its files."""
        return strong_root(self.files)

    def with_tensors(self, tensors: tuple[TensorEntry, ...]) -> "StrongManifest":
        """The same with these tensors bound; listed if they are not too many, nor of one name."""
        ordered = tuple(sorted(tensors, key=lambda entry: entry.name))
        names = {entry.name for entry in ordered}
        return msgspec.structs.replace(
            self,
            tensors=ordered if len(names) == len(ordered) <= MAX_TENSORS_LISTED else (),
            tensor_count=len(ordered),
            tensor_root=tensor_root(ordered) if ordered else b"",
        )

    def statement(self) -> Statement:
        """The statement that a signature of it covers."""
        predicate = _Predicate(
            algorithm=self.algorithm,
            card=self.card_sha256,
            counter=self.counter,
            derived_from=self.derived_from,
            files=tuple(_File(one.path, one.size, one.digest.hex()) for one in self.files),
            headers=self.headers,
            ignored=self.ignored,
            name=self.name,
            not_after=format_time(self.not_after) if self.not_after else "",
            signed_at=format_time(self.signed_at),
            symlinks=REFUSED,
            template=self.template_sha256,
            tensor_count=self.tensor_count,
            tensor_root=self.tensor_root.hex(),
            tensors=tuple(map(_written, self.tensors)),
            version=self.version,
        )
        digests = {"sha256": self.oms_root.hex(), "strongRoot": self.root.hex()}
        built: dict[str, Json] = msgspec.to_builtins(predicate)
        return Statement(STRONG_PREDICATE, (Subject(self.name, digests),), built)


def _written(one: TensorEntry) -> _Tensor:
    return _Tensor(one.name, one.dtype, one.shape, one.path, one.begin, one.end, one.digest.hex())


def read_strong(payload: bytes, statement: Statement) -> StrongManifest:
    """The manifest in this statement. LotaError STRONG-*; its roots are recomputed here."""
    if statement.predicate_type != STRONG_PREDICATE:
        expected = STRONG_PREDICATE
        raise refuse("STRONG-PREDICATE", expected=expected, measured=statement.predicate_type)
    if canonical(strict_json(payload, max_bytes=len(payload))) != payload:
        raise refuse("STRONG-SHAPE", expected="canonical JSON (RFC 8785)")
    try:
        read = msgspec.convert(dict(statement.predicate), _Predicate)
        strong = _manifest(read, statement)
    except (msgspec.ValidationError, LotaError, ValueError, OverflowError) as error:
        raise refuse("STRONG-SHAPE", measured=str(error)) from error
    digests = {"sha256": strong.oms_root.hex(), "strongRoot": strong.root.hex()}
    if statement.subjects != (Subject(strong.name, digests),):
        raise refuse("STRONG-ROOT", expected=strong.root.hex(), measured="another subject")
    if strong.tensors and strong.tensor_root != tensor_root(strong.tensors):
        raise refuse("STRONG-ROOT", expected=read.tensor_root, measured="other tensors")
    return strong


def _manifest(read: _Predicate, statement: Statement) -> StrongManifest:
    root = read_digest(statement.subjects[0].digest.get("sha256"), 32)
    if root is None or len(statement.subjects) != 1 or read.symlinks != REFUSED:
        raise _misfit("one subject with the OMS root; symlinks refused")
    paths = [one.path for one in read.files]
    if not paths or any(map(flaw_of, paths)) or collisions(paths) or paths != sorted(set(paths)):
        raise _misfit("canonical names of files, each once, in code-point order")
    names = [one.name for one in read.tensors]
    if names != sorted(set(names)) or (names and len(names) != read.tensor_count):
        raise _misfit("tensors, each once, in code-point order, as many as counted")
    if read.counter < 0 or min((one.size for one in read.files), default=0) < 0:
        raise _misfit("no negative number")
    return StrongManifest(
        name=read.name,
        version=read.version,
        counter=read.counter,
        oms_root=root,
        algorithm=read.algorithm,
        files=tuple(
            FileEntry(path=one.path, size=one.size, digest=_digest(one.digest, read.algorithm.size))
            for one in read.files
        ),
        ignored=read.ignored,
        tensors=tuple(map(_tensor, read.tensors)),
        tensor_count=read.tensor_count,
        tensor_root=_digest(read.tensor_root, 32) if read.tensor_root else b"",
        headers=read.headers,
        template_sha256=read.template,
        card_sha256=read.card,
        derived_from=read.derived_from,
        signed_at=parse_time(read.signed_at),
        not_after=parse_time(read.not_after) if read.not_after else None,
    )


def _tensor(one: _Tensor) -> TensorEntry:
    if min((*one.shape, one.begin, one.end)) < 0 or len(one.shape) > 255 or len(one.dtype) > 63:
        raise _misfit("tensors with a shape and a place")
    return TensorEntry(
        name=one.name,
        dtype=one.dtype,
        shape=one.shape,
        path=one.path,
        begin=one.begin,
        end=one.end,
        digest=_digest(one.digest, 32),
    )


def _digest(text: str, size: int) -> bytes:
    digest = read_digest(text, size)
    if digest is None:
        raise _misfit(f"digests of {size} bytes in lower-case hexadecimal")
    return digest


def _misfit(expected: str) -> LotaError:
    return invalid("STRONG-SHAPE", f"expected {expected}")


def changed_tensors(strong: StrongManifest, measured: Sequence[TensorEntry]) -> tuple[Finding, ...]:
    """A finding for each tensor that is not as it was signed, with its file; or for their root."""
    if strong.tensors:
        places = {one.name: one for one in (*strong.tensors, *measured)}
        found = tuple(
            _placed(one, places.get(one.tensor))
            for one in tensor_findings(strong.tensors, measured)
        )
        if found:
            return found
    expected, root = strong.tensor_root, tensor_root(measured)
    if equal(expected, root):
        return ()
    return (finding("TENSOR-ROOT", expected=expected.hex(), measured=root.hex()),)


def _placed(found: Finding, place: TensorEntry | None) -> Finding:
    if place is None:
        return found
    return msgspec.structs.replace(found, path=place.path, offset=place.begin)


def time_findings(
    strong: StrongManifest, now: datetime, minimum_counter: int
) -> tuple[Finding, ...]:
    """What is wrong with the statement's age: ended, from the future, or older than is known."""
    found = []
    if strong.not_after is not None and now > strong.not_after:
        ended = format_time(strong.not_after)
        found.append(
            finding("STRONG-EXPIRED", expected=f"until {ended}", measured=format_time(now))
        )
    if strong.counter < minimum_counter:
        expected, measured = f"{minimum_counter} or later", f"{strong.counter}"
        found.append(finding("STRONG-ROLLBACK", expected=expected, measured=measured))
    return tuple(found)
