"""What a signature says a model consists of: files or shards with digests, and a root over them.

Source: OpenSSF Model Signing (OMS) v1.0, sections 5 and 6. The root is SHA-256 over the raw digests
in the order of the manifest; names are not in it. Before 1.0 (predicate Digests/v0.1) the files
were the subjects of the statement and there was no root; it is computed the same way.
"""

from enum import StrEnum

import msgspec

from lotabots.kernel import Json, invalid, sha256
from lotabots.models.paths import collisions, flaw_of
from lotabots.models.statement import Statement, Subject
from lotabots.models.types import Algorithm, FileEntry

PREDICATE = "https://model_signing/signature/v1.0"
LEGACY_PREDICATE = "https://model_signing/Digests/v0.1"


class Method(StrEnum):
    """How a model is cut into what is hashed."""

    FILES = "files"
    SHARDS = "shards"


class Resource(msgspec.Struct, frozen=True):
    """One file, or one range of bytes of a file."""

    path: str
    """`.` is the only file of a model that is one file, as the reference writes it."""
    digest: bytes
    begin: int = 0
    end: int | None = None
    """Offset behind the last byte; None for a whole file."""

    @property
    def name(self) -> str:
        """As the manifest writes it."""
        return self.path if self.end is None else f"{self.path}:{self.begin}:{self.end}"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed, in its order."""

    name: str
    """What the signer called the model; informative, the path's last part by custom."""
    method: Method
    algorithm: Algorithm
    resources: tuple[Resource, ...]
    shard_size: int | None = None
    allow_symlinks: bool = False
    ignore_paths: tuple[str, ...] = ()
    legacy: bool = False
    """It is of the form before 1.0."""

    @property
    def root(self) -> bytes:
        """SHA-256 over the raw digests in this order."""
        return sha256(b"".join(resource.digest for resource in self.resources))

    def statement(self) -> Statement:
        """The statement of OMS v1.0 that a signature of this manifest covers."""
        algorithm = self.algorithm.value
        resources: list[Json] = [
            {"algorithm": algorithm, "digest": resource.digest.hex(), "name": resource.name}
            for resource in self.resources
        ]
        serialization: dict[str, Json] = {
            "allow_symlinks": self.allow_symlinks,
            "hash_type": algorithm,
            "method": self.method.value,
        }
        if self.shard_size is not None:
            serialization["shard_size"] = self.shard_size
        if self.ignore_paths:
            serialization["ignore_paths"] = list(self.ignore_paths)
        return Statement(
            PREDICATE,
            (Subject(self.name, {"sha256": self.root.hex()}),),
            {"resources": resources, "serialization": serialization},
        )


def manifest_of(
    name: str,
    files: tuple[FileEntry, ...],
    algorithm: Algorithm,
    *,
    ignore_paths: tuple[str, ...] = (),
) -> Manifest:
    """The manifest of these files, in code-point order of their names (OMS v1.0, section 6.2).

    Raises `MODEL_EMPTY`, and `MODEL_NAME` for a name that verifiers read in more than one way.
    """
    if not files:
        raise invalid("MODEL_EMPTY", "There is no file to sign in this model.")
    paths = sorted(entry.path for entry in files)
    for path in paths:
        if flaw := flaw_of(path):
            raise invalid("MODEL_NAME", f"A file's name cannot be signed: {flaw}.", path=path[:200])
    if collided := collisions(paths):
        detail = (
            "A file's name is not in Unicode form NFC, or another differs from it by case only."
        )
        raise invalid("MODEL_NAME", detail, path=collided[0].path[:200])
    ordered = sorted(files, key=lambda entry: entry.path)
    return Manifest(
        name=name,
        method=Method.FILES,
        algorithm=algorithm,
        resources=tuple(Resource(entry.path, entry.digest) for entry in ordered),
        ignore_paths=ignore_paths,
    )
