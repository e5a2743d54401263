"""The registry of models: register, show, list, and ask for a verification.

A model is its content: its digest is the Merkle root over its files.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid4

import msgspec

from lotabots.appraisal.models import order_of
from lotabots.attestation.cursor import Cursor
from lotabots.attestation.models import store, work
from lotabots.attestation.models.store import ModelRow
from lotabots.attestation.models.types import (
    Model,
    ModelFile,
    ModelPage,
    ModelRegistration,
    ModelSummary,
    RegisteredFile,
    Verification,
)
from lotabots.audit import Entry, Journal
from lotabots.kernel import Kind, LotaError, Principal, invalid, sha256_hex
from lotabots.models import FileEntry, collisions, flaw_of, strong_root
from lotabots.runtime.database import Transaction

_FILES = msgspec.json.Decoder(tuple[RegisteredFile, ...])


def files_of(row: ModelRow) -> tuple[RegisteredFile, ...]:
    """The files of a model as they were registered."""
    return _FILES.decode(row.files)


class Registry:
    """The models of every tenant of this instance."""

    def __init__(self, journal: Journal, approvals: int) -> None:
        """`approvals`: how many others must approve a move, which a model shows."""
        self._journal = journal
        self._needed = approvals

    async def register(
        self, tx: Transaction, principal: Principal, given: ModelRegistration, now: datetime
    ) -> Model:
        """The model, registered; once more the same is the same.

        Raises `MODEL_MANIFEST`, `MODEL_VERSION_TAKEN`, `MODEL_REGISTERED`.
        """
        files = tuple(sorted(given.files, key=lambda file: file.path))
        digest = _digest(files)
        row = ModelRow(
            id=uuid4(),
            digest=digest,
            name=given.name,
            version=given.version,
            version_order=version_order(given.version),
            files=msgspec.json.encode(files),
            bundle=None if given.bundle is None else given.bundle.encode(),
            strong_bundle=None if given.strong_bundle is None else given.strong_bundle.encode(),
            registered_by=principal.user_id,
            registered_at=now,
        )
        if await store.insert(tx, row):
            await self._journal.append(tx, _registered(principal, row))
        else:
            await _same_or_refused(tx, row)
        return await self.show(tx, digest)

    async def show(self, tx: Transaction, digest: str) -> Model:
        """One model with everything known of it. Raises `MODEL_NOT_FOUND`."""
        row = await store.found(tx, digest)
        summary = await store.summary(tx, digest)
        files = files_of(row)
        here = await store.received(tx, [file.sha256 for file in files])
        verdict = await work.newest_verdict(tx, digest)
        return Model(
            **msgspec.structs.asdict(msgspec.convert(summary, ModelSummary)),
            files=tuple(
                ModelFile(
                    path=file.path,
                    size=file.size,
                    sha256=file.sha256,
                    uploaded=file.sha256 in here,
                )
                for file in files
            ),
            signed=row.bundle is not None,
            strong=row.strong_bundle is not None,
            versions=tuple(await store.versions(tx, row.name)),
            verification=await work.of_model(tx, digest),
            verdict=None
            if verdict is None
            else msgspec.json.decode(verdict[1], type=dict[str, object]),
            approvals=tuple(await store.approvals(tx, digest)),
            approvals_needed=self._needed,
            moves=tuple(await store.moves(tx, row.name)),
            running=tuple(await store.running(tx, digest)),
        )

    async def listed(
        self, tx: Transaction, name: str | None, after: str | None, limit: int
    ) -> ModelPage:
        """One page of models, newest first. Raises `CURSOR_MALFORMED`."""
        before = None if after is None else Cursor.read(after).place
        rows = await store.page(tx, name, before, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return ModelPage(
            items=tuple(item for _, item in rows[:limit]),
            next=None if last is None else Cursor(last[1].registered_at, last[0]).text(),
        )

    async def verify(
        self, tx: Transaction, principal: Principal, digest: str, now: datetime
    ) -> Verification:
        """The verification of this model, begun or joined. Raises `MODEL_NOT_FOUND`."""
        await store.found(tx, digest)
        verification, new = await work.ask(tx, digest, principal.user_id, now)
        if new:
            await self._journal.append(tx, entry(principal, "model.verify", digest, "asked"))
        return verification


async def _same_or_refused(tx: Transaction, row: ModelRow) -> None:
    known = await store.find(tx, row.digest)
    if known is None:
        other = await store.of_version(tx, row.name, row.version_order)
        detail = "This version of the model is registered with another content."
        raise LotaError(Kind.CONFLICT, "MODEL_VERSION_TAKEN", detail, digest=other)
    same = (known.name, known.version, known.bundle, known.strong_bundle)
    if same != (row.name, row.version, row.bundle, row.strong_bundle):
        detail = "This content is registered under another name, version or signature."
        raise LotaError(
            Kind.CONFLICT, "MODEL_REGISTERED", detail, name=known.name, version=known.version
        )


def _digest(files: Sequence[RegisteredFile]) -> str:
    """What the model is called everywhere: its strong root. Raises `MODEL_MANIFEST`."""
    paths = [file.path for file in files]
    for path in paths:
        if flaw := flaw_of(path):
            raise invalid("MODEL_MANIFEST", f"A file's name cannot be one: {flaw}.", path=path)
    if len(set(paths)) != len(paths) or collisions(paths):
        raise invalid("MODEL_MANIFEST", "Two files have one name, or may have it elsewhere.")
    entries = [
        FileEntry(path=file.path, size=file.size, digest=bytes.fromhex(file.sha256))
        for file in files
    ]
    return strong_root(entries).hex()


def version_order(version: str) -> tuple[int, ...]:
    """What the newer of two versions has more of. Raises `MODEL_VERSION`."""
    order = order_of(version)
    if order is None:
        detail = "A version is numbers joined by dots, such as 1.4.0."
        raise invalid("MODEL_VERSION", detail)
    return order


def _registered(principal: Principal, row: ModelRow) -> Entry:
    digests = {
        name: sha256_hex(bundle)
        for name, bundle in (("bundle", row.bundle), ("strong", row.strong_bundle))
        if bundle is not None
    }
    return entry(principal, "model.register", row.digest, "done", digests)


def entry(
    principal: Principal,
    verb: str,
    digest: str,
    outcome: str,
    digests: dict[str, str] | None = None,
) -> Entry:
    """The audit entry of what was done with a model."""
    return Entry(
        actor_ref=str(principal.user_id),
        verb=verb,
        subject_ref=f"model:{digest}",
        outcome=outcome,
        digests=digests or {},
    )
