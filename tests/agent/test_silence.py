"""An agent that is killed falls silent, and its silence becomes a verdict, in time."""

import asyncio
import json
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from agent.enrolled import agent, join, use_lively_policy
from plugins.api import Api

from lotabots.kernel import Role

pytestmark = pytest.mark.anyio


async def standing(api: Api, node: str, *wanted: str, seconds: float = 30) -> Any:
    """The node, once it stands as wanted."""
    ends = monotonic() + seconds
    while True:
        shown = (await api.get(f"/v1/nodes/{node}")).json()
        if shown["standing"] in wanted:
            return shown
        assert monotonic() < ends, shown
        await asyncio.sleep(0.05)


async def test_a_killed_agent_s_node_goes_stale_then_rejected_and_comes_back_with_it(
    api: Api, tmp_path: Path
) -> None:
    node = await join(api, tmp_path / "n")
    await use_lively_policy(api)
    with agent("run", state=node.folder) as process:
        await standing(api, node.id, "accepted")
        assert process.stderr is not None
        judged = []
        while len(judged) < 4:
            line = await asyncio.to_thread(process.stderr.readline)
            said = json.loads(line)
            if said["event"] == "agent.judged":
                judged.append((said["scope"], said["outcome"]))
        process.kill()
    assert judged[0] == ("full", "accepted")
    assert ("light", "accepted") in judged
    await standing(api, node.id, "stale")
    await standing(api, node.id, "rejected")
    with agent("run", state=node.folder) as process:
        await standing(api, node.id, "accepted")
        process.terminate()
        assert await asyncio.to_thread(process.wait) == 0


async def test_the_agent_of_a_revoked_node_ends_and_says_why(api: Api, tmp_path: Path) -> None:
    node = await join(api, tmp_path / "n", software=True)
    await use_lively_policy(api)
    with agent("run", state=node.folder) as process:
        await standing(api, node.id, "accepted")
        body = {"reason": "sold"}
        answer = await api.post(f"/v1/nodes/{node.id}/revoke", body, as_=Role.OPERATOR)
        assert answer.status_code in (200, 201), answer.text
        _, said = await asyncio.to_thread(process.communicate)
    assert process.returncode == 1  # after which its service is not started again
    assert said.splitlines()[-1].startswith(b"NODE_REVOKED")
    status = node.state.status()
    assert status is not None
    assert (status.error, status.next_at) == ("NODE_REVOKED", None)
