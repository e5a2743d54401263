"""`lotabots demo --export-audit` and `lotabots audit fsck`: a real installation, in processes."""

import base64
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from plugins.database import DatabaseUrls
from plugins.process import MASTER_KEY

from lotabots.tlog import read_bundle, read_head

NODES = 6
WITH_MODELS = 2


@dataclass(frozen=True)
class Demonstrated:
    """A demonstration that has ended: its data, the copy of its log, and what it said."""

    data: Path
    copy: Path
    said: str


def lotabots(*arguments: object, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "lotabots", *map(str, arguments)],
        env=environ(**settings), capture_output=True, text=True, check=False,
    )  # fmt: skip


def environ(**settings: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOTA_")}
    return clean | {"PIP_NO_INDEX": "1"} | settings  # the sample of NVIDIA is not what is tested


@pytest.fixture(scope="module")
def demonstrated() -> Iterator[Demonstrated]:
    with TemporaryDirectory(prefix="lotabots-demo-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        data, copy = folder / "data", folder / "copy"
        ran = lotabots("demo", "--once", "--data", data, "--export-audit", copy)
        assert ran.returncode == 0, ran.stderr
        yield Demonstrated(data, copy, ran.stderr)


def fsck(demonstrated: Demonstrated, *options: str) -> tuple[int, Any]:
    ran = lotabots("audit", "fsck", "--data", demonstrated.data, "-o", "json", *options)
    return ran.returncode, json.loads(ran.stdout)


def test_a_demonstration_leaves_a_whole_log_with_everything_in_it(
    demonstrated: Demonstrated,
) -> None:
    copy = demonstrated.copy
    assert f"lotabots audit verify {copy}" in demonstrated.said
    verified = lotabots("audit", "verify", copy, "--log-key", copy / "log.vkey", "-o", "json")
    assert (verified.returncode, json.loads(verified.stdout)["verdict"]) == (0, "accepted")
    size = read_head((copy / "checkpoint").read_bytes()).size
    bundle = read_bundle((copy / "tile" / "entries" / "000.p" / str(size)).read_bytes())
    verbs = [json.loads(entry)["verb"] for entry in bundle]
    assert verbs.count("attestation.record") == NODES + WITH_MODELS
    assert verbs.count("node.enroll") == NODES
    assert verbs.count("model.promote") == 1


def test_what_an_installation_has_is_checked_and_mended(demonstrated: Demonstrated) -> None:
    status, report = fsck(demonstrated)
    assert (status, report["verdict"], report["findings"]) == (0, "accepted", [])
    assert report["entries"] == report["placed"] == report["published"] >= 3 * NODES
    bundle = demonstrated.data / "log" / "tile" / "entries" / "000.p" / str(report["published"])
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-1])
    status, report = fsck(demonstrated)
    (found,) = report["findings"]
    assert (status, report["verdict"]) == (1, "rejected")
    assert (found["code"], found["where"]) == (
        "TLOG_BUNDLE", bundle.relative_to(demonstrated.data / "log").as_posix()
    )  # fmt: skip
    status, report = fsck(demonstrated, "--mend")
    assert (status, report["mended"]) == (0, [found["where"]])
    assert bundle.read_bytes() == whole
    said = lotabots("audit", "fsck", "--data", demonstrated.data)
    assert (said.returncode, "0 waiting" in said.stdout) == (0, True)


def test_a_log_is_looked_at_beside_the_server_that_writes_it(demonstrated: Demonstrated) -> None:
    command = [sys.executable, "-m", "lotabots", "up", "--port", "0", "--data"]
    with subprocess.Popen(
        [*command, str(demonstrated.data)], env=environ(), stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None
            assert any("answers at" in line for line in server.stderr)
            status, report = fsck(demonstrated)
            assert (status, report["verdict"], server.poll()) == (0, "accepted", None)
        finally:
            server.terminate()
            server.communicate(timeout=30)


def test_a_database_that_is_held_and_does_not_answer_cannot_be_looked_at(
    demonstrated: Demonstrated,
) -> None:
    with (demonstrated.data / "postgres" / "postgres" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = lotabots("audit", "fsck", "--data", demonstrated.data)
    assert (ran.returncode, "DATABASE_UNAVAILABLE" in ran.stderr) == (4, True), ran.stderr


def test_nothing_is_made_where_there_is_no_installation(tmp_path: Path) -> None:
    ran = lotabots("audit", "fsck", "--data", tmp_path / "typo")
    assert (ran.returncode, "INSTALLATION_MISSING" in ran.stderr) == (4, True)
    assert not (tmp_path / "typo").exists()


def test_an_external_database_is_looked_at_in_the_role_that_sees_all_of_it(
    database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    settings = {
        "LOTA_DATABASE_URL": database_urls.app,
        "LOTA_KEYRING_KEY": base64.b64encode(MASTER_KEY).decode(),
        "LOTA_DATA_DIRECTORY": str(tmp_path),
    }
    ran = lotabots("audit", "fsck", **settings)
    assert (ran.returncode, "AUDIT_ROLE_MISSING" in ran.stderr) == (4, True)
    settings["LOTA_DATABASE_SEQUENCER_URL"] = database_urls.sequencer
    ran = lotabots("audit", "fsck", **settings)
    assert (ran.returncode, "0 entries" in ran.stdout) == (0, True), ran.stderr


def test_a_demonstration_does_not_begin_if_its_log_has_no_place(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("dear to me")
    data = tmp_path / "data"
    ran = lotabots("demo", "--once", "--data", data, "--export-audit", tmp_path)
    assert (ran.returncode, "AUDIT_OUT_NOT_EMPTY" in ran.stderr) == (4, True)
    assert not data.exists()


def test_a_demonstration_goes_on_serving_after_the_copy(demonstrated: Demonstrated) -> None:
    copy = demonstrated.copy.with_name("again")
    command = ("demo", "--data", demonstrated.data, "--export-audit", copy, "--port", "0")
    with subprocess.Popen(
        [sys.executable, "-m", "lotabots", *map(str, command)],
        env=environ(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("Serving at"):
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert any(f"The audit log is in {copy}" in line for line in said), said
    assert lotabots("audit", "verify", copy).returncode == 0
    # The same log, grown: what was kept from the first time is its beginning.
    kept = demonstrated.copy / "checkpoint"
    assert lotabots("audit", "verify", copy, "--since", kept).returncode == 0
