"""A real server behind a proxy that ends TLS: an agent knows it by the pin in its token alone."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from agent.enrolled import Node, token
from agent.tls import Ca
from plugins.api import MODES, Api, client_of, run_mode
from plugins.attester import upload, use_policy
from plugins.database import DatabaseUrls
from plugins.flaky import Flaky

from lotabots.access import read_enrolment_token
from lotabots.agent import AgentSettings, Joined, Simulated, State, Wanted, join_node
from lotabots.kernel import LotaError

pytestmark = pytest.mark.anyio

CA = Ca()


@asynccontextmanager
async def ending_tls(ca: Ca, folder: Path, server: str = "") -> AsyncIterator[Flaky]:
    """A proxy with a certificate of this CA; where it passes on to can be said later."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.leaf(folder))
    way = Flaky(server)
    listening = await asyncio.start_server(way.serve, "127.0.0.1", 0, ssl=context)
    way.url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with listening:
        yield way


@asynccontextmanager
async def behind_tls(mode: str, urls: DatabaseUrls, folder: Path) -> AsyncIterator[tuple[Api, str]]:
    """The API of servers of this mode, and the address by which nodes meet them."""
    (folder / "ca.pem").write_bytes(CA.pem())
    async with ending_tls(CA, folder / "proxy") as way:
        told = {
            "LOTA_TOKEN_PUBLIC_URL": way.url,
            "LOTA_ATTESTATION_CA_FILE": str(folder / "ca.pem"),
            "LOTA_WEB_TLS": "true",
        }
        with run_mode(mode, urls, folder, **told) as servers:
            way.server = servers.url
            async with client_of(servers) as api:
                yield api, way.url


async def joined(text: str, folder: Path) -> Joined:
    wanted = Wanted(text, folder.name, software=False, simulated=Simulated(0))
    return await asyncio.to_thread(join_node, AgentSettings(state=str(folder)), wanted)


async def refusal(text: str, folder: Path) -> Any:
    with pytest.raises(LotaError) as refused:
        await joined(text, folder)
    assert State(folder).read() is None
    return refused.value.code


@pytest.mark.parametrize("mode", MODES)
async def test_a_token_names_the_ca_and_no_other_server_is_spoken_with(
    mode: str, session_database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    async with behind_tls(mode, session_database_urls, tmp_path) as (api, url):
        text = await token(api, node_class="host")
        assert text.endswith(f"@{url}")
        ours, _, _ = text.partition("@")

        stranger = Ca(name=CA.name)
        async with ending_tls(stranger, tmp_path / "stranger", api.servers.url) as elsewhere:
            # It passes on to the real one, which shows the right CA.
            code = await refusal(f"{ours}@{elsewhere.url}", tmp_path / "a")
            assert code == "AGENT_SERVER_UNTRUSTED"
        plain = await refusal(f"{ours}@{api.servers.url}", tmp_path / "b")
        assert plain == "AGENT_SERVER_UNTRUSTED"  # as it is meant to be: nobody ends TLS here
        unpinned = read_enrolment_token(ours)._replace(server_ca=None).text()
        code = await refusal(f"{unpinned}@{url}", tmp_path / "c")
        assert code == "AGENT_SERVER_UNTRUSTED"
        shown = await api.get("/.well-known/lotabots-ca", as_=None)
        assert shown.headers["content-type"] == "application/x-pem-file"
        assert shown.content == (tmp_path / "ca.pem").read_bytes()

        node = Node(tmp_path / "n", await joined(text, tmp_path / "n"))
        kept = node.state.enrolled()
        assert (kept.url, kept.pin) == (url, CA.pin.hex())
        await use_policy(api, "demo-host")
        await upload(api, node.machine().reference())
        assert (await node.attest()).status == "accepted"


async def test_a_server_without_tls_hands_out_no_ca(api: Api) -> None:
    answer = await api.get("/.well-known/lotabots-ca", as_=None)
    assert (answer.status_code, answer.json()["code"]) == (409, "ENROLMENT_CA_ABSENT")
