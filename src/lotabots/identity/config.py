"""Settings that are changed while processes run: by the operator's administrators, in the database.

They are the installation's, so a tenant of its own has no say in them. Every process reads them all
anew when an event says that one changed, and applies them as a whole.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from lotabots.audit import Entry, Journal
from lotabots.identity import config_store as store
from lotabots.kernel import OPERATOR_TENANT, Kind, LotaError, Principal, sha256
from lotabots.runtime.database import Transaction
from lotabots.runtime.events import Topic, publish
from lotabots.runtime.process import Process
from lotabots.runtime.settings import Setting

AGAIN_SECONDS = 0.2
"""How soon the database is asked again when it did not answer."""
ANYWAY_SECONDS = 30.0
"""How often it is asked without an event: a database that was restored sends none."""
_PLAIN = re.compile(r"[A-Za-z0-9:_+/=.-]{1,128}")


class Config:
    """The settings of the installation, as this process has them, and their changes."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._journal = Journal(process.keyring)

    def listed(self, by: Principal) -> list[Setting]:
        """Every setting of this process with its origin; a secret is stars. Raises as `set`."""
        _require_operator(by)
        return list(self._process.settings.shown)

    async def set(self, by: Principal, key: str, value: str) -> Setting:
        """The setting, with this value in every process within a second.

        Raises `CONFIG_NOT_YOURS`, `SETTING_UNKNOWN`, `SETTING_FIXED`, `SETTINGS_INVALID`.
        """
        self._require_changeable(by, key)
        async with self._process.database.transaction(by.tenant_id) as tx:
            values = await store.held(tx)
            usable = self._process.settings.usable(values)  # all but what a newer version put there
            self._process.settings.overlaid(usable | {key: value})
            if values.get(key) != value:
                await store.put(tx, key, value, by.user_id)
                digests = {"old": values.get(key), "new": value}
                await self._record(tx, by, "setting.set", key, digests)
        return await self._applied(key)

    async def unset(self, by: Principal, key: str) -> Setting:
        """The setting, with the value of file, environment or default again. Raises as `set`."""
        self._require_changeable(by, key)
        async with self._process.database.transaction(by.tenant_id) as tx:
            values = await store.held(tx)
            if key in values:
                await store.remove(tx, key)
                await self._record(tx, by, "setting.unset", key, {"old": values[key]})
        return await self._applied(key)

    def _require_changeable(self, by: Principal, key: str) -> None:
        _require_operator(by)
        known = {one.name: one for one in self._process.settings.shown}
        if key not in known:
            raise LotaError(Kind.NOT_FOUND, "SETTING_UNKNOWN", "There is no such setting.")
        if not known[key].changeable:
            detail = "This setting is read from file and environment when a process starts."
            raise LotaError(Kind.CONFLICT, "SETTING_FIXED", detail, setting=key)

    async def _record(
        self, tx: Transaction, by: Principal, verb: str, key: str, values: Mapping[str, str | None]
    ) -> None:
        digests = {name: _said(value) for name, value in values.items() if value is not None}
        await self._journal.append(
            tx,
            Entry(
                actor_ref=str(by.user_id),
                verb=verb,
                subject_ref=f"setting:{key}",
                outcome="done",
                digests=digests,
            ),
        )
        await publish(tx, Topic.SETTINGS, key)

    async def _applied(self, key: str) -> Setting:
        await apply_settings(self._process)
        return next(one for one in self._process.settings.shown if one.name == key)


async def apply_settings(process: Process) -> None:
    """Puts what stands in the database into force in this process. Raises `DATABASE_*`."""
    async with process.settings.applying:  # else an older reading could come after a newer one
        async with process.database.transaction(None) as tx:
            values = await store.all_values(tx)
        refused = process.settings.apply(values)
    if refused:
        process.telemetry.log.error("settings.unusable", settings=sorted(refused))


@asynccontextmanager
async def following_settings(process: Process) -> AsyncIterator[None]:
    """Settings are as the database has them when the block begins, and are kept so."""
    changed = asyncio.Event()
    process.events.subscribe(Topic.SETTINGS, lambda _: changed.set())
    await apply_settings(process)
    following = asyncio.create_task(_follow(process, changed), name="settings")
    try:
        yield
    finally:
        following.cancel()
        await asyncio.wait([following])


async def _follow(process: Process, changed: asyncio.Event) -> None:
    log = process.telemetry.log
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(ANYWAY_SECONDS):
                await changed.wait()
        changed.clear()
        try:
            await apply_settings(process)
        except LotaError:
            # The database is away, which others say; it is read when it is back.
            changed.set()
            await asyncio.sleep(AGAIN_SECONDS)
        except Exception:  # the edge of a loop: logged, and tried again next time
            log.exception("settings.failed")


def _require_operator(by: Principal) -> None:
    if by.tenant_id != OPERATOR_TENANT:
        detail = (
            "Settings are the installation's: its operator's tenant alone sees and changes them."
        )
        raise LotaError(Kind.AUTHORIZATION, "CONFIG_NOT_YOURS", detail)


def _said(value: str) -> str:
    """A value as the audit log may hold it. No secret is changeable, so what is short is clear."""
    return value if _PLAIN.fullmatch(value) else f"sha256:{sha256(value.encode()).hex()}"
