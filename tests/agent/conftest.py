"""Servers that trust a software TPM's CA, in both modes: those of all other tests do not."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from plugins.api import MODES, Api, Servers, client_of, run_mode
from plugins.database import DatabaseUrls


@pytest.fixture(scope="module", params=MODES)
def tpm_servers(
    request: pytest.FixtureRequest,
    session_database_urls: DatabaseUrls,
    made_swtpm: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Servers]:
    """The processes of one mode, which were told of swtpm's local CA."""
    ca = made_swtpm / "ca"
    folder = tmp_path_factory.mktemp("tpm-servers")
    tpms = folder / "tpms.pem"
    certificates = (ca / "issuercert.pem", ca / "swtpm-localca-rootca-cert.pem")
    tpms.write_bytes(b"".join(path.read_bytes() for path in certificates))
    told = {"LOTA_ATTESTATION_SIMULATED_TPMS": str(tpms)}
    with run_mode(request.param, session_database_urls, folder, **told) as running:
        yield running


@pytest.fixture
async def tpm_api(tpm_servers: Servers) -> AsyncIterator[Api]:
    """A client of theirs, in a tenant of its own."""
    async with client_of(tpm_servers) as made:
        yield made
