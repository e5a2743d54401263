"""A model held against its signatures: who signed it, what changed, how strong each guarantee is.

1. The bundle is read within limits, as JSON that has one reading.
2. Every signature in it is by somebody who is trusted: by key, by certificate chain, by identity.
3. What was signed is an in-toto statement of a known kind; before 1.0 only where that is allowed.
4. Its manifest has canonical names, each once, one algorithm, whole shards, and the root it states.
5. Each file there is one that was signed, and each signed file is there, with the signed content.
6. What is there besides is the signature itself, or named as ignored and read by no loader.
7. The strong statement, if there is one, is by somebody who is trusted, about this very manifest,
   in force, not older than what is known; and its files, sizes and tensors are those measured.
8. The model is the one that was asked for, if one was.

All findings are collected. Steps 1 to 4 need no file: `open_bundle` tells which digest to compute.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from lotabots.kernel import LotaError, equal, invalid
from lotabots.models.bundle import read_bundle
from lotabots.models.comparison import Allowed, Compared, compare_files, left_out, refused
from lotabots.models.findings import Finding, Severity, finding
from lotabots.models.manifest import Manifest, Method
from lotabots.models.merkle import strong_root, tensor_root
from lotabots.models.oms import read_statement_manifest
from lotabots.models.signers import Signer
from lotabots.models.statement import as_finding, read_statement
from lotabots.models.strong import StrongManifest, changed_tensors, read_strong, time_findings
from lotabots.models.trust import Checked, Leniency, Trust, check_signatures, softened
from lotabots.models.types import FileEntry, Hashed, Tree


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How strictly a model is held against its signatures; the defaults are the strictest."""

    leniency: Leniency = Leniency()
    ignore: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    referenced: frozenset[str] = frozenset()
    minimum_counter: int = 0
    against: str = ""
    """The identity or the OMS root, in hexadecimal, that the model must have."""

    @property
    def allowed(self) -> Allowed:
        """What may be there besides the signed files."""
        return Allowed(
            ignore=self.ignore,
            excluded=self.excluded,
            referenced=self.referenced,
            symlinks=self.leniency.symlinks,
        )


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle whose signatures were checked. No manifest: nothing in it can be held to a file."""

    manifest: Manifest | None
    signers: tuple[Signer, ...]
    findings: tuple[Finding, ...]


class OpenedStrong(msgspec.Struct, frozen=True, kw_only=True):
    """The same for a bundle of our second statement."""

    strong: StrongManifest | None
    signers: tuple[Signer, ...]
    findings: tuple[Finding, ...]


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What verification gave. Without a finding that rejects or is inconclusive, it holds."""

    findings: tuple[Finding, ...]
    signers: tuple[Signer, ...]
    """Everybody whose signature over the OMS manifest holds."""
    manifest: Manifest | None
    root: str
    """The OMS root that was signed, in hexadecimal; empty where there is no manifest."""
    identity: str
    """`strong_root` of the model's files as they were measured, in hexadecimal."""
    files: tuple[FileEntry, ...]
    """The files that are part of the model, as measured."""
    ignored: tuple[str, ...]
    """Files that are there and no part of it."""
    strong: StrongManifest | None
    """The second statement, if it holds; else None, also when there is one that does not."""
    strong_signers: tuple[Signer, ...]
    tensors_compared: bool
    """The measured tensors have the root that the second statement states."""
    cached: bool

    @property
    def severity(self) -> Severity | None:
        """The worst finding; None if there is none."""
        order = list(Severity)
        return min((one.severity for one in self.findings), key=order.index, default=None)

    @property
    def holds(self) -> bool:
        """Whether somebody trusted signed exactly this model."""
        return bool(self.signers) and not refused(self.findings)


def open_bundle(data: bytes, trust: Trust, leniency: Leniency, now: datetime) -> Opened:
    """The manifest of a bundle and who signed it: steps 1 to 4. Never raises for any bytes."""
    checked = Checked((), ())
    try:
        bundle = read_bundle(data)
        checked = check_signatures(bundle, trust, leniency, now)
        statement = read_statement(bundle.payload)
    except LotaError as error:
        return Opened(manifest=None, signers=(), findings=(*checked.findings, as_finding(error)))
    manifest, found = read_statement_manifest(statement)
    if manifest is not None and manifest.legacy:
        found += (softened(finding("MANIFEST-LEGACY"), lenient=leniency.legacy),)
    return Opened(
        manifest=manifest,
        signers=checked.signers,
        findings=checked.findings + found,
    )


def needless(opened: Opened, options: Options) -> Callable[[str], bool]:
    """Whether a path is left out whatever its content is, so that nobody need hash it."""
    if opened.manifest is None:
        return lambda _: True
    return left_out(opened.manifest, options.allowed)


def open_strong(data: bytes, trust: Trust, leniency: Leniency, now: datetime) -> OpenedStrong:
    """The same for the second statement; its time and counter are looked at in step 7."""
    checked = Checked((), ())
    try:
        bundle = read_bundle(data)
        checked = check_signatures(bundle, trust, leniency, now)
        strong = read_strong(bundle.payload, read_statement(bundle.payload))
    except LotaError as error:
        found = (*checked.findings, as_finding(error))
        return OpenedStrong(strong=None, signers=(), findings=found)
    return OpenedStrong(strong=strong, signers=checked.signers, findings=checked.findings)


def verify_bundle(
    data: bytes,
    trust: Trust,
    hashed: Hashed,
    tree: Tree,
    now: datetime,
    options: Options = Options(),  # noqa: B008  # frozen
    strong: bytes | None = None,
) -> Verified:
    """Whether the model in the tree is the one that these bundles sign.

    Raises `MODEL_HASH_ALGORITHM` if the files were hashed by another algorithm than was signed.
    """
    opened = open_bundle(data, trust, options.leniency, now)
    second = open_strong(strong, trust, options.leniency, now) if strong is not None else None
    return verify_opened(opened, second, hashed, tree, now, options)


def verify_opened(
    opened: Opened,
    second: OpenedStrong | None,
    hashed: Hashed,
    tree: Tree,
    now: datetime,
    options: Options,
) -> Verified:
    """Steps 5 to 8, for bundles that were opened to learn what to hash."""
    manifest = opened.manifest
    if manifest is None:
        return _unreadable(opened, second, hashed)
    if manifest.method is Method.FILES and manifest.algorithm is not hashed.algorithm:
        detail = f"The signature is over {manifest.algorithm}, the files were hashed by another."
        raise invalid("MODEL_HASH_ALGORITHM", detail)
    compared = compare_files(manifest, tree, hashed, options.allowed)
    found = [*opened.findings, *compared.findings]
    if second is None:
        found.append(finding("STRONG-MISSING"))
    else:
        found = _held_to_strong(found, manifest, compared, second, hashed, now, options)
    root, identity = manifest.root.hex(), strong_root(compared.files).hex()
    if options.against and options.against not in {root, identity}:
        found.append(finding("MODEL-OTHER", expected=options.against, measured=identity))
    strong = second.strong if second is not None and not refused(second.findings) else None
    return Verified(
        findings=tuple(dict.fromkeys(found)),
        signers=opened.signers,
        manifest=manifest,
        root=root,
        identity=identity,
        files=compared.files,
        ignored=compared.ignored,
        strong=strong,
        strong_signers=second.signers if second is not None and strong is not None else (),
        tensors_compared=_same_tensors(strong, hashed),
        cached=hashed.cached,
    )


def _unreadable(opened: Opened, second: OpenedStrong | None, hashed: Hashed) -> Verified:
    return Verified(
        findings=opened.findings + (second.findings if second is not None else ()),
        signers=(),
        manifest=None,
        root="",
        identity="",
        files=(),
        ignored=(),
        strong=None,
        strong_signers=(),
        tensors_compared=False,
        cached=hashed.cached,
    )


def _held_to_strong(
    found: list[Finding],
    manifest: Manifest,
    compared: Compared,
    second: OpenedStrong,
    hashed: Hashed,
    now: datetime,
    options: Options,
) -> list[Finding]:
    """Step 7. A file that is told already is not told again."""
    strong = second.strong
    if strong is None:
        return [*found, *second.findings]
    if manifest.method is Method.SHARDS:
        found = _without_listed_empty(found, compared, strong)
    found = [*found, *second.findings, *time_findings(strong, now, options.minimum_counter)]
    if strong.oms_root != manifest.root:
        words = (manifest.root.hex(), strong.oms_root.hex())
        found.append(finding("STRONG-OTHER", expected=words[0], measured=words[1]))
    if strong.algorithm is not hashed.algorithm:
        words = (strong.algorithm.value, hashed.algorithm.value)
        found.append(finding("STRONG-ALGORITHM", expected=words[0], measured=words[1]))
    else:
        found.extend(_differing(found, compared.files, strong))
    if strong.tensor_root and hashed.tensors:
        found.extend(changed_tensors(strong, hashed.tensors))
    return found


def _without_listed_empty(
    found: list[Finding], compared: Compared, strong: StrongManifest
) -> list[Finding]:
    """A manifest of shards cannot list an empty file; the strong statement lists it."""
    empty = {entry.path for entry in strong.files if entry.size == 0}
    measured = {entry.path for entry in compared.files if entry.size == 0}
    listed = empty & measured
    return [one for one in found if not (one.code == "FILE-EXTRA" and one.path in listed)]


def _differing(
    found: Sequence[Finding], files: Sequence[FileEntry], strong: StrongManifest
) -> list[Finding]:
    told = {one.path for one in found} | {
        one.measured for one in found if one.code == "FILE-RENAMED"
    }
    signed = {entry.path: entry for entry in strong.files}
    there = {entry.path: entry for entry in files}
    more: list[Finding] = []
    for path in sorted(signed.keys() | there.keys()):
        if path in told:
            continue
        if path not in there:
            more.append(finding("FILE-MISSING", path, expected=signed[path].digest.hex()))
        elif path not in signed:
            more.append(finding("FILE-EXTRA", path, expected="only signed files"))
        elif not _same(signed[path], there[path]):
            words = (f"{signed[path].size} bytes", f"{there[path].size} bytes")
            more.append(finding("FILE-MODIFIED", path, expected=words[0], measured=words[1]))
    return more


def _same_tensors(strong: StrongManifest | None, hashed: Hashed) -> bool:
    if strong is None or not strong.tensor_root or not hashed.tensors:
        return False
    return equal(tensor_root(hashed.tensors), strong.tensor_root)


def _same(signed: FileEntry, there: FileEntry) -> bool:
    return signed.size == there.size and equal(signed.digest, there.digest)
