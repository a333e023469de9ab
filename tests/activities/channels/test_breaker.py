"""A breaker opens on too many failures or refusals in a row, lets one message ask again, and closes when it was taken."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from activities.channels.base import Sends
from activities.channels.breaker import AHEAD, FIRST, IN_A_ROW, LEAST, MOST, WINDOW, Breaker
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

    async def send(self, times: int = 1, key: str = "") -> ChannelError | None:
        last: ChannelError | None = None
        for _ in range(times):
            outgoing = to("+34600111222", TEXT, key)
            try:
                async with self.carriers.ready(self.provider, outgoing.key) as line:
                    await line.send(outgoing)
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
    assert (spans[0], spans[1], spans[-1]) == (FIRST, FIRST * 2, MOST - AHEAD)


async def test_while_one_waits_for_its_answer_the_next_may_ask_a_minute_later(case: Case) -> None:
    """The slowest answer takes five minutes; the provider may be well again long before."""
    case.provider.says = TryLater("503")
    await case.send(LEAST)
    case.clock.now += FIRST.total_seconds()
    async with case.carriers.ready(case.provider, "slow"):
        case.clock.now += MOST.total_seconds() - 0.1
        assert isinstance(await case.send(), TryLater), "one is asking"
        case.clock.now += 0.1
        async with case.carriers.ready(case.provider, "next"):
            assert isinstance(await case.send(), TryLater), "the next one is asking"
        case.provider.says = None
        assert await case.send() is None
    assert case.breaker.stopped is None


async def test_who_leaves_late_does_not_end_the_question_of_whoever_asked_after_it(case: Case) -> None:
    case.provider.says = TryLater("503")
    await case.send(LEAST)
    case.clock.now += FIRST.total_seconds()
    slow = case.breaker.enter("slow")
    case.clock.now += MOST.total_seconds()
    assert case.breaker.enter("next") is not None
    case.breaker.leave(slow)
    assert isinstance(await case.send(), TryLater), "the next one is asking"


@pytest.mark.parametrize("error", [TryLater("429"), Ambiguous("lost"), Unable("account")])
async def test_a_message_that_fails_wherever_it_goes_keeps_the_provider_from_nobody(case: Case, error: ChannelError) -> None:
    """Its recipient is the trouble: others go first when it is asked how the provider is."""
    case.provider.says = error
    await case.send(LEAST, key="bad")
    case.clock.now += FIRST.total_seconds()
    assert isinstance(await case.send(key="bad"), TryLater), "whoever has not failed there goes first"
    asked = case.provider.asked
    case.provider.says = None
    assert await case.send(key="good") is None
    assert (case.provider.asked, case.breaker.stopped) == (asked + 1, None)


async def test_where_only_such_messages_are_left_they_ask_at_most_a_minute_apart(case: Case) -> None:
    case.provider.says = TryLater("429")
    await case.send(LEAST, key="bad")
    for _ in range(8):
        asked, before = case.provider.asked, case.clock.now
        waits = await case.send(key="bad")
        assert isinstance(waits, TryLater)
        assert waits.retry_after
        case.clock.now += waits.retry_after.total_seconds()
        await case.send(key="bad")
        assert (case.provider.asked, case.clock.now - before <= MOST.total_seconds()) == (asked + 1, True)


async def test_those_on_their_way_when_it_opened_do_not_count_again() -> None:
    breaker = Breaker("ill", Hand())
    for _ in range(5 * LEAST):
        breaker.heard(TryLater("503"))
    assert breaker.stopped
    assert breaker.stopped.span == FIRST
