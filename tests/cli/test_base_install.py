"""The base install alone: the pure line and the command line, no server and no database driver."""

import json
from pathlib import Path

import pytest
from plugins.installed import environment, run
from plugins.logs import publish, small_log
from result.samples import KEY, NOW, issued, verdict
from result.test_logged import entry, log_with

from lotabots.kernel import KeySet
from lotabots.result import LogEntry
from lotabots.simulator import make_node, nvidia_json

ROOT = Path(__file__).resolve().parents[2]
NONCE = bytes(range(32))
SERVER_ONLY = ("alembic", "asyncpg", "bcrypt", "litestar", "obstore", "sqlalchemy", "uvicorn")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that has the base lock and our wheel, and nothing else."""
    return environment(tmp_path_factory.mktemp("base"), "requirements.lock")


def test_the_base_install_has_no_server_in_it(base: Path) -> None:
    probe = f"import importlib.util as u; print([n for n in {SERVER_ONLY} if u.find_spec(n)])"
    assert run(base / "python", "-c", probe).stdout.strip() == "[]"


def test_evidence_is_judged_with_the_base_install(base: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.json"
    evidence.write_bytes(nvidia_json(make_node("base", gpus=1).attest_to(NONCE), NONCE))
    ran = run(
        base / "lotabots", "verify", "gpu", evidence, "--nonce", NONCE.hex(), "-o", "json", ok=False
    )
    answer = json.loads(ran.stdout)
    # A simulator's root is nobody's: the signature is right, the device is refused all the same.
    assert (ran.returncode, answer["verdict"]) == (1, "rejected")
    assert "NV-CHAIN-ROOT" in {finding["code"] for finding in answer["findings"]}


def test_real_evidence_is_accepted_with_the_base_install(base: Path, vectors: Path) -> None:
    samples = vectors / "nvidia" / "nvtrust-local-verifier"
    ran = run(
        base / "lotabots", "verify", "gpu", samples / "hopperAttestationReport.txt",
        "--chain", samples / "hopperCertChain.txt",
        "--nonce", "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb",
        "--reference", vectors / "nvidia" / "google-go-nvattest-tools",
        "--at", "2025-10-24T12:00:00Z", "--max-revocation-age", "120d",
    )  # fmt: skip
    assert ran.stdout.startswith("accepted")


def test_a_result_token_is_verified_with_the_base_install(base: Path, tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(KeySet(current=KEY).jwks()))
    ran = run(
        base / "lotabots", "verify", "token", issued(), "--jwks", jwks,
        "--issuer", "https://lotabots.example", "--audience", "compute",
        "--at", NOW.isoformat(), "-o", "json",
    )  # fmt: skip
    assert json.loads(ran.stdout)["verdict"] == "accepted"


def test_a_log_and_its_receipts_are_audited_with_the_base_install_and_no_network(
    base: Path, tmp_path: Path
) -> None:
    log, copy, receipt = small_log(300), tmp_path / "copy", tmp_path / "entry.tlog-proof"
    publish(log, copy)
    receipt.write_text(log.receipt(299, log.entries[299]))
    key = ("--log-key", log.verifier.vkey(), "-o", "json")
    # Whatever opens a socket fails, so what answers needed none.
    blocked = tmp_path / "sitecustomize.py"
    blocked.write_text("import socket\ndel socket.socket.connect, socket.socket.bind\n")
    audit = ("env", f"PYTHONPATH={tmp_path}", base / "lotabots", "audit")
    checked = json.loads(run(*audit, "verify", copy, *key).stdout)
    assert (checked["verdict"], checked["size"]) == ("accepted", 300)
    proven = json.loads(run(*audit, "receipt", "verify", receipt, *key).stdout)
    assert (proven["verdict"], proven["index"]) == ("accepted", 299)
    (copy / "tile" / "0" / "000").write_bytes(bytes(256 * 32))
    assert run(*audit, "verify", copy, *key, ok=False).returncode == 1


def test_a_receipt_inside_a_result_is_verified_with_the_base_install(
    base: Path, tmp_path: Path
) -> None:
    jwks, data = tmp_path / "jwks.json", entry(verdict())
    jwks.write_text(json.dumps(KeySet(current=KEY).jwks()))
    log = log_with(data)
    token = issued(log=LogEntry(3, log.receipt(3, data)), needs_receipt=True)
    verify = (base / "lotabots", "verify", "token", token, "--jwks", jwks, "--at", NOW.isoformat())
    ran = run(*verify, "--log-key", log.verifier.vkey(), "-o", "json")
    assert json.loads(ran.stdout)["verdict"] == "accepted"
    without = run(*verify, "-o", "json", ok=False)
    assert json.loads(without.stdout)["code"] == "ADMIT_UNLOGGED"


@pytest.mark.parametrize("command", [("up",), ("audit", "fsck")])
def test_a_command_that_needs_the_server_says_what_to_install(
    base: Path, command: tuple[str, ...]
) -> None:
    ran = run(base / "lotabots", *command, ok=False)
    assert ran.returncode == 2
    assert f"`lotabots {' '.join(command)}` needs more" in ran.stderr
    assert "lotabots[server]" in ran.stderr
    assert "Traceback" not in ran.stderr
