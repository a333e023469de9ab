"""How many calls a server is given: as many as it answers quickly, and one at a time where it is slow."""

import asyncio

import pytest

from activities.together import Lane, together


class _Server:
    """Answers each call after as long as it takes; counts how many there were side by side."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.now, self.most = seconds, 0, 0

    async def call(self, n: int) -> int:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
            if n < 0:
                raise ConnectionError
        finally:
            self.now -= 1
        return n


@pytest.mark.parametrize("gate", [3, Lane(most=3, quick=60)])
async def test_answers_stand_in_the_order_of_the_calls_and_no_more_are_made_at_once(gate: int | Lane) -> None:
    server = _Server(0)
    assert await together(map(server.call, range(50)), gate) == list(range(50))
    assert server.most == 3


async def test_a_slow_server_is_given_fewer_and_more_again_when_it_is_quick() -> None:
    lane, slow, quick = Lane(most=8, quick=60), _Server(0), _Server(0)
    await together(map(slow.call, range(50)), lane)
    assert lane.width == 8
    lane.quick = -1  # no answer is quick enough
    slow.most = 0
    await together(map(slow.call, range(20)), lane)
    assert lane.width == 1
    lane.quick = 60
    await together(map(quick.call, range(50)), lane)
    assert (lane.width, quick.most) == (8, 8)


async def test_eight_answers_of_the_same_slow_moment_narrow_it_once() -> None:
    lane, server = Lane(most=8, quick=60), _Server(0)
    await together(map(server.call, range(50)), lane)
    lane.quick = -1
    await together(map(server.call, range(8)), lane)
    assert lane.width == 4


async def test_a_call_that_fails_or_is_given_up_frees_its_turn() -> None:
    lane, server = Lane(most=1, quick=60), _Server(0)
    with pytest.raises(ConnectionError):
        await together(map(server.call, [1, -1, 2]), lane)
    waiting = asyncio.create_task(together(map(_Server(60).call, range(3)), lane))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(5):
        assert await together(map(server.call, range(3)), lane) == [0, 1, 2]
