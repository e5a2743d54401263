"""A real server in a process of its own, over a log under test; commands run with no network."""
# ruff: noqa: ASYNC240 - nothing else runs before the server does

import base64
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import httpx
from faults.log import Log
from plugins.api import Api, Servers, _run
from plugins.process import MASTER_KEY, Tokens

from lotabots.audit import log_signers
from lotabots.runtime.keyring import Keyring
from lotabots.runtime.web import TOKEN_PURPOSE
from lotabots.server import NAMES
from lotabots.simulator import roots_pem
from lotabots.tlog import NoteVerifier

SECONDS = 120
NO_NETWORK = Path(__file__).with_name("no_network")


@asynccontextmanager
async def serving(log: Log, folder: Path, tokens: Tokens | None = None) -> AsyncIterator[Api]:
    """All services in one process, which orders and publishes the log; a client in a new tenant,
    or in that of an earlier process."""
    folder.mkdir(exist_ok=True)
    roots = folder / "simulated.pem"
    roots.write_bytes(roots_pem())
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOTA_")}
    environ |= {
        "LOTA_DATABASE_URL": log.urls.app,
        "LOTA_DATABASE_SEQUENCER_URL": log.urls.sequencer,
        "LOTA_DATA_LOG": log.folder.as_uri(),
        "LOTA_DATA_DIRECTORY": str(folder),
        "LOTA_AUDIT_PUBLISH_MS": "100",
        "LOTA_KEYRING_KEY": base64.b64encode(MASTER_KEY).decode(),
        "LOTA_ATTESTATION_SIMULATED_ANCHORS": str(roots),
        "LOTA_IDENTITY_BCRYPT_COST": "10",
        "LOTA_WEB_PORT": "0",
    }
    with _run(NAMES, environ) as process:
        url = process.address()
        keys = await Keyring(log.database, MASTER_KEY).load(TOKEN_PURPOSE)
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            servers = Servers("one-process", url, {}, log.urls.app)
            made = tokens or Tokens(keys.current, uuid4())
            yield Api(servers, client, made, log.database)


def log_keys() -> tuple[NoteVerifier, ...]:
    """The keys of such a server's log, made from its master key and not taken from the log."""
    signers = log_signers(Keyring(None, MASTER_KEY), "")  # type: ignore[arg-type]
    return tuple(signer.verifier for signer in signers)


def lotabots(*arguments: object, network: bool = False) -> "subprocess.CompletedProcess[str]":
    """A command of ours in a process, which without `network` has none, not even the loopback."""
    return python("-m", "lotabots", *arguments, network=network)


def python(*arguments: object, network: bool = False) -> "subprocess.CompletedProcess[str]":
    """The same of any Python program."""
    command = [sys.executable, *map(str, arguments)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOTA")}
    if not network and cut_off_by_kernel():
        command = ["unshare", "--map-root-user", "--net", *command]
    elif not network:
        environ["PYTHONPATH"] = str(NO_NETWORK)
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, check=False, timeout=SECONDS
    )


@cache
def cut_off_by_kernel() -> bool:
    """Whether a process can be given a network namespace of its own, in which there is nothing."""
    try:
        tried = ["unshare", "--map-root-user", "--net", "true"]
        return subprocess.run(tried, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
