"""The manifest that a statement of OpenSSF Model Signing holds, read strictly.

Source: OpenSSF Model Signing (OMS) v1.0, sections 5, 6 and 11. What the reference lets pass and is
refused here: names that are not canonical, names and keys twice, no file at all, an algorithm for a
file that is not the manifest's, shards with holes, `.` as an ignored path.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from lotabots.kernel import Json, LotaError
from lotabots.models.findings import Finding, finding
from lotabots.models.manifest import LEGACY_PREDICATE, PREDICATE, Manifest, Method, Resource
from lotabots.models.paths import collisions, flaw_of
from lotabots.models.statement import Statement, as_finding, read_digest, refuse
from lotabots.models.types import Algorithm

MAX_RESOURCES = 1_000_000
MAX_IGNORED = 1_000
MAX_SHARD = 2**53 - 1
MAX_TOLD = 100


class ReadManifest(msgspec.Struct, frozen=True):
    """A manifest, and everything that is wrong with it. With any `reject`, trust nothing of it."""

    manifest: Manifest
    findings: tuple[Finding, ...]


def read_manifest(statement: Statement) -> ReadManifest:
    """The manifest in this statement. LotaError MANIFEST-* where there is none to speak of."""
    if statement.predicate_type == LEGACY_PREDICATE:
        return _read_legacy(statement)
    if statement.predicate_type != PREDICATE:
        raise refuse("MANIFEST-PREDICATE", expected=PREDICATE, measured=statement.predicate_type)
    match statement.predicate:
        case {"resources": list(resources), "serialization": dict(serialization), **rest}:
            if rest:
                raise refuse("MANIFEST-SHAPE", expected="resources and serialization, and no more")
        case _:
            raise refuse("MANIFEST-SHAPE", expected="resources and serialization")
    if len(statement.subjects) != 1:
        raise refuse("MANIFEST-SHAPE", expected="one subject")
    empty = _serialization(serialization, statement.subjects[0].name)
    manifest = msgspec.structs.replace(empty, resources=_resources(resources, empty))
    root = read_digest(statement.subjects[0].digest.get("sha256"), 32)
    found = _flaws(manifest)
    if root != manifest.root:
        measured = root.hex() if root else "none"
        found += (finding("MANIFEST-ROOT", expected=manifest.root.hex(), measured=measured),)
    return ReadManifest(manifest, found)


def _read_legacy(statement: Statement) -> ReadManifest:
    if len(statement.subjects) > MAX_RESOURCES:
        raise refuse("MANIFEST-SHAPE", expected=f"at most {MAX_RESOURCES} subjects")
    resources = []
    for subject in statement.subjects:
        digest = read_digest(subject.digest.get("sha256"), 32)
        if digest is None:
            raise refuse("MANIFEST-DIGEST", subject.name, expected="SHA-256 in hexadecimal")
        resources.append(Resource(subject.name, digest))
    manifest = Manifest(
        name="",
        method=Method.FILES,
        algorithm=Algorithm.SHA256,
        resources=tuple(resources),
        legacy=True,
    )
    return ReadManifest(manifest, _flaws(manifest))


def _serialization(value: Mapping[str, Json], name: str) -> Manifest:
    known = {"method", "hash_type", "allow_symlinks", "shard_size", "ignore_paths"}
    if unknown := sorted(set(value) - known):
        raise refuse("MANIFEST-SHAPE", expected=", ".join(sorted(known)), measured=unknown[0])
    match value:
        case {"method": "files" | "shards" as method, "allow_symlinks": bool(symlinks)}:
            pass
        case _:
            raise refuse("MANIFEST-SHAPE", expected="method files or shards, allow_symlinks")
    algorithm = value.get("hash_type")
    if not isinstance(algorithm, str) or algorithm not in set(Algorithm):
        known_words = ", ".join(Algorithm)
        raise refuse("MANIFEST-ALGORITHM", expected=known_words, measured=str(algorithm)[:60])
    ignored = value.get("ignore_paths", [])
    if not isinstance(ignored, list) or len(ignored) > MAX_IGNORED:
        raise refuse("MANIFEST-SHAPE", expected=f"at most {MAX_IGNORED} ignored paths")
    paths = [path for path in ignored if isinstance(path, str)]
    if len(paths) != len(ignored):
        raise refuse("MANIFEST-SHAPE", expected="ignored paths as text")
    return Manifest(
        name=name,
        method=Method(method),
        algorithm=Algorithm(algorithm),
        resources=(),
        shard_size=_shard_size(value, Method(method)),
        allow_symlinks=symlinks,
        ignore_paths=tuple(paths),
    )


def _shard_size(value: Mapping[str, Json], method: Method) -> int | None:
    """Bytes of a shard. `4.0` is 4: the reference writes it through protobuf's Struct."""
    size = value.get("shard_size")
    if method is Method.FILES:
        if "shard_size" in value:
            raise refuse("MANIFEST-SHARD-SIZE", expected="none with the method files")
        return None
    if isinstance(size, float) and size.is_integer() and size <= MAX_SHARD:
        size = int(size)
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= MAX_SHARD:
        expected = f"an integer from 1 to {MAX_SHARD}"
        raise refuse("MANIFEST-SHARD-SIZE", expected=expected, measured=str(size)[:60])
    return size


def _resources(values: list[Json], manifest: Manifest) -> tuple[Resource, ...]:
    if len(values) > MAX_RESOURCES:
        raise refuse("MANIFEST-SHAPE", expected=f"at most {MAX_RESOURCES} resources")
    return tuple(_resource(value, manifest) for value in values)


def _resource(value: Json, manifest: Manifest) -> Resource:
    match value:
        case {"name": str(name), "algorithm": str(algorithm), "digest": str(text)} if name:
            pass
        case _:
            raise refuse("MANIFEST-SHAPE", expected="resources with name, algorithm and digest")
    # The reference names the algorithm of a shard so, unlike the specification's own schema.
    sharded = f"{manifest.algorithm}-sharded-{manifest.shard_size}"
    in_shards = manifest.method is Method.SHARDS and algorithm == sharded
    if algorithm != manifest.algorithm and not in_shards:
        expected = f"{manifest.algorithm}, the manifest's hash_type"
        raise refuse("MANIFEST-ALGORITHM", name, expected=expected, measured=algorithm)
    digest = read_digest(text, manifest.algorithm.size)
    if digest is None:
        expected = f"{manifest.algorithm.size} bytes in lower-case hexadecimal"
        raise refuse("MANIFEST-DIGEST", name, expected=expected, measured=text)
    if manifest.method is Method.FILES:
        return Resource(name, digest)
    # From the right: a colon may be part of the file's own name.
    path, begin, end = [*name.rsplit(":", 2), "", ""][:3]
    if not (_is_offset(begin) and _is_offset(end)):
        raise refuse("MANIFEST-SHARD", name, expected="path:begin:end", measured=name)
    return Resource(path, digest, int(begin), int(end))


def _is_offset(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 16 and str(int(text)) == text


def _flaws(manifest: Manifest) -> tuple[Finding, ...]:
    """Everything in it that no honest writer writes, or that is read in two ways."""
    paths = list(dict.fromkeys(resource.path for resource in manifest.resources))
    found = [] if paths else [finding("MANIFEST-EMPTY", expected="at least one file")]
    names = Counter(resource.name for resource in manifest.resources)
    found += [finding("MANIFEST-DUPLICATE", name) for name, count in names.items() if count > 1]
    # The reference writes `.` for the file of a model that is one file.
    given = (
        ("MANIFEST-PATH", [] if paths == ["."] else paths),
        ("MANIFEST-IGNORE", manifest.ignore_paths),
    )
    found += [
        finding(code, path, expected="a canonical name", measured=flaw)
        for code, named in given
        for path in named
        if (flaw := flaw_of(path))
    ]
    found += collisions(paths)
    if manifest.method is Method.SHARDS:
        found += _shard_flaws(manifest)
    return _first_of_each(found)


def _first_of_each(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """At most `MAX_TOLD` of each code: cutting the whole would let warnings hide what rejects."""
    told: Counter[str] = Counter()
    kept = []
    for one in found:
        told[one.code] += 1
        if told[one.code] <= MAX_TOLD:
            kept.append(one)
    return tuple(kept)


def _shard_flaws(manifest: Manifest) -> list[Finding]:
    """Holes, overlaps and shards of another size; whether the last is there the file tells."""
    size = manifest.shard_size or 0
    ranges: dict[str, list[tuple[int, int]]] = {}
    for resource in manifest.resources:
        ranges.setdefault(resource.path, []).append((resource.begin, resource.end or 0))
    found = []
    for path, given in ranges.items():
        place = 0
        for number, (begin, end) in enumerate(sorted(given), start=1):
            last = number == len(given)
            if (
                begin != place
                or not begin < end <= begin + size
                or (not last and end != begin + size)
            ):
                expected = f"{place} to {place + size}"
                measured = f"{begin} to {end}"
                found.append(finding("MANIFEST-SHARD", path, expected=expected, measured=measured))
                break
            place = end
    return found


def read_statement_manifest(statement: Statement) -> tuple[Manifest | None, tuple[Finding, ...]]:
    """What `read_manifest` gives, and what it raises as a finding."""
    try:
        read = read_manifest(statement)
    except LotaError as error:
        return None, (as_finding(error),)
    return read.manifest, read.findings
