"""Use cases of reference bundles: import, sign, activate, export, and what is in force."""

import asyncio
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import msgspec
from anyio import to_thread

from lotabots.audit import Entry, Journal
from lotabots.evidence import ReferenceFiles
from lotabots.kernel import (
    LotaError,
    Principal,
    VerificationKeys,
    VerifyingKey,
    decode_base64,
    invalid,
    parse_time,
    strict_struct,
)
from lotabots.reference import store
from lotabots.reference.bundle import (
    Bundle,
    build_bundle,
    open_bundle,
    open_stored,
    pack,
    stored_manifest,
)
from lotabots.reference.settings import ReferenceSettings
from lotabots.reference.types import (
    BundleDetail,
    BundleSummary,
    InForce,
    StoredBundle,
    Upload,
    UploadedFile,
    detail,
    summary,
)
from lotabots.runtime.cache import Cache
from lotabots.runtime.database import Transaction
from lotabots.runtime.events import Topic, publish
from lotabots.runtime.process import Process

REFERENCE_PURPOSE = "reference"
MAX_KEYS_BYTES = 64 * 1024
REMEMBERED = 8
"""Sets of reference files kept in memory: the one in force, and a few before it for replays."""
MAX_TENANTS = 1024
FOR_EVER = 24 * 3600.0
"""Seconds; bundles are named by their content."""


class References:
    """The reference bundles of every tenant of this instance."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._journal = Journal(process.keyring)
        self._operators = operator_keys(process.settings.section(ReferenceSettings).trusted_keys)
        self._in_force: Cache[tuple[InForce, ...]] = process.caches.open(
            "reference-in-force", topic=Topic.REFERENCE, entries=MAX_TENANTS
        )
        self._files: Cache[ReferenceFiles] = process.caches.open(
            "reference-files", topic=None, entries=REMEMBERED, seconds=FOR_EVER
        )
        self._loading = asyncio.Lock()

    async def take(self, principal: Principal, data: bytes, now: datetime) -> BundleSummary:
        """The bundle in these bytes, stored and in force; taking it again changes nothing.

        Raises what `open_bundle` refuses, `REFERENCE_ROLLBACK`, `REFERENCE_NUMBER_TAKEN`.
        """
        keys = await self._trusted()
        return await self._store(principal, await to_thread.run_sync(open_bundle, data, keys), now)

    async def sign(self, principal: Principal, upload: Upload, now: datetime) -> BundleSummary:
        """The uploaded files as the next bundle of that name, signed by this instance, in force.

        Raises `REFERENCE_UPLOAD_BASE64`, and `REFERENCE_NUMBER_TAKEN` if someone else was
        faster: then try again.
        """
        files = [_decoded(file) for file in upload.files]
        key = (await self._process.keyring.load(REFERENCE_PURPOSE)).current
        async with self._process.database.transaction(principal.tenant_id) as tx:
            number = await store.next_number(tx, upload.name)
        build = partial(build_bundle, upload.name, number, now, files, key)
        return await self.take(principal, await to_thread.run_sync(build), now)

    async def _store(self, principal: Principal, bundle: Bundle, now: datetime) -> BundleSummary:
        for content in bundle.contents:
            await self._process.blobs.put(content)
        created = parse_time(bundle.manifest.created)
        async with self._process.database.transaction(principal.tenant_id) as tx:
            if await store.insert(tx, bundle, created, now):
                await self._journal.append(tx, _entry(principal, "reference.import", bundle.id))
            await self._activate(tx, principal, await store.found(tx, bundle.id), now)
            return summary(await store.found(tx, bundle.id))

    async def activate(
        self, tx: Transaction, principal: Principal, digest: str, now: datetime
    ) -> BundleSummary:
        """The bundle, in force from now on. Raises `REFERENCE_ROLLBACK`, `REFERENCE_NOT_FOUND`."""
        await self._activate(tx, principal, await store.found(tx, digest), now)
        return summary(await store.found(tx, digest))

    async def _activate(
        self, tx: Transaction, principal: Principal, row: StoredBundle, now: datetime
    ) -> None:
        if await store.activate(tx, row, now):
            await publish(tx, Topic.REFERENCE, str(tx.tenant))
            await self._journal.append(tx, _entry(principal, "reference.activate", row.digest))

    async def describe(self, tx: Transaction, digest: str) -> BundleDetail:
        """The bundle with its files' names and digests."""
        row = await store.found(tx, digest)
        return detail(row, await store.envelope_of(tx, digest))

    async def export(self, principal: Principal, digest: str) -> bytes:
        """The portable file, byte for byte as it was imported."""
        async with self._process.database.transaction(principal.tenant_id) as tx:
            envelope = await store.envelope_of(tx, digest)
        bundle = await self._opened(envelope, digest)
        return pack(bundle.envelope, bundle.contents)

    async def in_force(self, tx: Transaction) -> tuple[InForce, ...]:
        """The active bundle of each name, by name, as of at most a second ago."""
        return await self._in_force.get(str(tx.tenant), lambda: store.in_force(tx))

    async def files(self, tenant: UUID, bundles: tuple[InForce, ...]) -> ReferenceFiles:
        """The files of these bundles together, each named `<bundle>/<file>`; kept in memory."""
        if (kept := self._files.find(bundles)) is not None:
            return kept
        async with self._loading:  # the first loads; who waited finds it loaded
            return await self._files.get(bundles, lambda: self._load(tenant, bundles))

    async def _load(self, tenant: UUID, bundles: tuple[InForce, ...]) -> ReferenceFiles:
        async with self._process.database.transaction(tenant) as tx:
            envelopes = [await store.envelope_of(tx, one.digest) for one in bundles]
        pairs: list[tuple[str, bytes]] = []
        for one, envelope in zip(bundles, envelopes, strict=True):
            opened = await self._opened(envelope, one.digest)
            pairs += ((f"{one.name}/{n}", data) for n, data in opened.reference_files().files)
        return ReferenceFiles.of(pairs)

    async def _opened(self, envelope: bytes, digest: str) -> Bundle:
        entries = stored_manifest(envelope).files
        contents = {entry.sha256: await self._process.blobs.get(entry.sha256) for entry in entries}
        return open_stored(envelope, contents, digest)

    async def _trusted(self) -> VerificationKeys:
        keys = await self._process.keyring.load(REFERENCE_PURPOSE)
        own = [key.verifying for key in (keys.previous, keys.current, keys.next) if key]
        return VerificationKeys({key.kid: key for key in (*own, *self._operators)}.values())


def operator_keys(path: str) -> tuple[VerifyingKey, ...]:
    """The keys in the JWK set that the operator named; none for an empty path.

    Raises `REFERENCE_KEYS_MALFORMED`: an instance that cannot read whom to trust does not start.
    """
    if not path:
        return ()
    try:
        document = strict_struct(Path(path).read_bytes(), _JwkSet, max_bytes=MAX_KEYS_BYTES)
        return tuple(VerifyingKey.from_jwk(key) for key in document.keys)
    except (OSError, LotaError) as error:
        detail = "The file that reference.trusted_keys names is no JWK set of public keys."
        raise invalid("REFERENCE_KEYS_MALFORMED", detail) from error


class _JwkSet(msgspec.Struct, forbid_unknown_fields=True):
    keys: list[dict[str, str]]


def _decoded(file: UploadedFile) -> tuple[str, bytes]:
    try:
        return file.name, decode_base64(file.data)
    except LotaError as error:
        raise invalid(
            "REFERENCE_UPLOAD_BASE64", f"{file.name} is not base64.", file=file.name
        ) from error


def _entry(principal: Principal, verb: str, digest: str) -> Entry:
    return Entry(
        actor_ref=str(principal.user_id),
        verb=verb,
        subject_ref=f"reference:{digest}",
        outcome="done",
        digests={"bundle": digest},
    )
