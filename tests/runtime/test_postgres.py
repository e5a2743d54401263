"""The embedded server over its whole life, with real programs, users and crashes."""
# ruff: noqa: ASYNC110, ASYNC220, ASYNC240 - real processes are waited for, and nothing else runs

import asyncio
import json
import os
import signal
import stat
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

import asyncpg
import pytest

from lotabots.kernel import LotaError
from lotabots.runtime.database import Database
from lotabots.runtime.postgres import Binaries, EmbeddedPostgres, cluster

pytestmark = pytest.mark.anyio

Start = Callable[..., "subprocess.Popen[str]"]

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be someone else")
NOBODY = 65534
UNNAMED = 61_234


async def put_row(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("create table if not exists kept as select 42 as answer")
    await connection.close()


async def row(url: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("select answer from kept")
    finally:
        await connection.close()


def embedded(folder: Path, programs: Path | None = None) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "data", programs=programs, state=folder)


async def gone(pid: int, seconds: float = 10) -> bool:
    deadline = monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and monotonic() < deadline:
        await asyncio.sleep(0.01)
    return not Path(f"/proc/{pid}").exists()


def said(child: "subprocess.Popen[str]") -> dict[str, object]:
    assert child.stdout is not None
    answer: dict[str, object] = json.loads(child.stdout.readline())
    return answer


async def test_a_server_starts_serves_its_two_roles_and_keeps_what_was_stored(
    folder: Path, programs: Binaries
) -> None:
    for _ in range(2):
        async with embedded(folder, programs.folder) as server:
            await put_row(server.owner_url)
            database = await Database.open(server.app_url)
            async with database.transaction(None) as tx:
                version = await tx.fetch_value("show server_version", into=str)
                assert (version or "").startswith(str(programs.major))
                assert await tx.fetch_value("show listen_addresses") == ""
                assert await tx.fetch_value("show fsync") == "on"
                assert await tx.fetch_value("show data_checksums") == "on"
                assert await tx.fetch_value("show server_encoding") == "UTF8"
            await database.close()
            assert await row(server.owner_url) == 42
            assert server.places.run.stat().st_mode & 0o777 == 0o700
            assert Path(f"/proc/{server.pid}").stat().st_uid != 0
            pid = server.pid or 0
        assert await gone(pid)
        assert not server.places.run.exists()
        assert "database system is shut down" in server.places.log.read_text()


async def test_a_server_that_is_killed_comes_back_and_the_pool_heals(folder: Path) -> None:
    async with embedded(folder) as server:
        await put_row(server.owner_url)
        database = await Database.open(server.app_url)
        first = server.pid or 0
        os.kill(first, signal.SIGKILL)
        assert await gone(first)
        deadline = monotonic() + 20
        while server.restarts == 0 and monotonic() < deadline:
            with suppress(LotaError):
                await database.check()
            await asyncio.sleep(0.01)
        await database.check()
        assert server.pid not in (None, first)
        assert await row(server.owner_url) == 42
    with pytest.raises(LotaError, match="DATABASE_UNAVAILABLE"):
        await database.check()
    await database.close()  # also of a server that is gone


async def test_a_server_ends_when_our_process_is_killed_and_the_next_start_works(
    folder: Path, start: Start
) -> None:
    child = start(folder / "data")
    about = said(child)
    await put_row(str(about["owner"]))
    child.kill()
    child.wait()
    (folder / "link").symlink_to(folder)
    async with embedded(folder / "link") as server:  # at once, while the old one is going
        assert await row(server.owner_url) == 42
    assert await gone(int(str(about["pid"])))


async def test_both_killed_at_once_is_survived(folder: Path, start: Start) -> None:
    child = start(folder / "data")
    about = said(child)
    await put_row(str(about["owner"]))
    os.kill(child.pid, signal.SIGKILL)
    os.kill(int(str(about["pid"])), signal.SIGKILL)
    async with embedded(folder) as server:
        assert await row(server.owner_url) == 42


async def test_a_second_server_on_the_same_directory_is_refused(folder: Path, start: Start) -> None:
    async with embedded(folder) as server:
        other = start(folder / "data")
        assert said(other)["code"] == "POSTGRES_ALREADY_RUNNING"
        with pytest.raises(LotaError, match="POSTGRES_ALREADY_RUNNING"):
            await embedded(folder).start()
        await put_row(server.owner_url)


@ROOT_ONLY
@pytest.mark.parametrize("uid", [NOBODY, UNNAMED])
async def test_a_plain_user_with_or_without_a_name_runs_it_as_themselves(
    folder: Path, start: Start, uid: int
) -> None:
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, uid, uid)
    for _ in range(2):
        child = start(home / "data", uid=uid)
        about = said(child)
        if about.get("code") == "POSTGRES_ACCOUNT_UNNAMED" and uid == UNNAMED:
            pytest.skip("SKIPPED: this machine has no user namespaces for plain users")
        assert about.get("uid") == uid, about
        child.communicate("")
        assert await gone(int(str(about["pid"])))
    assert (home / "data").stat().st_mode & 0o777 == 0o700


@ROOT_ONLY
async def test_root_in_a_closed_folder_keeps_the_cluster_where_the_server_can_reach_it(
    folder: Path,
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for _ in range(2):
        async with EmbeddedPostgres(closed / "data", state=folder / "state") as server:
            await put_row(server.owner_url)
            assert await row(server.owner_url) == 42
            assert server.places.home.parent == folder / "state" / "clusters"
    noted = (closed / "data" / "postgres.moved").read_text().strip()
    assert Path(noted) == server.places.home
    assert closed.stat().st_mode & 0o777 == 0o700


@ROOT_ONLY
async def test_root_never_starts_empty_when_the_moved_data_is_gone_or_the_note_is_forged(
    folder: Path,
) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "postgres.moved").write_text(f"{folder}/state/clusters/0123456789ab\n")
    with pytest.raises(LotaError, match="POSTGRES_PLACE_UNUSABLE"):
        await EmbeddedPostgres(closed, state=folder / "state").start()
    (closed / "postgres.moved").write_text("/etc\n")
    with pytest.raises(LotaError, match="POSTGRES_PLACE_UNUSABLE"):
        await EmbeddedPostgres(closed, state=folder / "state").start()


@ROOT_ONLY
async def test_root_refuses_data_that_the_server_may_no_longer_reach(folder: Path) -> None:
    async with embedded(folder):
        pass
    (folder / "data").chmod(0o700)
    with pytest.raises(LotaError, match="POSTGRES_PLACE_UNUSABLE"):
        await embedded(folder).start()


async def test_data_of_another_major_version_is_refused_and_not_touched(folder: Path) -> None:
    async with embedded(folder) as server:
        data = next(path for path in server.places.home.iterdir() if path.name.isdecimal())
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(LotaError, match="POSTGRES_VERSION_MISMATCH") as caught:
        await embedded(folder).start()
    assert caught.value.details["data"] == "9"
    data.rename(data.with_name("14"))
    (data.with_name("14") / "PG_VERSION").write_text("14\n")
    with pytest.raises(LotaError, match="POSTGRES_VERSION_MISMATCH"):
        await embedded(folder).start()
    assert (data.with_name("14") / "postgresql.conf").exists()


async def test_the_version_on_disk_chooses_the_programs(folder: Path, programs: Binaries) -> None:
    async with embedded(folder, programs.folder):
        pass
    async with embedded(folder) as server:
        database = await Database.open(server.app_url)
        async with database.transaction(None) as tx:
            version = await tx.fetch_value("show server_version", into=str)
        assert (version or "").startswith(str(programs.major))
        await database.close()


async def test_a_start_that_was_cut_off_leaves_nothing_in_the_way(folder: Path) -> None:
    draft = folder / "data" / "postgres" / "15.draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("15\n")
    async with embedded(folder) as server:
        assert server.pid


async def test_a_cluster_that_was_made_when_there_were_fewer_roles_lets_the_new_one_in(
    folder: Path,
) -> None:
    async with embedded(folder) as server:
        data = next(path for path in server.places.home.iterdir() if path.name.isdecimal())
        owner = await asyncpg.connect(server.owner_url)
        await owner.execute("create role lotabots_sequencer login")
        await owner.close()
    hba = data / "pg_hba.conf"
    before, about = hba.read_text(), hba.stat()
    assert "lotabots_sequencer" in before
    hba.write_text("".join(line for line in before.splitlines(True) if "sequencer" not in line))
    async with embedded(folder) as server:
        database = await Database.open(server.sequencer_url)
        await database.check()
        await database.close()
    assert hba.read_text() == before
    for number in (stat.ST_UID, stat.ST_GID, stat.ST_MODE):
        assert hba.stat()[number] == about[number]


def test_who_may_connect_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("not ours")
    (tmp_path / "pg_hba.conf").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LotaError, match="POSTGRES_PLACE_UNUSABLE"):
        cluster.let_in(tmp_path)
    assert (tmp_path / "elsewhere").read_text() == "not ours"


async def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "data", options={"shared_buffers": "x"}, state=folder)
    with pytest.raises(LotaError, match="POSTGRES_START_FAILED") as caught:
        await server.start()
    assert "shared_buffers" in str(caught.value.details["said"])
    async with embedded(folder) as again:
        assert again.pid


@pytest.mark.parametrize("state", ["dead, and nobody has reaped it", "a stranger's"])
async def test_a_lock_file_whose_number_is_no_server_is_no_obstacle(
    folder: Path, tmp_path: Path, state: str
) -> None:
    async with embedded(folder) as server:
        data = next(path for path in server.places.home.iterdir() if path.name.isdecimal())
        lock_file = (data / "postmaster.pid").read_text()
    if state == "a stranger's":
        child = subprocess.Popen(["/bin/sleep", "60"])
    else:
        (tmp_path / "postgres").symlink_to("/bin/true")  # the kernel names a process by its file
        child = subprocess.Popen([tmp_path / "postgres"])
        while "Z" not in Path(f"/proc/{child.pid}/stat").read_text().split()[2]:
            await asyncio.sleep(0.01)
    try:
        lines = lock_file.splitlines()
        (data / "postmaster.pid").write_text("\n".join([str(child.pid), *lines[1:], ""]))
        if os.geteuid() == 0:
            os.chown(data / "postmaster.pid", data.stat().st_uid, data.stat().st_gid)
            (data / "postmaster.pid").chmod(0o600)
        async with embedded(folder) as server:
            assert server.pid
    finally:
        child.kill()
        child.wait()
