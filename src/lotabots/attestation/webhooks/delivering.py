"""Deliveries made: claimed by rows, each tried until it is taken or a day has passed.

Any number of processes may deliver at once: each claims for a minute what nobody else has, and an
attempt is counted before it is made, so that a process that dies of one does not die for ever. A
receiver may get a delivery twice, with the same `webhook-id`; it never gets none silently.

A slow receiver takes up its own few places and no others'. One that falls behind by more than
`MOST_QUEUED` is disabled, which is an event of its own: the stream of events has what it missed.
"""

import asyncio
import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from prometheus_client import Counter as Metric
from prometheus_client import Histogram

from lotabots.attestation.notices import Notice, tell
from lotabots.attestation.settings import AttestationSettings
from lotabots.attestation.webhooks import store
from lotabots.attestation.webhooks.destination import read_destination
from lotabots.attestation.webhooks.managing import webhook_seal
from lotabots.attestation.webhooks.sending import Sender
from lotabots.attestation.webhooks.store import Claimed, Due
from lotabots.kernel import LotaError, sign_webhook
from lotabots.runtime.database import Transaction
from lotabots.runtime.events import Topic
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import Loop

MOST = 64
"""Attempts at once in this process."""
OF_TENANT, OF_WEBHOOK = 32, 8
"""The same for one tenant, and for one webhook."""
LOOK_SECONDS = 1.0
"""How often it is looked for what is due where nothing woke us: second tries, mostly."""
TIDY_SECONDS = 20.0
MOST_QUEUED = 10_000

PAUSES = tuple(
    timedelta(seconds=one)
    for one in (5, 30, 120, 600, 3600, 2 * 3600, 4 * 3600, 6 * 3600, 8 * 3600)
)
"""Before the second attempt, the third, ...: the tenth, 21 hours after the first, is the last."""
SPREAD = 0.2
"""By so much of itself a pause is longer or shorter."""
GONE = 410
"""Who answers this wants nothing any more (RFC 9110; Standard Webhooks 1.0)."""


class Deliverer:
    """Delivers for every tenant, in the process that it runs in."""

    def __init__(self, process: Process, sender: Sender | None = None) -> None:
        self._process = process
        self._insecure = process.settings.section(AttestationSettings).webhook_insecure
        self._sender = sender or Sender(insecure=self._insecure)
        self._seal = webhook_seal(process.keyring)
        self._woken = asyncio.Event()
        self._attempts: dict[asyncio.Task[None], Due] = {}
        registry = process.telemetry.registry
        self._outcomes = Metric(
            "lotabots_webhook_attempts", "Attempts to deliver", ["outcome"], registry=registry
        )
        self._seconds = Histogram(
            "lotabots_webhook_seconds", "Time that an attempt took", registry=registry
        )
        process.events.subscribe(Topic.NOTICES, lambda _: self._woken.set())

    @property
    def loops(self) -> tuple[Loop, ...]:
        """What recurs. On the way out attempts that have begun may end."""
        return (
            Loop("webhooks.deliver", seconds=0.005, run=self.deliver),
            Loop("webhooks.finish", seconds=3600, run=self.finish, at_stop=True),
            Loop("webhooks.tidy", seconds=TIDY_SECONDS, run=self.tidy),
        )

    async def deliver(self, process: Process) -> None:
        """Begins what is due, once something is or may be, and there is room."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()
        if len(self._attempts) >= MOST:
            return
        chosen = self._chosen(await store.due(process.database, process.clock(), OF_WEBHOOK))
        for tenant, dues in chosen.items():
            async with process.database.transaction(tenant) as tx:
                claimed = await store.claim(tx, [one.id for one in dues], process.clock())
            for one in claimed:
                self._begin(tenant, one)

    def _chosen(self, dues: list[Due]) -> dict[UUID, list[Due]]:
        """Those that there is room for, by tenant."""
        running = self._attempts.values()
        of_webhook = Counter(one.webhook_id for one in running)
        of_tenant = Counter(one.tenant_id for one in running)
        left = MOST - len(self._attempts)
        chosen: dict[UUID, list[Due]] = defaultdict(list)
        for one in dues:
            room = of_webhook[one.webhook_id] < OF_WEBHOOK and of_tenant[one.tenant_id] < OF_TENANT
            if left and room:
                chosen[one.tenant_id].append(one)
                of_webhook[one.webhook_id] += 1
                of_tenant[one.tenant_id] += 1
                left -= 1
        return chosen

    def _begin(self, tenant: UUID, claimed: Claimed) -> None:
        task = asyncio.create_task(self._attempt(tenant, claimed), name="webhook")
        self._attempts[task] = Due(claimed.id, tenant, claimed.webhook_id)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._attempts[task]
        self._woken.set()

    async def finish(self, _: Process) -> None:
        """Returns when every attempt that runs now has ended."""
        if self._attempts:
            await asyncio.wait(list(self._attempts))

    async def _attempt(self, tenant: UUID, claimed: Claimed) -> None:
        log = self._process.telemetry.log
        try:
            status, error = await self._sent(claimed)
            await self._settle(tenant, claimed, status, error)
        except LotaError as failure:  # the database is away: the claim ends by itself
            log.warning("webhook.unsettled", code=failure.code, delivery=str(claimed.id))
        except Exception:  # the edge of a task: logged, and tried again when the claim ends
            log.exception("webhook.failed", delivery=str(claimed.id))

    async def _sent(self, claimed: Claimed) -> tuple[int | None, str | None]:
        """The status of the answer if there was one, and the code of what went wrong."""
        try:
            secret = self._seal.opened(claimed.secret, claimed.webhook_id.bytes)
            to = read_destination(claimed.url, insecure=self._insecure)
            now = self._process.clock()
            headers = sign_webhook(secret, str(claimed.event_id), now, claimed.body)
            with self._seconds.time():
                status = await self._sender.post(to, headers, claimed.body)
        except LotaError as failure:
            return None, failure.code
        return status, None if 200 <= status < 300 else "WEBHOOK_REFUSED"

    async def _settle(
        self, tenant: UUID, claimed: Claimed, status: int | None, error: str | None
    ) -> None:
        now = self._process.clock()
        async with self._process.database.transaction(tenant) as tx:
            if error is None:
                outcome = "delivered"
                await store.end(tx, claimed, outcome, status, None, now)
            elif claimed.attempts > len(PAUSES) or status == GONE:
                outcome = "failed"
                await store.end(tx, claimed, outcome, status, error, now)
            else:
                outcome = "put_off"
                pause = pause_after(claimed.attempts, random.random())  # noqa: S311 - spread, not secrecy
                await store.put_off(tx, claimed, status, error, now + pause)
            if status == GONE:
                await _disable(tx, claimed.webhook_id, "the receiver answered 410 Gone", now)
        self._outcomes.labels(outcome).inc()

    async def tidy(self, process: Process) -> None:
        """Disables what has fallen behind too far, and gives up what waits for the disabled."""
        for one in await store.full(process.database, MOST_QUEUED):
            async with process.database.transaction(one.tenant_id) as tx:
                because = f"more than {MOST_QUEUED} deliveries wait for it"
                await _disable(tx, one.webhook_id, because, process.clock())
        for one in await store.queues(process.database):
            given_up = store.ENDED
            while given_up == store.ENDED:
                async with process.database.transaction(one.tenant_id) as tx:
                    given_up = await store.give_up_disabled(
                        tx, one.webhook_id, "WEBHOOK_DISABLED", process.clock()
                    )


async def _disable(tx: Transaction, webhook: UUID, because: str, now: datetime) -> None:
    if await store.disable(tx, webhook, now):
        data = {"webhook": str(webhook), "because": because}
        await tell(tx, Notice.WEBHOOK_DISABLED, None, data, now)


def pause_after(attempts: int, chance: float) -> timedelta:
    """How long after so many attempts the next one is made, for a chance in [0, 1)."""
    return PAUSES[attempts - 1] * (1 + SPREAD * (2 * chance - 1))
