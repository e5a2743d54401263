"""The work of judging models, one at a time in each process; it survives the process.

A verification is claimed for seconds, and the claim is extended while the files are read. A process
that stops gives its claim back; one that dies lets it end. Either way another begins anew. Whoever
has lost a claim stores nothing: the statement that ends a verification names the attempt.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from anyio import to_thread

from lotabots.appraisal import Appraiser
from lotabots.appraisal.models import Previous
from lotabots.attestation.models import store, work
from lotabots.attestation.models.contents import Contents
from lotabots.attestation.models.judging import Task, judge
from lotabots.attestation.models.policies import ModelPolicies
from lotabots.attestation.models.registry import files_of
from lotabots.attestation.models.work import Claimed, Ending
from lotabots.audit import Entry, Journal
from lotabots.kernel import LotaError
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop

LOOK_SECONDS = 0.5
BEAT_SECONDS = 0.5
"""How often a claim is extended and progress told."""


@dataclass(eq=False)
class Progress:
    """How far the reading is; written by the threads that read, read by the loop."""

    total: int
    done: int = 0
    lost: bool = False
    """The claim is another's now: stop."""

    def add(self, count: int) -> None:
        """More bytes were read. Raises `VERIFICATION_LOST` once the claim is gone."""
        self.done += count
        if self.lost:
            raise work.lost()


@dataclass(eq=False, kw_only=True)
class Verifier:
    """Judges what is asked for, with the policy in force when it begins."""

    journal: Journal
    contents: Contents
    policies: ModelPolicies
    appraiser: Appraiser
    loop: Loop = field(init=False)

    def __post_init__(self) -> None:
        self.loop = Loop("models.verify", seconds=LOOK_SECONDS, run=self.run)

    async def run(self, process: Process) -> None:
        """Works until nothing waits."""
        while (claimed := await work.claim(process.database, process.clock())) is not None:
            try:
                await self._work(process, claimed)
            except asyncio.CancelledError:
                with suppress(LotaError):
                    async with process.database.transaction(claimed.tenant_id) as tx:
                        await work.release(tx, claimed)
                raise

    async def _work(self, process: Process, claimed: Claimed) -> None:
        if claimed.attempts > work.MAX_ATTEMPTS:
            await self._give_up(process, claimed, "VERIFICATION_ABANDONED")
            return
        try:
            await self._judge(process, claimed)
        except LotaError as error:
            if error.code != work.LOST:
                await self._give_up(process, claimed, error.code)

    async def _judge(self, process: Process, claimed: Claimed) -> None:
        task = await self._load(process, claimed)
        progress = Progress(total=sum(file.size for file in task.files))
        beat = asyncio.create_task(self._beat(process, claimed, progress))
        try:
            ending = await to_thread.run_sync(
                judge, task, self.contents, self.appraiser, progress.add, abandon_on_cancel=True
            )
        finally:
            progress.lost = True  # an abandoned thread stops at its next bytes
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
        async with process.database.transaction(claimed.tenant_id) as tx:
            if await work.end(tx, claimed, ending, process.clock()):
                await self.journal.append(tx, _entry(claimed, ending))

    async def _load(self, process: Process, claimed: Claimed) -> Task:
        async with process.database.transaction(claimed.tenant_id) as tx:
            row = await store.found(tx, claimed.digest)
            files = files_of(row)
            policy = await self.policies.active(tx)
            before = await store.newest_accepted(tx, row)
            here = await store.received(tx, [file.sha256 for file in files])
        return Task(
            tenant=claimed.tenant_id,
            row=row,
            files=files,
            complete=all(file.sha256 in here for file in files),
            policy=policy,
            previous=None if before is None else Previous(version=before[0], root=before[1]),
            now=process.clock(),
        )

    async def _beat(self, process: Process, claimed: Claimed, progress: Progress) -> None:
        while not progress.lost:
            await asyncio.sleep(BEAT_SECONDS)
            # A database that is away for a moment is no lost claim: the end of the work decides.
            with suppress(LotaError):
                async with process.database.transaction(claimed.tenant_id) as tx:
                    progress.lost = not await work.extend(
                        tx, claimed, progress.done, progress.total, process.clock()
                    )

    async def _give_up(self, process: Process, claimed: Claimed, code: str) -> None:
        async with process.database.transaction(claimed.tenant_id) as tx:
            if await work.give_up(tx, claimed, code, process.clock()):
                await self.journal.append(tx, _failed(claimed, code))


def _entry(claimed: Claimed, ending: Ending) -> Entry:
    return Entry(
        actor_ref=str(claimed.asked_by),
        verb="model.judge",
        subject_ref=f"model:{claimed.digest}",
        outcome=ending.outcome,
        digests={
            "policy": ending.policy_id.rpartition(":")[2],
            "verdict": ending.verdict_digest,
        },
    )


def _failed(claimed: Claimed, code: str) -> Entry:
    return Entry(
        actor_ref=str(claimed.asked_by),
        verb="model.judge",
        subject_ref=f"model:{claimed.digest}",
        outcome=code,
    )
