"""SQL of verifications as work: asked for, claimed for seconds at a time, ended once."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec

from lotabots.attestation.models.types import Verification
from lotabots.kernel import Kind, LotaError
from lotabots.models import TensorEntry
from lotabots.runtime.database import Database, Transaction

CLAIM = timedelta(seconds=10)
"""How long a process that is silent keeps its claim."""
MAX_ATTEMPTS = 3
"""Work that processes die of is given up."""
LOST = "VERIFICATION_LOST"

_SHOWN = (
    "id, digest, state, asked_by, asked_at, done_bytes, total_bytes, ended_at, error, policy_id,"
    " outcome, verdict_digest"
)


_TENSORS = msgspec.msgpack.Decoder(tuple[TensorEntry, ...])


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A verification that this process works on, and whose."""

    id: UUID
    tenant_id: UUID
    digest: str
    asked_by: UUID
    attempts: int


async def ask(tx: Transaction, digest: str, by: UUID, now: datetime) -> tuple[Verification, bool]:
    """The verification of this model, and whether it is new: one that is open is joined."""
    added = await tx.execute(
        "insert into attestation.verifications (id, digest, asked_by, asked_at)"
        " values ($1, $2, $3, $4) on conflict do nothing",
        uuid4(),
        digest,
        by,
        now,
    )
    newest = await of_model(tx, digest)
    if newest is None:
        detail = "Another transaction was faster; try again."
        raise LotaError(Kind.UNAVAILABLE, "DATABASE_CONTENDED", detail)
    return newest, bool(added)


async def of_model(tx: Transaction, digest: str, *, ended: bool = False) -> Verification | None:
    """The newest verification of a model; with `ended`, of those that came to a verdict."""
    return await tx.fetch_one(
        f"select {_SHOWN} from attestation.verifications where digest = $1"  # noqa: S608 - constants
        " and ($2 = false or state = 'done') order by asked_at desc, id limit 1",
        digest,
        ended,
        into=Verification,
    )


async def found(tx: Transaction, digest: str, verification: UUID) -> Verification:
    """One verification. Raises `VERIFICATION_NOT_FOUND`."""
    row = await tx.fetch_one(
        f"select {_SHOWN} from attestation.verifications where digest = $1 and id = $2",  # noqa: S608 - constants
        digest,
        verification,
        into=Verification,
    )
    if row is None:
        detail = "There is no such verification of this model."
        raise LotaError(Kind.NOT_FOUND, "VERIFICATION_NOT_FOUND", detail)
    return row


async def newest_verdict(tx: Transaction, digest: str) -> tuple[str, bytes] | None:
    """The digest and the canonical bytes of the newest verdict on a model."""
    row = await tx.fetch_one(
        "select verdict_digest, verdict from attestation.verifications"
        " where digest = $1 and state = 'done' order by ended_at desc, id limit 1",
        digest,
    )
    if row is None:
        return None
    return msgspec.convert((row["verdict_digest"], row["verdict"]), tuple[str, bytes])


async def tensors(tx: Transaction, digest: str) -> tuple[TensorEntry, ...]:
    """The tensors of a model, as its newest verification read them from its files."""
    data = await tx.fetch_value(
        "select tensors from attestation.verifications where digest = $1 and tensors is not null"
        " order by ended_at desc, id limit 1",
        digest,
        into=bytes,
    )
    return () if data is None else _TENSORS.decode(data)


async def newest_papers(tx: Transaction, digest: str) -> tuple[bytes | None, bytes | None]:
    """Report on controls and bill of materials of the newest verdict, each if there is one."""
    row = await tx.fetch_one(
        "select report, bom from attestation.verifications where digest = $1 and state = 'done'"
        " order by ended_at desc, id limit 1",
        digest,
    )
    if row is None:
        return None, None
    return msgspec.convert((row["report"], row["bom"]), tuple[bytes | None, bytes | None])


async def claim(database: Database, now: datetime) -> Claimed | None:
    """The oldest verification that nobody works on, now this process's; None where there is none.

    Of several processes that ask at once each gets another.
    """
    async with database.transaction(None, login="verify:") as tx:
        open_ = await tx.fetch(
            "select id, tenant_id, digest, asked_by, attempts from attestation.verifications"
            " where claimed_until is null or claimed_until < $1 order by asked_at limit 16",
            now,
            into=Claimed,
        )
    for one in open_:
        async with database.transaction(one.tenant_id) as tx:
            taken = await tx.execute(
                "update attestation.verifications set state = 'running', claimed_until = $2,"
                " attempts = attempts + 1, done_bytes = 0 where id = $1"
                " and state in ('queued', 'running')"
                " and (claimed_until is null or claimed_until < $3)",
                one.id,
                now + CLAIM,
                now,
            )
        if taken:
            return msgspec.structs.replace(one, attempts=one.attempts + 1)
    return None


async def extend(tx: Transaction, work: Claimed, done: int, total: int, now: datetime) -> bool:
    """Whether the claim is still ours, now for longer; with how far the work is."""
    return bool(
        await tx.execute(
            "update attestation.verifications set claimed_until = $2, done_bytes = $3,"
            " total_bytes = $4 where id = $1 and state = 'running' and attempts = $5",
            work.id,
            now + CLAIM,
            done,
            total,
            work.attempts,
        )
    )


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification ends with."""

    policy_id: str
    outcome: str
    verdict_digest: str
    verdict: bytes
    tensors: bytes | None
    """MessagePack of the tensors that were read, with digests; None where there were none."""
    report: bytes | None
    """The report on controls, where the policy asks for some."""
    bom: bytes | None
    """The model as a CycloneDX bill of materials, where its files were read."""


async def end(tx: Transaction, work: Claimed, ending: Ending, now: datetime) -> bool:
    """Whether this process's claim still held, and the verdict is stored."""
    return bool(
        await tx.execute(
            "update attestation.verifications set state = 'done', ended_at = $2, policy_id = $3,"
            " outcome = $4, verdict_digest = $5, verdict = $6, tensors = $7, report = $8,"
            " bom = $9, done_bytes = total_bytes"
            " where id = $1 and state = 'running' and attempts = $10",
            work.id,
            now,
            ending.policy_id,
            ending.outcome,
            ending.verdict_digest,
            ending.verdict,
            ending.tensors,
            ending.report,
            ending.bom,
            work.attempts,
        )
    )


async def give_up(tx: Transaction, work: Claimed, code: str, now: datetime) -> bool:
    """Whether the verification is now failed, for this reason; it can be asked for anew."""
    return bool(
        await tx.execute(
            "update attestation.verifications set state = 'failed', ended_at = $2, error = $3"
            " where id = $1 and state = 'running' and attempts = $4",
            work.id,
            now,
            code,
            work.attempts,
        )
    )


async def release(tx: Transaction, work: Claimed) -> None:
    """Gives the claim back at once, so that another process need not wait for its end."""
    await tx.execute(
        "update attestation.verifications set state = 'queued', claimed_until = null"
        " where id = $1 and state = 'running' and attempts = $2",
        work.id,
        work.attempts,
    )


def lost() -> LotaError:
    """The error of who reads on although another has the claim."""
    return LotaError(Kind.CONFLICT, LOST, "Another process has this verification now.")
