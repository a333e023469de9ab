"""Who writes first, what a budget lets out and whose hour it is, on a real Postgres, with claims that race (Show 6)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from activities.channels.base import Provider
from activities.deliver.claim import Claim, Claims, Later, key_of
from activities.gate.habits import Population
from journeys.contracts import Channel, DeliverRequest, Outcome, Purpose, Reason, Receipt
from journeys.gate.order import TURN
from store import Database, connect
from store.deliveries import ledger
from store.deliveries.ledger import Settlement
from store.runs.views import Run
from tests.activities.test_deliver import claimed
from tests.extent import scaled
from workers.testing.shop import Shop, open_shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="sending_catalogue", serve=False) as opened:
        yield opened


async def start(shop: Shop, journey: str, user: str = "ana") -> Run:
    answer = await shop.operate("POST", f"/v1/journeys/{journey}/runs", json={"customer": {"user_id": user}})
    assert answer.status_code == 201, answer.text
    (run,) = [run for run in await shop.runs(journey) if str(run.id) == answer.json()["id"]]
    return run


def request(run: Run, channel: Channel, **more: Any) -> DeliverRequest:
    told = {"run_id": run.id, "journey": run.journey, "step": f"{channel}:note", "occurrence": 1, "channel": channel}
    due = {"due_at": run.entered_at, "useless_after": run.entered_at + 12 * HOUR}
    return DeliverRequest.model_validate(told | due | {"template": "note", "purpose": Purpose.MARKETING} | more)


@dataclass(frozen=True)
class Worker:
    """A worker that claims for the first provider of each channel."""

    claims: Claims

    async def claim(self, asked: DeliverRequest, now: datetime) -> object:
        return await self.claims.claim(asked, now, self._provider(asked))

    async def put_off(self, asked: DeliverRequest, now: datetime, why: Later) -> object:
        return await self.claims.put_off(asked, now, self._provider(asked), why)

    def _provider(self, asked: DeliverRequest) -> Provider:
        return self.claims.carriers[asked.channel].all[0]


@pytest.fixture
async def workers(shop: Shop, dsn: str) -> AsyncIterator[list[Worker]]:
    """Three workers' claims, each with connections of its own."""
    claims = shop.parts.delivery.claims
    databases = [await connect(dsn, max_size=3) for _ in range(3)]
    yield [Worker(replace(claims, database=each, lanes={})) for each in databases]
    for each in databases:
        await each.close()


async def test_no_order_of_arrival_lets_the_lower_one_take_the_place_of_the_higher_one(
    shop: Shop, workers: list[Worker]
) -> None:
    """Within a second each comes to another worker; the lower one comes back when it was told to."""
    draw = Random("order")
    for n in range(scaled(8, 200)):
        await shop.signs_up(f"c{n}")
        low, high = await start(shop, "chatter", f"c{n}"), await start(shop, "headline", f"c{n}")
        now = high.entered_at
        asked = [(request(low, Channel.EMAIL), draw.random()), (request(high, Channel.PUSH), draw.random())]
        if n % 4:
            asked.sort(key=lambda each: each[1])
            first, then = [await draw.choice(workers).claim(a, now + timedelta(seconds=s)) for a, s in asked]
        else:
            first, then = await asyncio.gather(*(w.claim(a, now) for w, (a, _) in zip(workers, asked, strict=False)))
        answers = {a.journey: each for (a, _), each in zip(asked, (first, then), strict=True)}
        assert isinstance(answers["headline"], Claim)
        waits = answers["chatter"]
        assert isinstance(waits, Receipt)
        assert waits.reason in {Reason.TURN, Reason.CAPPED}
        if waits.reason is Reason.TURN:
            assert waits.retry_at
            again = await draw.choice(workers).claim(request(low, Channel.EMAIL), waits.retry_at)
            assert isinstance(again, Receipt)
            assert (again.outcome, again.reason) == (Outcome.DEFERRED, Reason.CAPPED)


async def test_a_message_whose_provider_is_busy_keeps_its_place_while_somebody_tries(shop: Shop, workers: list[Worker]) -> None:
    await shop.signs_up("ana")
    low, high = await start(shop, "chatter"), await start(shop, "headline")
    now = high.entered_at
    await workers[0].put_off(request(high, Channel.PUSH), now, Later("busy", timedelta(seconds=30)))
    held = await workers[1].claim(request(low, Channel.EMAIL), now + timedelta(seconds=1))
    assert isinstance(held, Receipt)
    assert (held.outcome, held.reason) == (Outcome.DEFERRED, Reason.OUTRANKED)
    row = await shop.database.pool.fetchval("select detail from delivery where journey = 'chatter'")
    assert row["journeys"] == ["headline"]
    later = now + timedelta(minutes=11)
    alone = await workers[1].claim(request(low, Channel.EMAIL), later)
    assert isinstance(alone, Receipt)
    assert alone.reason is Reason.TURN, "nobody has tried for ten minutes; it may still come"
    assert isinstance(await workers[1].claim(request(low, Channel.EMAIL), later + TURN), Claim)


async def test_a_run_whose_workers_are_behind_is_waited_for_again_but_not_for_ever(shop: Shop, workers: list[Worker]) -> None:
    """Both were to begin ten minutes after they had entered; of the higher one nothing is heard."""
    await shop.signs_up("ana")
    low, high = await start(shop, "chatter"), await start(shop, "headline")
    await shop.look()  # it is told Temporal when they begin
    due = high.entered_at + timedelta(minutes=10)
    asked = request(low, Channel.EMAIL)
    for seconds in (0, 2, 4, 30):
        waits = await workers[0].claim(asked, due + timedelta(seconds=seconds))
        assert isinstance(waits, Receipt)
        assert waits.reason is Reason.TURN
    assert isinstance(await workers[0].claim(asked, due + timedelta(seconds=61)), Claim)


async def test_a_run_that_is_over_keeps_no_place(shop: Shop, workers: list[Worker]) -> None:
    await shop.signs_up("ana")
    low, high = await start(shop, "chatter"), await start(shop, "headline")
    await workers[0].put_off(request(high, Channel.PUSH), high.entered_at, Later("busy"))
    await shop.operate("POST", f"/v1/runs/{high.id}/end")
    assert isinstance(await workers[1].claim(request(low, Channel.EMAIL), high.entered_at), Claim)


async def test_a_budget_is_exact_under_three_racing_workers_and_what_failed_for_certain_is_given_back(
    shop: Shop, workers: list[Worker]
) -> None:
    runs = []
    for n in range(16):
        await shop.signs_up(f"c{n}", channels=("push",))
        runs.append(await start(shop, "thrifty", f"c{n}"))
    now = shop.clock.now()
    asked = [request(run, Channel.PUSH, useless_after=now + 2 * DAY) for run in runs]
    asked, more, last = asked[:12], asked[12:15], asked[15]
    answers = await asyncio.gather(*(workers[n % 3].claim(each, now) for n, each in enumerate(asked)))
    claims = [(each, a) for each, a in zip(asked, answers, strict=True) if isinstance(a, Claim)]
    assert len(claims) == 5
    refused = Counter((a.outcome, a.reason) for a in answers if isinstance(a, Receipt))
    assert refused == {(Outcome.SKIPPED, Reason.BUDGET): 7}
    assert await budget(shop) == (5, 5, 0)
    for (each, claim), state in zip(claims, ("released", "failed", "unconfirmed", "sent", "claimed"), strict=True):
        settlement = Settlement(state, now, refused=state in ("released", "failed"))
        await ledger.settle(shop.database, key_of(each), settlement, claim.row.attempts)
    assert await budget(shop) == (5, 3, 2)
    again = await workers[0].claim(claims[0][0], now)
    assert isinstance(again, Claim)
    answers = await asyncio.gather(*(worker.claim(each, now) for worker, each in zip(workers, more, strict=True)))
    assert sum(isinstance(each, Claim) for each in answers) == 1
    assert isinstance(await workers[2].claim(last, now + DAY), Claim), "tomorrow there are five again"


async def budget(shop: Shop) -> tuple[float, float, float]:
    """What operators see."""
    (found,) = [j["budget"] for j in (await shop.operate("GET", "/v1/journeys")).json() if j["name"] == "thrifty"]
    return found["limit"], found["used"], found["left"]


async def test_money_is_counted_by_what_each_channel_costs(shop: Shop, workers: list[Worker]) -> None:
    order = (Channel.WHATSAPP, Channel.WHATSAPP, Channel.WHATSAPP, Channel.EMAIL, Channel.EMAIL, Channel.EMAIL)
    taken = []
    for n, channel in enumerate(order):
        await shop.signs_up(f"c{n}")
        run = await start(shop, "shoestring", f"c{n}")
        taken.append(isinstance(await workers[n % 3].claim(request(run, channel), run.entered_at), Claim))
    assert taken == [True, True, False, True, True, False], "0.15, 0.15, 0.02 and 0.02 of 0.34"


async def test_habits_are_looked_up_for_whom_there_are_some_and_by_whose_hands(shop: Shop) -> None:
    """Ana reads at eight in the evening of her own clock; Bea's mail proxy does; of Cleo nothing is known."""
    now = datetime.fromisoformat("2026-03-03T09:00:00Z")
    shop.clock.set(now)
    for name in ("ana", "bea", "cleo"):
        await shop.signs_up(name, timezone="Asia/Kolkata")
    for n in range(1, 6):
        evening = now - n * DAY + 5.6 * HOUR  # 20:06 in Kolkata
        await shop.send("track", userId="ana", event="Product Viewed", timestamp=evening.isoformat())
        proxied = {"event": "Message Read", "properties": {"machine": True}}
        await shop.send("track", userId="bea", timestamp=evening.isoformat(), **proxied)
    answers = {name: await at_their_hour(shop, name, now) for name in ("ana", "bea", "cleo")}
    assert isinstance(answers["bea"], Claim)
    assert isinstance(answers["cleo"], Claim)
    hers = answers["ana"]
    assert isinstance(hers, Receipt)
    assert (hers.outcome, hers.reason) == (Outcome.DEFERRED, Reason.HABIT)
    assert hers.retry_at == datetime.fromisoformat("2026-03-03T14:30:00Z")
    assert await shop.database.pool.fetchval("select shares is null from population_hours"), "somebody asks for them now"


async def at_their_hour(shop: Shop, user: str, now: datetime) -> Claim | Later | Receipt:
    asked = request(await start(shop, "at_your_hour", user), Channel.EMAIL, useless_after=now + 2 * DAY, due_at=now)
    told = await claimed(shop.parts.delivery, asked, now)
    assert isinstance(told, Claim | Later | Receipt)
    return told


async def test_the_habits_of_all_are_the_mean_of_theirs_and_taken_once_a_day(shop: Shop) -> None:
    """Of 24 customers a quarter is active at 09:00 and the rest at 21:00 of their own clocks, some of them very much."""
    now = datetime.fromisoformat("2026-03-03T00:00:00Z")
    shop.clock.set(now)
    for n in range(24):
        zone, ahead = (("Asia/Tokyo", 9), ("America/New_York", -5))[n % 2]
        await shop.signs_up(f"c{n}", timezone=zone)
        hour = 9 if n < 6 else 21
        local = [(day, hour) for day in range(2, 8 if n % 3 else 40)]
        calls = [
            {
                "type": "track", "messageId": f"{n}-{day}", "userId": f"c{n}", "event": "Product Viewed",
                "timestamp": (now - day * DAY + (hour - ahead) * HOUR).isoformat(),
            }
            for day, hour in local
        ]  # fmt: skip
        await shop.send("batch", batch=calls)
    population = Population(shop.database, shop.clock)
    await population.renew()
    assert await shop.database.pool.fetchval("select count(*) from population_hours") == 0, "nobody asks"
    await shop.database.pool.execute("insert into population_hours default values")
    await population.renew()
    shares = await shop.database.pool.fetchval("select shares from population_hours")
    assert {hour: share for hour, share in enumerate(shares) if share} == pytest.approx({9: 0.25, 21: 0.75})
    await shop.database.pool.execute("delete from event")
    await population.renew()
    assert await shop.database.pool.fetchval("select shares from population_hours") == shares
