"""A breaker opens on too many failures or refusals in a row, lets one message ask again, and closes when it was taken."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from activities.channels.base import Sends
from activities.channels.breaker import FIRST, IN_A_ROW, LEAST, MOST, WINDOW, Breaker
from activities.channels.carriers import Carriers
from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater, Unable
from activities.channels.message import Accepted, Outgoing, SmsContent
from tests.activities.channels.outgoing import to

TEXT = SmsContent(text="a", parts=1)


class Hand:
    """A clock that a test turns."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Ill(Sends):
    """A provider that does what `says` says."""

    name, idempotent, connections, tells_within = "ill", False, 1, timedelta(0)

    def __init__(self) -> None:
        self.says: ChannelError | None = None
        self.at_the_door: ChannelError | None = None
        self.asked = 0

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["Ill"]:
        if self.at_the_door:
            raise self.at_the_door
        yield self

    async def send(self, _: Outgoing) -> Accepted:  # type: ignore[override]  # it is its own line
        self.asked += 1
        if self.says:
            raise self.says
        return Accepted()

    async def close(self) -> None:
        return


class Case:
    """A provider behind its breaker, and a clock."""

    def __init__(self) -> None:
        self.provider, self.clock = Ill(), Hand()
        self.carriers = Carriers(self.provider)
        self.breaker = self.carriers.breakers["ill"]
        self.breaker.clock = self.clock

    async def send(self, times: int = 1) -> ChannelError | None:
        last: ChannelError | None = None
        for _ in range(times):
            try:
                async with self.carriers.ready(self.provider) as line:
                    await line.send(to("+34600111222", TEXT))
                last = None
            except ChannelError as error:
                last = error
        return last


@pytest.fixture
def case() -> Case:
    return Case()


@pytest.mark.parametrize("error", [TryLater("503"), Ambiguous("lost"), Unable("account")])
async def test_a_share_of_failures_opens_it_and_a_message_that_is_taken_closes_it(case: Case, error: ChannelError) -> None:
    await case.send(LEAST // 2)
    case.provider.says = error
    await case.send(LEAST // 2)
    assert case.provider.asked == LEAST
    assert (case.breaker.stopped is not None, case.breaker.news(), case.breaker.news()) == (True, True, False)
    refused = await case.send(5)
    assert isinstance(refused, TryLater)
    assert refused.retry_after == FIRST
    assert "5 of its last 10 messages failed" in refused.detail
    assert case.provider.asked == LEAST, "nobody asked it"
    case.clock.now += FIRST.total_seconds() + 1
    case.provider.says = None
    assert await case.send() is None
    assert (case.breaker.stopped, case.breaker.news()) == (None, True)


async def test_who_is_not_there_counts_as_failing(case: Case) -> None:
    case.provider.at_the_door = TryLater("no connection")
    await case.send(LEAST)
    assert case.breaker.stopped is not None


async def test_a_few_failures_among_many_or_long_ago_open_nothing(case: Case) -> None:
    for _ in range(30):
        case.provider.says = None
        await case.send(2)
        case.provider.says = TryLater("busy")
        await case.send()
    assert case.breaker.stopped is None
    case.clock.now += WINDOW + 1
    await case.send(LEAST - 1)
    assert case.breaker.stopped is None, "too few to know"


async def test_what_is_about_the_recipient_says_nothing_of_the_provider(case: Case) -> None:
    for error in (TryLater("mailbox full", theirs=True), EndpointGone("nobody")):
        case.provider.says = error
        await case.send(3 * IN_A_ROW)
    assert case.breaker.stopped is None


async def test_refusals_in_a_row_stop_it_and_one_that_is_taken_between_does_not(case: Case) -> None:
    case.provider.says = Refused("policy")
    await case.send(IN_A_ROW - 1)
    case.provider.says = None
    await case.send()
    case.provider.says = Refused("policy")
    await case.send(IN_A_ROW - 1)
    assert case.breaker.stopped is None
    assert isinstance(await case.send(), Refused)
    waits = await case.send()
    assert isinstance(waits, TryLater)
    assert "refused 20 messages in a row" in waits.detail


async def test_one_message_asks_while_the_others_wait_longer_each_time(case: Case) -> None:
    case.provider.says = TryLater("503")
    await case.send(LEAST)
    spans = []
    for _ in range(6):
        assert case.breaker.stopped
        spans.append(case.breaker.stopped.span)
        case.clock.now += spans[-1].total_seconds()
        async with case.carriers.ready(case.provider):
            assert isinstance(await case.send(), TryLater), "another one is asking"
        asked = case.provider.asked
        await case.send(3)
        assert case.provider.asked == asked + 1, "one that did not come to send asked nothing; the next one does"
    assert spans == sorted(spans)
    assert (spans[0], spans[1], spans[-1]) == (FIRST, FIRST * 2, MOST)


async def test_those_on_their_way_when_it_opened_do_not_count_again() -> None:
    breaker = Breaker("ill", Hand())
    for _ in range(5 * LEAST):
        breaker.heard(TryLater("503"))
    assert breaker.stopped
    assert breaker.stopped.span == FIRST
