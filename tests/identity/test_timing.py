"""That the time of a refused log-in does not tell whether the account exists."""

import math
from time import perf_counter
from uuid import uuid4

import pytest
from plugins.process import Tokens, calling

from lotabots import identity
from lotabots.kernel import Role
from lotabots.runtime.process import Process

pytestmark = [pytest.mark.anyio, pytest.mark.long]

TRIES = 400


def mann_whitney(first: list[float], second: list[float]) -> float:
    """The two-sided p-value (normal approximation) that both are of one distribution."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum = sum(rank for rank, (_, which) in enumerate(ranked, 1) if which == 0)
    n, m = len(first), len(second)
    mean, spread = n * (n + m + 1) / 2, math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(rank_sum - mean) / spread / math.sqrt(2))


async def test_a_wrong_password_takes_as_long_for_a_user_as_for_nobody(
    process: Process, tokens: Tokens
) -> None:
    name, nobody = f"u{uuid4().hex}", f"u{uuid4().hex}"
    user = {
        "username": name,
        "email": f"{name}@b.org",
        "password": "correct horse battery",
        "role": "viewer",
    }
    took: dict[str, list[float]] = {name: [], nobody: []}
    async with calling(process, [identity.service(process)]) as client:
        await client.post("/v1/users", json=user, headers=tokens.of(Role.OWNER))
        for turn in range(TRIES):
            for claimed in (name, nobody) if turn % 2 else (nobody, name):
                body = {"username": claimed, "password": "not the password"}
                started = perf_counter()
                answer = await client.post("/v1/login", json=body)
                took[claimed].append(perf_counter() - started)
                assert answer.json()["code"] == "LOGIN_FAILED"
    assert mann_whitney(took[name], took[nobody]) > 0.01
