"""The work of many callers in one commit: each gets what came of its own, whatever others did."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.gathering import Gathered

pytestmark = pytest.mark.anyio
TENANT = uuid4()
PATIENCE = 10


class Commits:
    """Doubles numbers, slowly; some it refuses, and of some it says that they are refused."""

    def __init__(self, *, raises: Sequence[int] = (), returns: Sequence[int] = ()) -> None:
        self.raises, self.returns = raises, returns
        self.kind, self.code = Kind.CONFLICT, "NODE_STATE_CHANGED"
        self.done: list[tuple[UUID, list[int]]] = []
        self.now = self.most = 0

    async def __call__(self, tenant: UUID, work: Sequence[int]) -> list[int | LotaError]:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            if any(one in self.raises for one in work):
                raise LotaError(self.kind, self.code, "refused")
            self.done.append((tenant, list(work)))
            return [self._said(one) for one in work]
        finally:
            self.now -= 1

    def _said(self, one: int) -> int | LotaError:
        return LotaError(Kind.CONFLICT, "SAID", "refused") if one in self.returns else one * 2

    def gathered(self, most: int = 8, at_once: int = 1) -> Gathered[int, int]:
        return Gathered(self, most=most, at_once=at_once)


async def come(gathered: Gathered[int, int], numbers: Sequence[int]) -> list[int | str]:
    """What each caller got: the number, or the code of its error. Nothing is left afterwards."""
    async with asyncio.timeout(PATIENCE):
        came = await asyncio.gather(
            *(gathered.add(TENANT, one) for one in numbers), return_exceptions=True
        )
    await asyncio.sleep(0)
    assert gathered.idle
    return [one.code if isinstance(one, LotaError) else one for one in came]  # type: ignore[misc]


async def test_who_comes_together_is_committed_together() -> None:
    commits = Commits()
    assert await come(commits.gathered(), range(20)) == [2 * one for one in range(20)]
    assert [len(work) for _, work in commits.done] == [8, 8, 4]
    assert commits.most == 1


async def test_another_commit_begins_beside_one_only_for_as_many_as_are_worth_it() -> None:
    commits = Commits()
    gathered = Gathered(commits, most=8, at_once=3, worth=4)
    assert await come(gathered, range(4)) == [0, 2, 4, 6]
    assert commits.most == 1
    tasks = [asyncio.create_task(gathered.add(TENANT, 0))]
    await asyncio.sleep(0)  # it is on its way
    tasks += [asyncio.create_task(gathered.add(TENANT, one)) for one in range(1, 5)]
    assert await asyncio.gather(*tasks) == [0, 2, 4, 6, 8]
    assert [len(work) for _, work in commits.done[1:]] == [1, 4]


async def test_who_comes_alone_goes_at_once() -> None:
    commits = Commits()
    gathered = commits.gathered()
    assert [await gathered.add(TENANT, one) for one in range(3)] == [0, 2, 4]
    assert [work for _, work in commits.done] == [[0], [1], [2]]


async def test_each_tenant_has_its_own_commits() -> None:
    commits, other = Commits(), uuid4()
    gathered = commits.gathered()
    await asyncio.gather(gathered.add(TENANT, 1), gathered.add(other, 2), gathered.add(TENANT, 3))
    assert sorted(commits.done, key=lambda one: one[1]) == [(TENANT, [1, 3]), (other, [2])]


async def test_those_with_one_key_are_never_put_together() -> None:
    commits = Commits()
    gathered = Gathered(commits, most=8, at_once=1, key=lambda one: one % 3)
    assert await come(gathered, range(7)) == [2 * one for one in range(7)]
    assert [work for _, work in commits.done] == [[0, 1, 2], [3, 4, 5], [6]]


async def test_one_that_cannot_be_stored_takes_nobody_along() -> None:
    commits = Commits(raises=[3])
    came = await come(commits.gathered(), range(6))
    assert came == [0, 2, 4, "NODE_STATE_CHANGED", 8, 10]


async def test_what_is_refused_within_a_commit_is_told_to_its_caller_alone() -> None:
    commits = Commits(returns=[1, 4])
    assert await come(commits.gathered(), range(6)) == [0, "SAID", 4, 6, "SAID", 10]
    assert [work for _, work in commits.done] == [list(range(6))]


@pytest.mark.parametrize("code", ["DATABASE_UNAVAILABLE", "DATABASE_TIMEOUT"])
async def test_what_may_have_been_stored_is_not_tried_again(code: str) -> None:
    commits = Commits(raises=[3])
    commits.kind, commits.code = Kind.UNAVAILABLE, code
    assert await come(commits.gathered(), range(6)) == [code] * 6
    assert commits.done == []


async def test_a_commit_that_was_rolled_back_by_another_is_tried_one_by_one() -> None:
    commits = Commits(raises=[3])
    commits.kind, commits.code = Kind.UNAVAILABLE, "DATABASE_CONTENDED"
    assert await come(commits.gathered(), range(4)) == [0, 2, 4, "DATABASE_CONTENDED"]


async def test_a_caller_who_gives_up_takes_nobody_along() -> None:
    commits = Commits()
    gathered = commits.gathered()
    tasks = [asyncio.create_task(gathered.add(TENANT, one)) for one in range(6)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    came = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(came.pop(2), asyncio.CancelledError)
    assert came == [0, 2, 6, 8, 10]


@given(
    numbers=st.lists(st.integers(0, 20), max_size=30),
    raises=st.sets(st.integers(0, 20), max_size=4),
    returns=st.sets(st.integers(0, 20), max_size=4),
    most=st.integers(1, 8),
    at_once=st.integers(1, 3),
)
@settings(max_examples=60)
def test_everyone_gets_what_it_would_have_got_alone(
    numbers: list[int], raises: set[int], returns: set[int], most: int, at_once: int
) -> None:
    commits = Commits(raises=list(raises), returns=list(returns))

    def alone(one: int) -> int | str:
        return "NODE_STATE_CHANGED" if one in raises else "SAID" if one in returns else one * 2

    came = asyncio.run(come(commits.gathered(most, at_once), numbers))
    assert came == [alone(one) for one in numbers]
    assert sorted(one for _, work in commits.done for one in work) == sorted(
        one for one in numbers if one not in raises
    )
    assert commits.most <= at_once
