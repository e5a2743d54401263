"""`lotabots audit`: receipts, copies and a monitor, against logs made by hand."""

import functools
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.mutations import made, mutations
from plugins.logs import SmallLog, publish, small_log

from lotabots.tlog import Algorithm, NoteSigner

Run = Callable[..., Any]


@pytest.fixture
def log() -> SmallLog:
    return small_log(700)


@pytest.fixture
def served(log: SmallLog, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which it is served."""
    folder = tmp_path / "served"
    publish(log, folder)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}/."
        server.shutdown()
        thread.join()


@pytest.fixture
def key(log: SmallLog, tmp_path: Path) -> Path:
    file = tmp_path / "log.vkey"
    file.write_text(log.verifier.vkey() + "\n")
    return file


def test_a_receipt_is_checked_from_one_file(
    lotabots: Run, log: SmallLog, key: Path, tmp_path: Path
) -> None:
    file = tmp_path / "entry.tlog-proof"
    file.write_text(log.receipt(517, log.entries[517]))
    ran = lotabots("audit", "receipt", "verify", file, "--log-key", key, "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (0, "accepted")
    assert (ran.json["index"], ran.json["size"]) == (517, 700)
    again = lotabots("audit", "receipt", "verify", file, "--log-key", log.verifier.vkey())
    assert again.status == 0
    assert "entry 517 of log.example/audit" in again.out


def test_a_receipt_may_come_without_its_entry(
    lotabots: Run, log: SmallLog, key: Path, tmp_path: Path
) -> None:
    file, entry = tmp_path / "entry.tlog-proof", tmp_path / "entry"
    file.write_text(log.receipt(5))
    entry.write_bytes(log.entries[5])
    arguments = ("audit", "receipt", "verify", file, "--log-key", key, "-o", "json")
    assert lotabots(*arguments).json["code"] == "AUDIT_RECEIPT_UNREADABLE"
    assert lotabots(*arguments, "--entry", entry).status == 0
    entry.write_bytes(b"another")
    refused = lotabots(*arguments, "--entry", entry)
    assert (refused.status, refused.json["code"]) == (1, "TLOG_ROOT_MISMATCH")


@pytest.mark.parametrize("content", [b"", b"\xff", b"c2sp.org/tlog-proof@v1\n", b"x" * 1000])
def test_what_is_no_receipt_is_rejected_with_a_code(
    lotabots: Run, key: Path, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "receipt"
    file.write_bytes(content)
    ran = lotabots("audit", "receipt", "verify", file, "--log-key", key, "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (1, "rejected")


def test_without_a_key_a_receipt_says_nothing(lotabots: Run, tmp_path: Path) -> None:
    assert lotabots("audit", "receipt", "verify", tmp_path / "receipt").status == 2


def test_an_exported_log_is_the_served_one_byte_for_byte(
    lotabots: Run, served: tuple[Path, str], log: SmallLog, tmp_path: Path
) -> None:
    folder, url = served
    out = tmp_path / "copy"
    assert lotabots("audit", "export", "--server", url, "--out", out).status == 0
    assert (out / "log.vkey").read_text() == log.verifier.vkey() + "\n"
    for file in folder.rglob("*"):
        if file.is_file() and file.name != "keys":
            assert (out / file.relative_to(folder)).read_bytes() == file.read_bytes()


def test_an_export_waits_where_the_server_says_that_it_was_too_fast(
    lotabots: Run, served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = served
    refused = {"message": "slowly", "code": "RATE_LIMITED"}
    asked: list[str] = []

    class Limited(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            asked.append(self.path)
            if len(asked) % 3:
                super().do_GET()
                return
            body = json.dumps({**refused, "details": {"retry_after_seconds": 7}}).encode()
            self.send_response(429)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    waited: list[float] = []
    monkeypatch.setattr("lotabots.cli.client.time.sleep", waited.append)
    handler = functools.partial(Limited, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/."
        ran = lotabots("audit", "export", "--out", tmp_path / "copy", "--server", url)
        server.shutdown()
    assert ran.status == 0, ran.err
    assert waited == [7] * (len(asked) // 3) != []
    assert (tmp_path / "copy" / "checkpoint").read_bytes() == (folder / "checkpoint").read_bytes()


def test_a_copy_is_not_written_over_something_else(
    lotabots: Run, served: tuple[Path, str], tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    out.mkdir()
    (out / "mine").write_text("dear to me")
    ran = lotabots("audit", "export", "--server", served[1], "--out", out)
    assert (ran.status, "AUDIT_OUT_NOT_EMPTY" in ran.err) == (4, True)


def monitor(lotabots: Run, where: object, key: Path, state: Path) -> Any:
    return lotabots("audit", "monitor", where, "--log-key", key, "--state", state)


def test_a_monitor_follows_a_log_that_grows(
    lotabots: Run, served: tuple[Path, str], log: SmallLog, key: Path, tmp_path: Path
) -> None:
    folder, url = served
    state = tmp_path / "state"
    assert monitor(lotabots, url, key, state).status == 0
    log.entries += [b"one more", b"and another"]
    publish(log, folder)
    ran = monitor(lotabots, url, key, state)
    assert (ran.status, "2 new" in ran.err) == (0, True)
    assert state.read_text() == log.note()


@pytest.mark.parametrize(
    ("size", "changed", "code"),
    [
        (600, False, "AUDIT_ROLLED_BACK"),
        (700, True, "AUDIT_FORKED"),
        (800, True, "AUDIT_NOT_EXTENDED"),
    ],
)
def test_a_monitor_keeps_both_checkpoints_of_a_log_that_did_not_grow(
    lotabots: Run, log: SmallLog, key: Path, tmp_path: Path, size: int, changed: bool, code: str
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    publish(log, before)
    other = small_log(size)
    if changed:
        other.entries[41] = b"another history"
    publish(other, after)
    state = tmp_path / "state"
    assert monitor(lotabots, before, key, state).status == 0
    ran = monitor(lotabots, after, key, state)
    assert (ran.status, code in ran.err) == (1, True)
    assert state.read_text() == log.note()
    assert (tmp_path / "state.bad").read_text() == other.note()


def test_a_monitor_that_cannot_look_says_so_and_keeps_what_it_knows(
    lotabots: Run, log: SmallLog, key: Path, tmp_path: Path
) -> None:
    folder, state = tmp_path / "log", tmp_path / "state"
    publish(log, folder)
    assert monitor(lotabots, folder, key, state).status == 0
    (folder / "checkpoint").unlink()
    ran = monitor(lotabots, folder, key, state)
    assert (ran.status, "AUDIT_FILE_MISSING" in ran.err) == (4, True)
    assert state.read_text() == log.note()


@pytest.fixture
def copy(lotabots: Run, served: tuple[Path, str], tmp_path: Path) -> Path:
    out = tmp_path / "copy"
    assert lotabots("audit", "export", "--server", served[1], "--out", out).status == 0
    return out


def test_an_exported_copy_holds_without_a_server(
    lotabots: Run, copy: Path, log: SmallLog, key: Path
) -> None:
    ran = lotabots("audit", "verify", copy, "--log-key", key, "-o", "json")
    assert (ran.status, ran.json["verdict"], ran.json["keys"]) == (0, "accepted", "given")
    assert (ran.json["origin"], ran.json["size"]) == (log.origin, 700)
    assert ran.json["root"] == log.checkpoint().root.hex()


def test_a_served_log_is_checked_where_it_is(
    lotabots: Run, served: tuple[Path, str], key: Path
) -> None:
    ran = lotabots("audit", "verify", served[1], "--log-key", key)
    assert (ran.status, "700 entries" in ran.out) == (0, True)


def test_a_copy_held_against_its_own_keys_says_how_little_that_proves(
    lotabots: Run, copy: Path
) -> None:
    ran = lotabots("audit", "verify", copy)
    assert ran.status == 0
    assert "agrees with itself" in ran.err
    (copy / "log.vkey").unlink()
    assert lotabots("audit", "verify", copy).status == 2


def test_a_copy_of_another_log_does_not_pass_for_this_one(
    lotabots: Run, copy: Path, tmp_path: Path
) -> None:
    other = small_log(3, seed=2)
    ran = lotabots("audit", "verify", copy, "--log-key", other.verifier.vkey(), "-o", "json")
    assert (ran.status, ran.json["verdict"]) == (1, "rejected")
    assert {"TLOG_UNSIGNED", "AUDIT_KEYS_DIFFER"} <= {f["code"] for f in ran.json["findings"]}


def test_a_copy_is_held_against_a_checkpoint_kept_from_before(
    lotabots: Run, copy: Path, log: SmallLog, key: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_text(log.note(300))
    arguments = ("audit", "verify", copy, "--log-key", key, "--since", kept)
    assert lotabots(*arguments).status == 0
    other = small_log(300)
    other.entries[7] = b"another history"
    kept.write_text(other.note())
    assert lotabots(*arguments).status == 1


def test_a_signature_that_could_not_be_checked_is_named(
    lotabots: Run, copy: Path, log: SmallLog, key: Path
) -> None:
    witness = small_log(1, origin="witness.example", seed=9)
    (copy / "checkpoint").write_text(log.note() + witness.signer.sign(log.checkpoint().text()))
    ran = lotabots("audit", "verify", copy, "--log-key", key, "-o", "json")
    assert (ran.status, ran.json["unchecked"]) == (0, ["witness.example"])


def test_a_policy_without_its_quorum_rejects_the_copy(
    lotabots: Run, copy: Path, log: SmallLog, tmp_path: Path
) -> None:
    witness = NoteSigner(Algorithm.COSIGNATURE, "witness.example", bytes(32))
    policy = tmp_path / "policy"
    policy.write_text(f"log {log.verifier.vkey()}\nwitness w {witness.verifier.vkey()}\nquorum w\n")
    arguments = ("audit", "verify", copy, "--policy", policy, "-o", "json")
    assert lotabots(*arguments).json["findings"][0]["code"] == "TLOG_QUORUM"
    (copy / "checkpoint").write_text(log.note() + witness.sign(log.checkpoint().text(), 1))
    assert lotabots(*arguments).status == 0


def test_any_changed_byte_of_a_copy_is_found_and_its_file_named(
    lotabots: Run, copy: Path, key: Path
) -> None:
    for mutation in mutations(copy, 60, seed=3):
        with made(copy, mutation):
            for arguments in ((), ("--log-key", key)):
                ran = lotabots("audit", "verify", copy, *arguments, "-o", "json")
                assert ran.status == 1, mutation
                assert mutation.path in {f["path"] for f in ran.json["findings"]}, mutation


def test_a_missing_file_of_a_copy_is_named(lotabots: Run, copy: Path, key: Path) -> None:
    for file in [path for path in copy.rglob("*") if path.is_file() and path.name != "log.vkey"]:
        kept = file.read_bytes()
        file.unlink()
        ran = lotabots("audit", "verify", copy, "--log-key", key, "-o", "json")
        assert ran.status == 1
        assert str(file.relative_to(copy)) in {f["path"] for f in ran.json["findings"]}
        file.write_bytes(kept)
