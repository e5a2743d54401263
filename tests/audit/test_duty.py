"""The sequencer on duty: it keeps up by itself, and says once what keeps it from going on."""
# ruff: noqa: ASYNC240 - files are changed when nothing else runs

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from audit.log import SIGNERS, add, check, there
from prometheus_client import CollectorRegistry

from lotabots import audit
from lotabots.audit import AuditSettings, Sequencer, duty, log_signers, sequencer
from lotabots.audit.duty import Duty
from lotabots.kernel import Kind, LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.files import Folder, open_files
from lotabots.runtime.process import Process
from lotabots.runtime.tasks import running
from lotabots.tlog import EMPTY_ROOT, Algorithm, Checkpoint, NoteSigner, read_head, sign_checkpoint

pytestmark = pytest.mark.anyio

PATIENCE = 20
OTHER = NoteSigner(Algorithm.ED25519, "log.example", b"x" * 32)
FOREIGN = sign_checkpoint(Checkpoint("log.example", 2, EMPTY_ROOT), [OTHER]).encode()


class Counted(Sequencer):
    """A sequencer that counts how often it was looked at for what waits."""

    looks = 0

    async def order(self) -> int:
        self.looks += 1
        return await super().order()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def one(ordering: Database, folder: Path) -> Counted:
    return Counted(ordering, Folder(folder), SIGNERS)


@pytest.fixture
def on_duty(one: Counted, process: Process) -> Duty:
    return Duty(one, process.telemetry.registry, process.telemetry.log)


def said(log: io.BytesIO) -> list[tuple[str, str, str, str]]:
    """Level, event, part and code of each line."""
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [(line["level"], line["event"], line["part"], line["code"]) for line in lines]


def gauge(process: Process, name: str) -> float | None:
    return process.telemetry.registry.get_sample_value(name)


async def test_a_lasting_alarm_is_said_once_for_each_part_and_so_is_its_end(
    app: Database, process: Process, on_duty: Duty, folder: Path, log: io.BytesIO
) -> None:
    files = Folder(folder)
    files.put([("checkpoint", FOREIGN)])
    await add(app, 3)
    assert gauge(process, "lotabots_audit_frozen") == 0
    for _ in range(3):
        await on_duty.publish(process)
        await on_duty.order(process)
        assert gauge(process, "lotabots_audit_frozen") == 1
    assert said(log) == [
        ("error", "audit.frozen", "publish", "AUDIT_FROZEN"),
        ("error", "audit.frozen", "order", "AUDIT_FROZEN"),
    ]
    (folder / "checkpoint").unlink()
    await on_duty.publish(process)
    assert gauge(process, "lotabots_audit_frozen") == 1  # one of the two does not know yet
    for _ in range(2):
        await on_duty.order(process)
        await on_duty.publish(process)
    assert gauge(process, "lotabots_audit_frozen") == 0
    assert said(log)[2:] == [
        ("info", "audit.resumed", "publish", "AUDIT_FROZEN"),
        ("info", "audit.resumed", "order", "AUDIT_FROZEN"),
    ]
    check(files, 3)


async def test_an_alarm_says_what_an_operator_needs(
    app: Database, process: Process, on_duty: Duty, folder: Path, log: io.BytesIO
) -> None:
    Folder(folder).put([("checkpoint", FOREIGN)])
    await on_duty.publish(process)
    [line] = [json.loads(line) for line in log.getvalue().splitlines()]
    assert line["detail"].startswith("What is published is no checkpoint of this log")
    assert line["why"] == "TLOG_UNSIGNED"


async def test_what_passes_by_itself_is_a_warning_and_no_alarm(
    app: Database, process: Process, on_duty: Duty, folder: Path, log: io.BytesIO
) -> None:
    folder.write_text("in the way")
    await add(app, 3)
    for _ in range(3):
        await on_duty.publish(process)
    assert gauge(process, "lotabots_audit_frozen") == 0
    assert gauge(process, "lotabots_audit_published_entries") == 0
    folder.unlink()
    await on_duty.publish(process)
    assert said(log) == [
        ("warning", "audit.delayed", "publish", "FILES_UNAVAILABLE"),
        ("info", "audit.resumed", "publish", "FILES_UNAVAILABLE"),
    ]
    assert gauge(process, "lotabots_audit_published_entries") == 3


async def test_a_trouble_that_becomes_another_one_is_said_again(
    app: Database, process: Process, on_duty: Duty, folder: Path, log: io.BytesIO
) -> None:
    def in_the_way() -> None:
        folder.write_text("in the way")

    def of_another_log() -> None:
        folder.unlink()
        Folder(folder).put([("checkpoint", FOREIGN)])

    def as_it_should_be() -> None:
        (folder / "checkpoint").unlink()

    await add(app, 3)
    for change in (in_the_way, of_another_log, as_it_should_be):
        change()
        await on_duty.publish(process)
        await on_duty.publish(process)
    assert said(log) == [
        ("warning", "audit.delayed", "publish", "FILES_UNAVAILABLE"),
        ("error", "audit.frozen", "publish", "AUDIT_FROZEN"),
        ("info", "audit.resumed", "publish", "AUDIT_FROZEN"),
    ]


@pytest.mark.parametrize("code", duty.FREEZING)
async def test_every_fork_and_every_edit_is_an_alarm(
    ordering: Database, process: Process, log: io.BytesIO, code: str
) -> None:
    assert code in {"AUDIT_FROZEN", "AUDIT_ALTERED", "WITNESS_AHEAD"}

    def fail(_: str) -> None:
        raise LotaError(Kind.CONFLICT, code, "for this test")

    broken = Sequencer(ordering, open_files("memory:///"), SIGNERS, steps=fail)
    await Duty(broken, process.telemetry.registry, process.telemetry.log).publish(process)
    assert gauge(process, "lotabots_audit_frozen") == 1
    assert said(log) == [("error", "audit.frozen", "publish", code)]


async def test_the_size_of_the_log_is_a_metric(
    app: Database, process: Process, on_duty: Duty
) -> None:
    for size, more in ((0, 0), (3, 3), (10, 7)):
        await add(app, more)
        await on_duty.publish(process)
        assert gauge(process, "lotabots_audit_published_entries") == size


async def test_an_idle_log_is_looked_at_once(one: Counted, on_duty: Duty, process: Process) -> None:
    await on_duty.order(process)
    assert one.looks == 1


async def test_a_log_is_looked_at_for_a_while_after_an_entry_and_then_let_go(
    app: Database, one: Counted, on_duty: Duty, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty, "QUIET_LOOKS", 5)
    monkeypatch.setattr(duty, "GATHER_SECONDS", 0.0)
    await add(app, 3)
    async with asyncio.timeout(PATIENCE):
        await on_duty.order(process)
    assert one.looks == 1 + 6
    assert await one.publish() == 3


async def test_what_comes_meanwhile_gets_its_place_without_a_further_run(
    app: Database, one: Counted, on_duty: Duty, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty, "QUIET_LOOKS", 50)
    await add(app, 3)
    async with asyncio.timeout(PATIENCE):
        run = asyncio.create_task(on_duty.order(process))
        for _ in range(3):
            await asyncio.sleep(0.02)
            await add(app, 2)
        await run
    assert await one.publish() == 9


async def test_a_busy_log_is_asked_now_and_then_whether_to_stop(
    app: Database, one: Counted, on_duty: Duty, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duty, "MOST_LOOKS", 4)
    monkeypatch.setattr(duty, "GATHER_SECONDS", 0.0)
    for module in (duty, sequencer):
        monkeypatch.setattr(module, "BATCH", 2)
    await add(app, 20)
    await on_duty.order(process)
    assert one.looks == 4
    await on_duty.order(process)
    assert await one.publish() == 16


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - files say it
            await asyncio.sleep(0.01)


async def test_a_process_that_was_given_the_role_publishes_by_itself_and_once_more_at_its_end(
    app: Database, ordering: Database, process: Process, folder: Path
) -> None:
    settings = process.settings.with_section(AuditSettings(publish_ms=50))
    serving = replace(
        process, database=app, sequencing=ordering, log_files=Folder(folder), settings=settings
    )
    service = audit.service(serving)
    assert [loop.name for loop in service.loops] == [
        "audit.refusals", "audit.expiry", "audit.order", "audit.publish",
    ]  # fmt: skip
    keys = [signer.verifier for signer in log_signers(process.keyring, "")]
    async with running(service.loops, serving):
        await add(app, 5)
        await until(lambda: there(serving.log_files, "checkpoint"))
        await until(lambda: read_head(serving.log_files.read("checkpoint")).size == 5)
        await add(app, 2)
    assert read_head(serving.log_files.read("checkpoint")).size == 7
    assert serving.log_files.read("log.vkey").decode().split() == [key.vkey() for key in keys]


async def test_a_process_without_the_role_says_so_and_leaves_it_to_others(
    process: Process, log: io.BytesIO
) -> None:
    service = audit.service(process)
    assert [loop.name for loop in service.loops] == ["audit.refusals", "audit.expiry"]
    [line] = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (line["level"], line["event"]) == ("warning", "audit.unsequenced")


async def test_a_policy_of_another_log_keeps_a_process_from_starting(
    app: Database, ordering: Database, process: Process, tmp_path: Path
) -> None:
    policy = tmp_path / "policy"
    policy.write_text(f"log {OTHER.verifier.vkey()}\nquorum none\n")
    settings = process.settings.with_section(AuditSettings(witness_policy=str(policy)))
    with pytest.raises(LotaError, match="AUDIT_POLICY_FOREIGN"):
        audit.service(replace(process, sequencing=ordering, settings=settings))


async def test_a_log_that_cannot_have_its_name_keeps_a_process_from_starting(
    process: Process,
) -> None:
    settings = process.settings.with_section(AuditSettings(origin="has a space"))
    with pytest.raises(LotaError, match="TLOG_KEY"):
        audit.service(replace(process, settings=settings))


async def test_two_on_duty_are_as_good_as_one(
    app: Database, ordering: Database, process: Process, folder: Path
) -> None:
    both = [
        Duty(Sequencer(ordering, Folder(folder), SIGNERS), CollectorRegistry(), telemetry.log)
        for telemetry in (process.telemetry, process.telemetry)
    ]
    for _ in range(3):
        await add(app, 40)
        await asyncio.gather(*(each.publish(process) for each in both))
    await both[0].publish(process)
    check(Folder(folder), 120)
