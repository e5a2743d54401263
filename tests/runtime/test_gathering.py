"""Work that gathers is done together, and what is wrong with one item costs no other."""

import asyncio
from uuid import UUID, uuid4

import pytest

from lotabots.kernel import Kind, LotaError
from lotabots.runtime.gathering import Gathering

pytestmark = pytest.mark.anyio

TENANT = uuid4()


class Doubling:
    """Doubles numbers, once let; refuses a batch that holds a negative one."""

    def __init__(self, kind: Kind = Kind.INTERNAL) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.kind = kind

    async def done(self, _: UUID, items: list[int]) -> list[int]:
        self.batches.append(items)
        await self.open.wait()
        if any(item < 0 for item in items):
            raise LotaError(self.kind, "NEGATIVE", "A negative number.")
        return [2 * item for item in items]


async def put(gathering: Gathering[int, int], items: list[int]) -> list[int | BaseException]:
    return await asyncio.gather(
        *(gathering.put(TENANT, item) for item in items), return_exceptions=True
    )


async def test_who_comes_alone_does_not_wait_and_others_gather_meanwhile() -> None:
    work = Doubling()
    gathering = Gathering(work.done, most=3, at_once=1)
    waiting = asyncio.ensure_future(put(gathering, [1, 2, 3, 4, 5]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    work.open.set()
    assert await waiting == [2, 4, 6, 8, 10]
    assert [len(batch) for batch in work.batches] == [3, 2]
    assert gathering.idle


async def test_one_bad_item_costs_no_other_and_each_gets_its_own_error() -> None:
    work = Doubling()
    work.open.set()
    gathering = Gathering(work.done, most=10, at_once=1)
    one, two, three = await put(gathering, [1, -2, 3])
    assert (one, three) == (2, 6)
    assert isinstance(two, LotaError)
    assert two.code == "NEGATIVE"
    assert gathering.idle


async def test_what_is_unavailable_for_all_is_not_tried_for_each() -> None:
    work = Doubling(Kind.UNAVAILABLE)
    work.open.set()
    gathering = Gathering(work.done, most=10, at_once=1)
    results = await put(gathering, [1, -2, 3])
    assert all(isinstance(one, LotaError) for one in results)
    assert len(work.batches) == 1


async def test_a_caller_who_gives_up_takes_nobody_along() -> None:
    work = Doubling()
    gathering = Gathering(work.done, most=10, at_once=1)
    first, second = (asyncio.ensure_future(gathering.put(TENANT, item)) for item in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    work.open.set()
    assert await second == 4


@pytest.mark.parametrize(("count", "begun"), [(3, [1]), (4, [1, 4])])
async def test_more_is_begun_beside_others_only_for_as_many_as_are_worth_it(
    count: int, begun: list[int]
) -> None:
    work = Doubling()
    gathering = Gathering(work.done, most=8, at_once=3, worth=4)
    first = asyncio.ensure_future(put(gathering, [1]))
    for _ in range(3):
        await asyncio.sleep(0)
    others = asyncio.ensure_future(put(gathering, list(range(count))))
    for _ in range(3):
        await asyncio.sleep(0)
    assert [len(batch) for batch in work.batches] == begun
    work.open.set()
    assert await first == [2]
    assert await others == [2 * item for item in range(count)]
    assert gathering.idle
