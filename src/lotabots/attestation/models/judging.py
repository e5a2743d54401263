"""One model judged: its files read, held against what was signed, scanned, and the policy asked.

What was uploaded is read in place. Of a model that was registered by its manifest alone the digests
are what the registration says, and nobody has scanned it: the verdict says so.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from lotabots.appraisal import Appraiser
from lotabots.appraisal.assessment import Assessment, Bundles, assess, open_bundles
from lotabots.appraisal.compliance import model_bom
from lotabots.appraisal.models import ModelPolicy, Previous, scan_options
from lotabots.attestation.models.contents import Contents, ManifestTree, damaged
from lotabots.attestation.models.store import ModelRow
from lotabots.attestation.models.types import RegisteredFile
from lotabots.attestation.models.work import Ending
from lotabots.models import (
    Algorithm,
    FileEntry,
    Hashed,
    Options,
    TensorEntry,
    Tree,
    Verified,
    strong_root,
    verify_opened,
)
from lotabots.models.read import hash_tree
from lotabots.models.scan import ScanReport, scan


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A model to judge, and by what; everything that was loaded for it."""

    tenant: UUID
    row: ModelRow
    files: tuple[RegisteredFile, ...]
    complete: bool
    """Every file of it was uploaded."""
    policy: ModelPolicy
    previous: Previous | None
    now: datetime


def judge(
    task: Task, contents: Contents, appraiser: Appraiser, progress: Callable[[int], None]
) -> Ending:
    """How the verification ends. Blocks while the files are read; call it in a thread.

    Raises `MODEL_STORE_UNAVAILABLE` where what was uploaded is not there any more: that says
    nothing about the model. And what `progress` raises.
    """
    row = task.row
    bundles = open_bundles(row.name, row.bundle, row.strong_bundle, task.policy, task.now)
    if task.complete:
        contents.require(task.tenant, task.files)
        tree: Tree = contents.tree(task.tenant, task.files)
        options = scan_options(task.policy.choose(row.name).rule)
        looked = scan(tree, options)
        report: ScanReport | None = looked
        hashed = _read(tree, row.digest, bundles, looked, progress)
    else:
        tree, report = ManifestTree(task.files), None
        hashed = Hashed(algorithm=Algorithm.SHA256, files=_entries(task.files))
    judged = assess(
        name=row.name,
        version=row.version,
        verified=_verified(bundles, hashed, tree, task.now),
        hashed=hashed,
        tree=tree,
        scan=report,
        policy=task.policy,
        previous=task.previous,
        now=task.now,
        appraiser=appraiser,
    )
    verdict = judged.verdict
    return Ending(
        policy_id=verdict.policy_id,
        outcome=verdict.outcome,
        verdict_digest=verdict.digest,
        verdict=verdict.canonical(),
        tensors=_tensors(hashed.tensors),
        report=None if judged.controls is None else judged.controls.canonical(),
        bom=_bill(judged, hashed, appraiser) if task.complete else None,
    )


def _verified(bundles: Bundles, hashed: Hashed, tree: Tree, now: datetime) -> Verified | None:
    if bundles.opened is None:
        return None
    return verify_opened(bundles.opened, bundles.strong, hashed, tree, now, Options())


def _bill(judged: Assessment, hashed: Hashed, appraiser: Appraiser) -> bytes:
    return model_bom(
        judged.evidence, hashed.files, hashed.algorithm, tool_version=appraiser.version
    )


def _read(
    tree: Tree,
    digest: str,
    bundles: Bundles,
    report: ScanReport,
    progress: Callable[[int], None],
) -> Hashed:
    """The files as the signature names them, once they are those that were registered.

    A signature may be over another algorithm, or over other files: the registered digest is what a
    verdict is about, so what lies here has to have it.
    """
    hashed = hash_tree(tree, tensors=report.tensors, progress=progress)
    if hashed.findings or strong_root(hashed.files).hex() != digest:
        raise damaged()
    if bundles.algorithm is Algorithm.SHA256:
        return hashed
    return hash_tree(tree, algorithm=bundles.algorithm, tensors=report.tensors)


def _entries(files: Sequence[RegisteredFile]) -> tuple[FileEntry, ...]:
    return tuple(
        FileEntry(path=file.path, size=file.size, digest=bytes.fromhex(file.sha256))
        for file in files
    )


def _tensors(tensors: Sequence[TensorEntry]) -> bytes | None:
    return msgspec.msgpack.encode(tensors) if tensors else None
