"""What the merged description promises is what the API does, whatever schemathesis makes of it."""

import subprocess
import sys
import tempfile

import anyio
import pytest
from plugins.api import Api

from lotabots.kernel import Role

pytestmark = pytest.mark.anyio

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,unsupported_method,ignored_auth,negative_data_rejection"
)


async def test_generated_requests_find_no_failure(api: Api) -> None:
    """A few examples of each operation; `-m long` tries many more."""
    await _conforms(api, examples=5)


@pytest.mark.long
async def test_many_generated_requests_find_no_failure(api: Api) -> None:
    await _conforms(api, examples=200)


async def _conforms(api: Api, examples: int) -> None:
    token = api.tokens.of(Role.ADMIN, user_id=api.user)["authorization"]
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{api.servers.url}/openapi.json",
        "--checks", CHECKS, "--max-examples", str(examples), "--phases", "examples,fuzzing",
        "--header", f"Authorization: {token}", "--generation-deterministic", "--no-color",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="lotabots-schemathesis-") as folder:  # it keeps a cache
        ran = await anyio.to_thread.run_sync(
            lambda: subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=900, check=False
            )
        )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-1000:]
