"""What an agent keeps: whole or not at all, for its user alone, by one process at a time."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.process import new_key

from lotabots.agent.state import AGENT, STATUS, Kept, State, Status
from lotabots.kernel import LotaError
from lotabots.runtime.clock import utc_now

KEPT = Kept(
    url="https://lotabots.example",
    pin="ab" * 32,
    authority="PEM",
    tenant=uuid4(),
    node=uuid4(),
    name="node",
    identity="tpm",
    session_key=new_key().to_pem().decode(),
)
ENROLLED = msgspec.structs.replace(
    KEPT, server="urn:s", credential="a.b.c", issued_at=utc_now(), expires_at=utc_now()
)


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "agent")
    made.prepare()
    return made


def test_what_is_kept_is_read_again(state: State) -> None:
    assert state.read() is None
    state.keep(ENROLLED)
    assert state.enrolled() == ENROLLED
    assert ENROLLED.known_server.pin == bytes.fromhex("ab" * 32)
    assert ENROLLED.key.to_pem().decode() == ENROLLED.session_key


def test_a_node_that_never_finished_joining_is_not_enrolled(state: State) -> None:
    for kept in (None, KEPT):
        if kept is not None:
            state.keep(kept)
        with pytest.raises(LotaError) as refused:
            state.enrolled()
        assert refused.value.code == "AGENT_NOT_ENROLLED"


def test_only_the_agent_s_user_can_read_what_it_keeps(state: State) -> None:
    state.keep(ENROLLED)
    state.say(Status(at=utc_now()))
    assert state.folder.stat().st_mode & 0o777 == 0o700
    for name in (AGENT, STATUS):
        assert (state.folder / name).stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_could_read_before_is_for_its_user_afterwards(state: State) -> None:
    (state.folder / f".{AGENT}.new").write_text("of an earlier crash")
    (state.folder / f".{AGENT}.new").chmod(0o644)
    state.keep(ENROLLED)
    assert (state.folder / AGENT).stat().st_mode & 0o777 == 0o600


def test_a_link_in_its_place_gets_no_key(state: State, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (state.folder / f".{AGENT}.new").symlink_to(elsewhere)
    with pytest.raises(LotaError) as refused:
        state.keep(ENROLLED)
    assert refused.value.code == "AGENT_STATE"
    (state.folder / "lock").symlink_to(elsewhere)
    with pytest.raises(LotaError) as refused, state.alone():
        pass
    assert refused.value.code == "AGENT_STATE"
    assert not elsewhere.exists()


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_folder_that_anybody_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(LotaError) as refused, State(folder).alone():
        pass
    assert refused.value.code == "AGENT_STATE"
    folder.chmod(0o750)
    with State(folder).alone():
        pass


def test_a_write_that_fails_leaves_what_was_kept(state: State) -> None:
    state.keep(ENROLLED)
    (state.folder / f".{AGENT}.new").mkdir()  # as good as a full disk, and root meets it, too
    with pytest.raises(LotaError) as refused:
        state.keep(msgspec.structs.replace(ENROLLED, credential="other"))
    assert refused.value.code == "AGENT_STATE"
    assert state.enrolled() == ENROLLED


KILLED = """
import os, sys
from pathlib import Path
import msgspec
from lotabots.agent.state import State
state = State(Path(sys.argv[1]))
kept = state.enrolled()
print("ready", flush=True)
while True:
    kept = msgspec.structs.replace(kept, credential=kept.credential[::-1])
    state.keep(kept)
"""


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_file(state: State) -> None:
    state.keep(ENROLLED)
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(state.folder)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.kill()
        assert state.enrolled().credential in ("a.b.c", "c.b.a")


def test_one_process_at_a_time_works_with_a_folder(state: State) -> None:
    with state.alone():
        with pytest.raises(LotaError) as refused, State(state.folder).alone():
            pass
        assert refused.value.code == "AGENT_RUNNING"
    with State(state.folder).alone():
        pass


def test_nothing_is_left_when_it_forgets(state: State) -> None:
    state.keep(ENROLLED)
    state.say(Status(at=utc_now()))
    (state.tpm / "ak.ctx").write_bytes(b"key")
    state.forget()
    assert state.read() is None
    assert state.status() is None
    assert list(state.tpm.iterdir()) == []


@given(st.binary(max_size=200))
def test_any_bytes_in_its_files_are_an_error_with_a_code(data: bytes) -> None:
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"lotabots-{uuid4().hex}"
    state = State(folder)
    state.prepare()
    try:
        (folder / AGENT).write_bytes(data)
        (folder / STATUS).write_bytes(data)
        with pytest.raises(LotaError) as refused:
            state.read()
        assert refused.value.code == "AGENT_STATE"
        assert state.status() is None  # it is for people: nothing hangs on it
    finally:
        state.forget()
        state.tpm.rmdir()
        folder.rmdir()


def test_a_folder_that_cannot_be_made_is_an_error_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LotaError) as refused, State(tmp_path / "file" / "agent").alone():
        pass
    assert refused.value.code == "AGENT_STATE"


def test_how_it_fared_is_read_again(state: State) -> None:
    status = Status(at=utc_now(), outcome="accepted", failures=2, error="SERVER_UNREACHABLE")
    state.say(msgspec.structs.replace(status, next_at=utc_now() + timedelta(seconds=3)))
    read = state.status()
    assert read is not None
    assert (read.outcome, read.failures, read.error) == ("accepted", 2, "SERVER_UNREACHABLE")
