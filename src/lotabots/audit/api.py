"""HTTP of the audit log: the log itself for anyone, entries and receipts for those who may read."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import Parameter

from lotabots.access import Permission
from lotabots.audit.duty import Duty
from lotabots.audit.journal import Journal
from lotabots.audit.keys import log_signers
from lotabots.audit.published import Receipts, checkpoint, tile_reader, vkeys
from lotabots.audit.reading import Asked, EntryPage, page
from lotabots.audit.refusals import EXPIRY, REFUSALS
from lotabots.audit.sequencer import Sequencer
from lotabots.audit.settings import AuditSettings
from lotabots.audit.types import MAX_TEXT, person_of
from lotabots.audit.witnesses import Witnesses, read_witness_policy
from lotabots.kernel import Kind, LotaError, Principal, invalid, parse_time
from lotabots.runtime.database import Transaction
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop
from lotabots.runtime.web import PUBLIC, Service, requires, source_of
from lotabots.tlog import NoteSigner, parse_path

Ref = Annotated[str | None, Parameter(min_length=1, max_length=256)]
Time = Annotated[str | None, Parameter(max_length=40)]
Limit = Annotated[int, Parameter(ge=1, le=200)]

READ = [requires(Permission.AUDIT_READ)]
FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}
FOR_A_MOMENT = {"cache-control": "public, max-age=1"}


class Erasure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to forget, `user:UUID` or `address:...`, and why: the reason is kept with the entry."""

    person: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]


class Erased(msgspec.Struct, frozen=True):
    """The entry that says so, and its leaf hash in hex."""

    entry: UUID
    leaf: str


class LogKeys(msgspec.Struct, frozen=True):
    """The public keys of this log, as verifiers write them (C2SP signed-note), one in a line."""

    vkeys: str


@get("/v1/audit/checkpoint", opt=PUBLIC, media_type=MediaType.TEXT)
async def show_checkpoint(process: Process) -> Response[bytes]:
    """The newest checkpoint (C2SP tlog-checkpoint): what the log has signed."""
    note = await asyncio.to_thread(checkpoint, process.log_files)
    if note is None:
        raise LotaError(Kind.NOT_FOUND, "FILE_MISSING", "Nothing was published yet.")
    return Response(note, headers=FOR_A_MOMENT, media_type=MediaType.TEXT)


@get("/v1/audit/tile/{path:path}", opt=PUBLIC, media_type="application/octet-stream")
async def show_tile(process: Process, path: str) -> Response[bytes]:
    """A tile of the tree or a bundle of entries, at its C2SP tlog-tiles path; it never changes."""
    tile = parse_path(f"tile{path}")
    data = await asyncio.to_thread(tile_reader(process.log_files), tile.path)
    return Response(data, headers=FOR_EVER, media_type="application/octet-stream")


@get("/v1/audit/keys", opt=PUBLIC, media_type=MediaType.TEXT)
async def show_keys(log_keys: LogKeys) -> Response[str]:
    """The log's public keys. Compare them with those that you got another way."""
    return Response(log_keys.vkeys, headers=FOR_A_MOMENT, media_type=MediaType.TEXT)


@get("/v1/audit/entries", guards=READ)
async def list_entries(
    tx: Transaction,
    principal: Principal,
    journal: Journal,
    actor: Ref = None,
    subject: Ref = None,
    verb: Ref = None,
    outcome: Ref = None,
    since: Time = None,
    until: Time = None,
    after: UUID | None = None,
    limit: Limit = 50,
) -> EntryPage:
    """The entries of the caller's tenant that match every filter given."""
    asked = Asked(
        actor=actor, subject=subject, verb=verb, outcome=outcome, after=after,
        since=None if since is None else parse_time(since),
        until=None if until is None else parse_time(until),
    )  # fmt: skip
    return await page(tx, journal.persons, principal.tenant_id, asked, limit)


@get("/v1/audit/receipts/{entry:uuid}", guards=READ, media_type=MediaType.TEXT)
async def show_receipt(
    process: Process, principal: Principal, receipts: Receipts, entry: UUID
) -> Response[str]:
    """The proof that an entry stands in the log (C2SP tlog-proof), with the entry in it."""
    async with process.database.transaction(principal.tenant_id) as tx:
        located = await receipts.locate(tx, entry)
    placed = await receipts.make(located)
    return Response(placed.receipt, media_type=MediaType.TEXT)


@post("/v1/audit/erasures", guards=[requires(Permission.AUDIT_ERASE)])
async def erase_person(
    data: Erasure,
    tx: Transaction,
    journal: Journal,
    principal: Principal,
    request: Request[Any, Any, Any],
) -> Erased:
    """Destroys what leads from entries to a person; the log stays as it is. Cannot be undone."""
    person = person_of(data.person)
    if person is None:
        raise invalid("PERSON_UNNAMED", "A person is named user:UUID or address:ADDRESS.")
    address = source_of(request.scope)
    appended = await journal.erase(tx, principal, person, data.reason, address)
    return Erased(appended.id, appended.leaf.hex())


HANDLERS = (
    show_checkpoint,
    show_tile,
    show_keys,
    list_entries,
    show_receipt,
    erase_person,
)


def service(process: Process) -> Service:
    """The audit service; it orders and publishes the log where it has the role for it.

    Raises `TLOG_KEY`, `TLOG_POLICY`, `AUDIT_POLICY_FOREIGN` for settings that cannot be used.
    """
    settings = process.settings.section(AuditSettings)
    signers = log_signers(process.keyring, settings.origin)
    loops: tuple[Loop, ...] = (REFUSALS, EXPIRY)
    if process.sequencing is None:
        process.telemetry.log.warning("audit.unsequenced", fix="set database.sequencer_url")
    else:
        loops += _duty(process, settings, signers).loops(settings.publish_ms / 1000)
    return Service(
        name="audit",
        handlers=HANDLERS,
        given={
            "journal": Journal(process.keyring),
            "receipts": Receipts(process.log_files, signers),
            "log_keys": LogKeys(vkeys(signers)),
        },
        loops=loops,
    )


def _duty(process: Process, settings: AuditSettings, signers: tuple[NoteSigner, ...]) -> Duty:
    if process.sequencing is None:
        raise ValueError("nobody can order the log without the role for it")
    policy = read_witness_policy(settings.witness_policy, signers)
    witnesses = None if policy is None else Witnesses(policy)
    sequencer = Sequencer(process.sequencing, process.log_files, signers, witnesses)
    return Duty(sequencer, process.telemetry.registry, process.telemetry.log)
