"""Limits of providers: a pace over all workers, an exact ceiling of the day, a warming up, and what waits for none of it."""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.exceptions import ApplicationError

from activities.channels.carriers import Carriers
from activities.channels.message import Accepted, Outgoing
from activities.deliver.deliver import Delivery
from activities.deliver.limits import CEILING_CHECK, LONGEST_BACK, Limits
from activities.deliver.pacing import ROOM, Pacing
from journeys.contracts import Channel, DeliverRequest, Purpose, Receipt
from store.deliveries.providers import Limit, carried, drop_limit, set_limit, stopped, used
from store.runs.views import Run
from tests.activities.test_deliver import start
from tests.activities.test_doubt import row
from tests.activities.test_failover import LATER, Moody, by, letter
from workers.testing.shop import Shop

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
async def run(trial: Shop) -> Run:
    await trial.signs_up("ana")
    return await start(trial, "while_vip")


async def limited(trial: Shop, *limits: Limit) -> None:
    for each in limits:
        await set_limit(trial.database, each, NOW, "olga")


def delivery(trial: Shop, *providers: Moody) -> Delivery:
    """A worker of its own, which has asked for no limits yet."""
    return replace(by(trial, *providers), limits=Limits(trial.database))


async def outcomes(working: Sequence[Delivery], run: Run, count: int, **how: Any) -> list[str]:
    asked = [letter(run, n, **how) for n in range(1, count + 1)]
    told = await asyncio.gather(*(as_temporal(working[n % len(working)], each) for n, each in enumerate(asked)))
    return [f"{each.outcome.value}{f': {each.reason.value}' if each.reason else ''}" for each in told]


async def as_temporal(working: Delivery, asked: DeliverRequest) -> Receipt:
    """Tried again when the attempt asks to be."""
    while True:
        try:
            return await working.deliver(asked)
        except ApplicationError as error:
            await asyncio.sleep((error.next_retry_delay or timedelta(seconds=1)).total_seconds())


async def test_a_quota_of_the_day_is_exact_with_many_workers_and_the_rest_waits_for_tomorrow(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one", per_day=7))
    workers = [delivery(trial, Moody("one")) for _ in range(4)]
    told = await outcomes(workers, run, 20)
    assert (told.count("sent"), len(told)) == (7, 20)
    others = {each for each in told if each != "sent"}
    tomorrow = datetime.combine(run.entered_at.date() + timedelta(days=1), datetime.min.time(), UTC)
    in_time = tomorrow < letter(run, 1).useless_after
    assert others == {
        "deferred: the provider's quota of the day" if in_time else "skipped: no allowed instant before its deadline"
    }
    waits = [each for each in [await row(trial, letter(run, n)) for n in range(1, 21)] if each["state"] == "deferred"]
    assert all(run.entered_at < each["retry_at"] <= tomorrow for each in waits)
    assert await used(trial.database, run.entered_at.date()) == {"one": (7, 0)}


async def test_what_went_before_a_quota_was_set_counts_in_it(trial: Shop, run: Run) -> None:
    free = delivery(trial, Moody("one", told={"*": []}))
    for n in range(1, 6):
        assert (await free.deliver(letter(run, n, Purpose.TRANSACTIONAL if n == 5 else Purpose.MARKETING))).sent
    with pytest.raises(ApplicationError):
        await delivery(trial, Moody("one", told={"*": [LATER]})).deliver(letter(run, 9))
    now = await trial.database.pool.fetchval("select max(claimed_at) from delivery")
    await set_limit(trial.database, Limit("one", per_day=6), now, "olga")
    assert await used(trial.database, now.astimezone(UTC).date()) == {"one": (4, 1)}
    told = await outcomes([delivery(trial, Moody("one"))], run, 8)
    assert told.count("sent") == 6, "five that went before, and one more"
    await set_limit(trial.database, Limit("one", per_day=7), now, "olga")
    assert sum((await used(trial.database, now.astimezone(UTC).date()))["one"]) == 6, "what was counted is not counted anew"


async def test_what_is_no_marketing_waits_for_no_ceiling_and_counts(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one", per_day=1))
    told = await outcomes([delivery(trial, Moody("one"))], run, 5, purpose=Purpose.TRANSACTIONAL)
    assert told == ["sent"] * 5
    assert await used(trial.database, run.entered_at.date()) == {"one": (0, 5)}
    assert not (await delivery(trial, Moody("one")).deliver(letter(run, 6))).sent


async def test_beyond_the_ceiling_of_one_another_carries(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one", per_day=2))
    one, two = Moody("one"), Moody("two")
    working = delivery(trial, one, two)
    for n in range(1, 6):
        assert (await working.deliver(letter(run, n))).sent
    assert (one.arrived.total(), two.arrived.total()) == (2, 3)


async def test_a_message_waits_for_one_that_is_busy_and_not_for_tomorrow(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("two", per_day=0))
    working = delivery(trial, Moody("one", told={"*": [LATER]}), Moody("two"))
    with pytest.raises(ApplicationError, match="busy; two has reached a ceiling of its day"):
        await working.deliver(letter(run, 1))
    assert (await row(trial, letter(run, 1)))["state"] == "released"
    assert (await working.deliver(letter(run, 1))).sent


async def test_what_was_not_accepted_is_given_back_and_what_may_have_been_is_not(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one", per_day=2))
    one = Moody("one", told={"*": [LATER, LATER, "accepts, and its answer is lost"]})
    working = delivery(trial, one)
    for _ in range(2):
        with pytest.raises(ApplicationError):
            await working.deliver(letter(run, 1))
    assert (await working.deliver(letter(run, 1))).outcome == "unconfirmed"
    assert await used(trial.database, run.entered_at.date()) == {"one": (1, 0)}


async def test_a_sender_has_limits_of_its_own(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one/shop.example", per_day=1), Limit("one/shop.es", per_day=0))
    working = delivery(trial, Spanish("one"))
    assert [(await working.deliver(letter(run, n))).sent for n in (1, 2)] == [True, False]


def test_a_warming_up_has_a_ceiling_a_day_and_then_none() -> None:
    day = NOW.date()
    limit = Limit("ses/shop.example", per_day=300, warm_up=(50, 100, 500), warm_up_from=day)
    told = [limit.ceiling(day + timedelta(days=n)) for n in (-1, 0, 1, 2, 3)]
    assert told == [0, 50, 100, 300, 300]
    assert Limit("ses", warm_up=(50,), warm_up_from=day).ceiling(day + timedelta(days=1)) is None


async def test_marketing_beyond_the_warming_up_is_deferred_with_that_reason(trial: Shop, run: Run) -> None:
    day = run.entered_at.date()
    await limited(trial, Limit("one", per_day=100, warm_up=(2, 4), warm_up_from=day))
    working = delivery(trial, Moody("one"))
    patient = [
        each.model_copy(update={"useless_after": each.due_at + timedelta(days=3)})
        for each in (letter(run, n) for n in range(1, 6))
    ]
    told = [await working.deliver(each) for each in patient]
    assert [each.reason and each.reason.value for each in told] == [None, None] + ["the provider is warming up"] * 3
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
    assert {each.retry_at for each in told[2:]} == {min(midnight, patient[2].due_at + CEILING_CHECK)}
    late = replace(working, clock=lambda _: midnight - timedelta(minutes=1))
    assert (await late.deliver(patient[2])).retry_at == midnight, "not past the day that lets it go"
    tomorrow = replace(working, clock=lambda _: datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC))
    assert [(await tomorrow.deliver(each)).sent for each in patient[2:]] == [True] * 3


async def test_a_lifted_ceiling_lets_go_what_waited_for_it_before_the_day_is_over(trial: Shop, run: Run) -> None:
    noon = datetime.combine(run.entered_at.date(), datetime.min.time(), UTC) + timedelta(days=1, hours=12)
    asked = letter(run, 1).model_copy(update={"useless_after": noon + timedelta(days=3)})
    await limited(trial, Limit("one", per_day=0))
    told = await replace(delivery(trial, Moody("one")), clock=lambda _: noon).deliver(asked)
    assert (told.outcome.value, told.retry_at) == ("deferred", noon + timedelta(minutes=30))
    assert await drop_limit(trial.database, "one")
    again = told.retry_at
    assert again
    assert (await replace(delivery(trial, Moody("one")), clock=lambda _: again).deliver(asked)).sent


async def test_a_pace_holds_over_workers_and_what_is_no_marketing_does_not_wait_for_it(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one", per_second=20))
    workers = [delivery(trial, Moody("one")) for _ in range(3)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    marketing = asyncio.create_task(outcomes(workers, run, 30))
    await asyncio.sleep(0.1)
    assert (await workers[0].deliver(letter(run, 31, Purpose.TRANSACTIONAL))).sent
    urgent = loop.time() - began
    assert await marketing == ["sent"] * 30
    assert loop.time() - began >= 29 / 20, "30 at 20 a second"
    assert urgent < loop.time() - began


@dataclass(eq=False)
class Spanish(Moody):
    """Two senders; it notes when a message arrives, and how many hold a way to it."""

    at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    held: int = 0

    @property
    def senders(self) -> frozenset[str]:
        return frozenset({"shop.es", "shop.example"})

    def number(self, address: str) -> str:
        return "shop.es" if address.endswith(".es") else "shop.example"

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[Moody]:
        async with super().ready() as line:
            self.held += 1
            try:
                yield line
            finally:
                self.held -= 1

    async def send(self, outgoing: Outgoing) -> Accepted:
        self.at[self.number(outgoing.address.value)].append(time.monotonic())
        return await super().send(outgoing)


async def test_a_senders_pace_holds_over_workers_and_is_no_other_senders(trial: Shop, run: Run) -> None:
    await trial.signs_up("eva", email="eva@correo.es")
    eva = await start(trial, "while_vip", "eva")
    await limited(trial, Limit("one/shop.example", per_second=8))
    one = Spanish("one")
    workers = [delivery(trial, one) for _ in range(3)]
    paced = asyncio.create_task(outcomes(workers, run, 16))
    assert await outcomes(workers, eva, 4) == ["sent"] * 4
    assert len(one.at["shop.example"]) < 16
    assert await paced == ["sent"] * 16
    first, *_, last = sorted(one.at["shop.example"])
    assert last - first >= 14 / 8, "16 at 8 a second, and one that was on its way"
    assert one.arrived.total() == 20
    assert {(await row(trial, letter(run, n)))["attempts"] for n in range(1, 17)} == {1}


async def test_who_waits_for_a_senders_turn_has_nothing_in_hand(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one/shop.example", per_second=1.2))
    one = Spanish("one")
    working = delivery(trial, one)
    assert (await working.deliver(letter(run, 1))).sent
    waiting = asyncio.create_task(working.deliver(letter(run, 2)))
    async with asyncio.timeout(10):
        while await taken(trial) < 2:  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0.005)
    pool = trial.database.pool
    async with asyncio.timeout(10):
        while pool.get_idle_size() < pool.get_size() or one.held:
            assert not waiting.done()
            await asyncio.sleep(0.005)
    assert not waiting.done(), "it waits without a connection and without a way to the provider"
    assert (await working.deliver(letter(run, 3, Purpose.TRANSACTIONAL))).sent
    assert (await waiting).sent


async def test_another_pace_holds_at_once_for_whoever_comes(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one/shop.example", per_second=0.002))
    working = delivery(trial, Spanish("one"))
    assert (await working.deliver(letter(run, 1))).sent
    with pytest.raises(ApplicationError, match="and others wait") as told:
        await working.deliver(letter(run, 2))
    assert told.value.next_retry_delay is not None
    assert timedelta(0) <= LONGEST_BACK - told.value.next_retry_delay < timedelta(seconds=1), "not 500 s"
    await limited(trial, Limit("one/shop.example", per_second=50))
    working.limits._asked_at = 0.0  # as two seconds later
    assert (await working.deliver(letter(run, 2))).sent


async def test_who_is_sent_back_comes_back_one_after_the_other(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one/shop.example", per_second=0.5))
    working = delivery(trial, Spanish("one"))
    assert (await working.deliver(letter(run, 1))).sent
    pauses = []
    for n in range(2, 6):
        with pytest.raises(ApplicationError) as told:
            await working.deliver(letter(run, n))
        assert told.value.next_retry_delay is not None
        pauses.append(told.value.next_retry_delay.total_seconds())
    assert all(later - before > 1 for before, later in pairwise(pauses)), pauses


async def taken(trial: Shop) -> int:
    """How many turns of the sender's have been given out, of those a little more than a second apart."""
    left = "select extract(epoch from next_at - clock_timestamp()) * 1.2 from provider_pace where who = 'one/shop.example'"
    return 2 if (await trial.database.pool.fetchval(left) or 0) > 1 else 1


async def test_what_is_no_marketing_does_not_wait_for_marketing_at_the_gate(trial: Shop, run: Run) -> None:
    working = replace(delivery(trial, Moody("one")), marketing=asyncio.Semaphore(1))
    async with working.marketing:
        marketing = asyncio.create_task(working.deliver(letter(run, 1)))
        assert (await working.deliver(letter(run, 2, purpose=Purpose.TRANSACTIONAL))).sent
        assert not marketing.done()
    assert (await marketing).sent


async def test_whose_turn_is_far_off_is_tried_again_and_holds_no_place(trial: Shop, run: Run) -> None:
    await limited(trial, Limit("one", per_second=0.1))
    working = delivery(trial, Moody("one"))
    assert (await working.deliver(letter(run, 1))).sent
    with pytest.raises(ApplicationError, match="others wait"):
        await working.deliver(letter(run, 2))
    assert (await row(trial, letter(run, 2)))["attempts"] == 0


async def test_temporals_queue_keeps_the_pace_too_where_all_its_providers_have_one(trial: Shop) -> None:
    channels = {Channel.EMAIL: Carriers(Moody("one"), Moody("two"))}
    await limited(trial, Limit("one", per_second=3))
    pacing = Pacing(trial.client, channels, Limits(trial.database))
    await pacing.once()
    await told(trial, None)
    await limited(trial, Limit("two", per_second=4.5))
    await Pacing(trial.client, channels, Limits(trial.database)).once()
    await told(trial, ROOM + 7.5)
    await limited(trial, Limit("two"))
    await Pacing(trial.client, channels, Limits(trial.database)).once()
    await told(trial, None)


async def test_temporals_queue_keeps_the_pace_of_all_senders_together(trial: Shop) -> None:
    channels = {Channel.EMAIL: Carriers(Spanish("one"))}
    await limited(trial, Limit("one/shop.es", per_second=3))
    await Pacing(trial.client, channels, Limits(trial.database)).once()
    await told(trial, None)
    await limited(trial, Limit("one/shop.example", per_second=4))
    await Pacing(trial.client, channels, Limits(trial.database)).once()
    await told(trial, ROOM + 7)
    await limited(trial, Limit("one", per_second=5))
    await Pacing(trial.client, channels, Limits(trial.database)).once()
    await told(trial, ROOM + 5)


async def told(trial: Shop, rate: float | None) -> None:
    """Wait until Temporal says so: it may answer with what was before for a moment."""
    async with asyncio.timeout(20):
        while await rate_of(trial) != rate:  # noqa: ASYNC110 - Temporal tells nobody
            await asyncio.sleep(0.05)


async def rate_of(trial: Shop) -> float | None:
    asked = DescribeTaskQueueRequest(
        namespace=trial.client.namespace,
        task_queue=TaskQueue(name="deliver-email"),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        report_config=True,
    )
    config = (await trial.client.workflow_service.describe_task_queue(asked)).config.queue_rate_limit
    return config.rate_limit.requests_per_second if config.HasField("rate_limit") else None


@pytest.mark.parametrize(
    ("limit", "wrong"),
    [
        (
            Limit("two", per_second=1e-14),
            "a pace is 0.001 to 10,000 messages a second; to stop marketing altogether set a quota of 0 a day",
        ),
        (Limit("two", per_second=math.nan), "a pace is 0.001"),
        (Limit("two", per_second=math.inf), "a pace is 0.001"),
        (Limit("two", per_day=10**20), "a day has 0 to 1,000,000,000 messages"),
        (Limit("two", warm_up=(1, 10**20)), "a day has 0 to 1,000,000,000 messages"),
        (Limit("two", warm_up=(1,) * 367), "a warming up takes 366 days at most"),
        (Limit("two"), "say what holds"),
        (Limit("a b", per_day=1), "name a provider, or provider/sender"),
    ],
)
def test_what_cannot_be_a_limit_is_told_why(limit: Limit, wrong: str) -> None:
    (told,) = limit.wrong()
    assert told.startswith(wrong)
    assert list(Limit("twilio/+34600000001", per_second=0.001, per_day=0, warm_up=(0, 5)).wrong()) == []


async def test_operators_see_and_set_all_of_it(trial: Shop, run: Run) -> None:
    one = Moody("one", told={"*": [LATER] * 12})
    working = delivery(trial, one, Moody("two"))
    for n in range(1, 13):
        assert (await working.deliver(letter(run, n))).sent
    [told] = await stopped(trial.database)
    assert (told.provider, told.workers) == ("one", 1)
    body = {"per_second": 2.5, "per_day": 9, "warm_up": [5, 10]}
    answer = await trial.operate("PUT", "/v1/providers/two/limits", json=body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["today"], answer.json()["per_second"]) == (5, 2.5)
    found = (await trial.operate("GET", "/v1/providers")).json()
    assert [each["provider"] for each in found["stopped"]] == ["one"]
    assert "messages failed, the last one with: busy" in found["stopped"][0]["reason"]
    assert {each["provider"]: each["accepted"] for each in found["carried"]} == {"two": 12}
    assert (await trial.operate("DELETE", "/v1/providers/two/limits")).status_code == 204
    assert (await trial.operate("DELETE", "/v1/providers/two/limits")).status_code == 404
    for name, wrong, why in (
        ("Two!", {"per_day": 1}, "name a provider"),
        ("two", {}, "say what holds"),
        ("whatsap", {"per_day": 1}, "no provider is called whatsap"),
    ):
        refused = await trial.operate("PUT", f"/v1/providers/{name}/limits", json=wrong)
        assert (refused.status_code, why in refused.json()["detail"]) == (422, True), refused.text
    one.told.clear()
    working.carriers[Channel.EMAIL].breakers["one"].clock = lambda: 1e12
    assert (await working.deliver(letter(run, 13))).sent
    assert await stopped(trial.database) == []
    assert [each.provider for each in await carried(trial.database, run.entered_at - timedelta(days=1))] == ["one", "two"]
