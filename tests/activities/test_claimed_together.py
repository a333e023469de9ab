"""Messages that are claimed together: each gets the answer, and the row, that it gets alone, and none holds up another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from activities.channels import suppression_digest
from activities.deliver.claim import Ask, Claim, Claims
from activities.gate.facts import key_of
from activities.versions import OnlyOwn
from journeys.contracts import Cap, Channel, DeliverRequest, Receipt
from journeys.policies import GlobalHoldout
from store import Connection, Database
from store.deliveries import ledger
from store.deliveries.ledger import Entry, Settlement
from store.locks import Lock
from store.runs.views import Run
from tests.activities.test_sending import request, start
from tests.extent import scaled
from workers.testing.shop import Shop, open_shop

JOURNEYS = "headline", "office_hours", "an_hour_later", "at_your_hour"
STATES = "deferred", "released", "claimed", "sent", "unconfirmed", "skipped"
ZONES = "Asia/Tokyo", "Europe/Madrid", "America/Lima", "no zone"


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="sending_catalogue", serve=False) as opened:
        yield opened


@dataclass(frozen=True)
class Undone(Database):
    """Transactions that leave nothing, and what each of them would have left."""

    left: list[tuple[list[Any], list[Any]]] = field(default_factory=list)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.pool.acquire() as connection:
            begun = connection.transaction()
            await begun.start()
            try:
                yield connection
                rows = [await connection.fetch(f"select * from {table} order by 1, 2, 3") for table in ("delivery", "exposure")]
                self.left.append((rows[0], rows[1]))
            finally:
                await begun.rollback()


@dataclass(frozen=True)
class Who:
    """A customer and their run."""

    run: Run
    user: str


class Population:
    """Customers of whom each is in a run, with what may be in a message's way."""

    def __init__(self, shop: Shop, seed: str) -> None:
        self.shop, self.draw = shop, Random(seed)
        self.runs: list[Run] = []

    async def grows(self, number: int) -> None:
        obstacles: list[Callable[[Who], Coroutine[Any, Any, None]]] = [
            *(self.nothing, self.nothing, self.withdraws, self.is_suppressed, self.loses_the_phone, self.is_told_to_end),
            *(self.bought, self.got_another, self.was_tried, self.was_tried, self.is_about_to_get_another, self.is_erased),
        ]
        for n in range(number):
            user, zone = f"c{n}", self.draw.choice(ZONES)
            await self.shop.signs_up(user, channels=("push", "email"), timezone=zone)
            run = await start(self.shop, self.draw.choice(JOURNEYS), user)
            self.runs.append(run)
            for obstacle in sorted(self.draw.sample(obstacles, self.draw.choice((1, 1, 2))), key=obstacles.index):
                await obstacle(Who(run, user))

    async def nothing(self, who: Who) -> None:
        """Nothing is in the way."""

    async def withdraws(self, who: Who) -> None:
        await self.shop.send("identify", userId=who.user, context=self.shop.consents(who.user, ["push"], "UNSUBSCRIBED"))

    async def is_suppressed(self, who: Who) -> None:
        digest = suppression_digest(self.shop.parts.delivery.secret, "push", f"token-{who.user}")
        ends = self.draw.choice((None, self.shop.clock.now() + timedelta(hours=self.draw.choice((-1, 1)))))
        insert = "insert into suppression (channel, digest, scope, reason, at, expires_at)"
        await self.execute(
            f"{insert} values ('push', $1, 'marketing', 'told', $2, $3)",
            digest,
            self.shop.clock.now() - timedelta(days=1),
            ends,
        )

    async def loses_the_phone(self, who: Who) -> None:
        await self.execute(
            "update endpoint set invalid_at = now() where profile_id = $1 and channel = 'push'", who.run.profile_id
        )

    async def is_told_to_end(self, who: Who) -> None:
        await self.shop.operate("POST", f"/v1/runs/{who.run.id}/end")

    async def bought(self, who: Who) -> None:
        await self.shop.does(who.user, "Order Completed")

    async def got_another(self, who: Who) -> None:
        await self._another(
            who.user, state="sent", claimed_at=self.shop.clock.now() - timedelta(hours=self.draw.choice((1, 5)))
        )

    async def is_about_to_get_another(self, who: Who) -> None:
        await self._another(who.user, state="deferred", retry_at=self.shop.clock.now() + timedelta(minutes=5), priority=7)

    async def was_tried(self, who: Who) -> None:
        await self.was_tried_as(who.run, self.draw.choice(STATES))

    async def was_tried_as(self, run: Run, state: str) -> None:
        now = self.shop.clock.now()
        again = {"retry_at": now} if state in ("deferred", "released") else {}
        claimed = {"claimed_at": now - timedelta(hours=1), "attempts": 1} if state in ("claimed", "sent", "unconfirmed") else {}
        await self._noted(run, Channel.PUSH, state=state, **again, **claimed)

    async def is_erased(self, who: Who) -> None:
        await self.execute("update profile set merged_into = id where id = $1", who.run.profile_id)

    async def _another(self, user: str, **told: Any) -> None:
        await self._noted(await start(self.shop, "chatter", user), Channel.EMAIL, **told)

    async def _noted(self, run: Run, channel: Channel, **told: Any) -> None:
        asked = request(run, channel)
        what = {
            "channel": channel.value,
            "purpose": "marketing",
            "template": "note",
            "due_at": run.entered_at,
            "provider": "fcm",
        }
        async with self.shop.database.transaction() as connection:
            await ledger.record(
                connection, Entry(key=key_of(asked), profile_id=run.profile_id, journey=run.journey, **what | told)
            )

    async def execute(self, statement: str, *args: Any) -> None:
        await self.shop.database.pool.execute(statement, *args)


def asks(claims: Claims, runs: list[Run], now: datetime) -> list[Ask]:
    return [Ask(request(run, Channel.PUSH), now, provider(claims), claims.versions.own, GlobalHoldout(0.1)) for run in runs]


def provider(claims: Claims) -> Any:
    return claims.carriers[Channel.PUSH].all[0]


@pytest.mark.parametrize("seed", [f"together-{n}" for n in range(scaled(2, 12))])
async def test_the_gate_answers_each_of_many_as_it_answers_one(shop: Shop, seed: str) -> None:
    people = Population(shop, seed)
    await people.grows(scaled(40, 64))
    assert (await shop.operate("PUT", "/v1/journeys/headline/state", json={"state": "paused"})).status_code == 200
    now = shop.clock.now() + timedelta(hours=people.draw.choice((0, 1, 7, 12)))
    ground = shop.parts.delivery.claims
    claims = replace(ground, database=Undone(shop.database.pool, ""), lanes={})
    together = asks(claims, people.runs, now)
    many = await claims._in_one(together, wait=False)
    ((rows, exposed),) = claims.database.left  # type: ignore[attr-defined]
    alone = [await claims._in_one([ask], wait=True) for ask in together]
    left = claims.database.left[1:]  # type: ignore[attr-defined]
    states = dict(await shop.database.pool.fetch("select run_id, state from delivery where channel = 'push'"))
    gone = {row["id"] for row in await shop.database.pool.fetch("select id from profile where merged_into = id")}
    kinds: Counter[str] = Counter()
    for n, (run, made, (one,)) in enumerate(zip(people.runs, many, alone, strict=True)):
        if made is None:
            assert states.get(run.id) == "claimed" or run.profile_id in gone, "nobody else is decided alone"
            kinds["alone"] += 1
            continue
        assert made == one
        assert of(rows, run) == of(left[n][0], run)
        assert exposures(exposed, run) == exposures(left[n][1], run)
        kinds[made.outcome.value if isinstance(made, Receipt) else type(made).__name__] += 1
    assert {"alone", "Claim", "skipped", "deferred"} <= set(kinds), kinds


def of(rows: list[Any], run: Run) -> list[dict[str, Any]]:
    return [dict(row) for row in rows if row["run_id"] == run.id]


def exposures(rows: list[Any], run: Run) -> list[dict[str, Any]]:
    return [dict(row) for row in rows if row["profile_id"] == run.profile_id]


async def crowd(shop: Shop, number: int, journey: str = "chatter") -> list[Run]:
    for n in range(number):
        await shop.signs_up(f"c{n}", channels=("push",))
    return [await start(shop, journey, f"c{n}") for n in range(number)]


async def test_who_asks_at_the_same_time_is_claimed_and_settled_in_few_transactions(shop: Shop) -> None:
    runs = await crowd(shop, 12)
    claims = replace(shop.parts.delivery.claims, lanes={})
    made = await asyncio.gather(*(claimed(claims, request(run, Channel.PUSH), run.entered_at) for run in runs))
    assert all(isinstance(each, Claim) for each in made)
    query = "select count(distinct xmin::text) from delivery"
    assert await shop.database.pool.fetchval(query) <= 2, "the first may have gone alone"
    settle = shop.parts.delivery.settling.settle
    keys = [key_of(request(run, Channel.PUSH)) for run in runs]
    told = [Settlement("sent", runs[0].entered_at, provider_message_id=f"m-{n}") for n in range(12)]
    await asyncio.gather(*(settle(shop.database, key, each, 1) for key, each in zip(keys, told, strict=True)))
    assert await shop.database.pool.fetchval(query) <= 2
    rows = await shop.database.pool.fetch("select run_id, state, provider_message_id from delivery")
    assert {(row["run_id"], row["state"], row["provider_message_id"]) for row in rows} == {
        (run.id, "sent", f"m-{n}") for n, run in enumerate(runs)
    }


async def claimed(claims: Claims, asked: DeliverRequest, now: datetime) -> object:
    return await claims.claim(asked, now, provider(claims))


@pytest.mark.parametrize("held", ["run", "customer", "message"])
async def test_one_who_is_held_by_somebody_holds_up_nobody_else(shop: Shop, held: str) -> None:
    runs = await crowd(shop, 6)
    if held == "message":
        await Population(shop, "").was_tried_as(runs[0], "deferred")
    claims, now = replace(shop.parts.delivery.claims, lanes={}), runs[0].entered_at
    statement = {
        "run": "select from run where id = $1 for update",
        "customer": "select pg_advisory_xact_lock($1, hashtext($2::text))",
        "message": "select from delivery where run_id = $1 for update",
    }[held]
    args = (Lock.CUSTOMER, str(runs[0].profile_id)) if held == "customer" else (runs[0].id,)
    async with shop.database.transaction() as connection:
        await connection.execute(statement, *args)
        waiting = asyncio.create_task(claimed(claims, request(runs[0], Channel.PUSH), now))
        async with asyncio.timeout(10):
            others = await asyncio.gather(*(claimed(claims, request(run, Channel.PUSH), now) for run in runs[1:]))
        assert all(isinstance(each, Claim) for each in others)
        assert not waiting.done()
    async with asyncio.timeout(10):
        assert isinstance(await waiting, Claim)


async def test_two_messages_of_one_customer_asked_together_keep_their_cap(shop: Shop) -> None:
    """And so do the same customers in two transactions at once, as of two workers."""
    await crowd(shop, 8, "office_hours")
    own = shop.parts.library.own
    spec = replace(own.specs["chatter"], caps=(Cap(1, timedelta(hours=4)),), priority=0)
    versions = OnlyOwn(replace(own, specs={name: replace(spec, name=name) for name in own.specs}))
    runs = [run for journey in ("chatter", "headline") for run in [await start(shop, journey, f"c{n}") for n in range(8)]]
    claims = [replace(shop.parts.delivery.claims, versions=versions, lanes={}) for _ in range(2)]
    now = max(run.entered_at for run in runs) + timedelta(minutes=2)
    made = await asyncio.gather(
        *(
            claimed(claims[n % 2], request(run, Channel.PUSH), now)
            for n, run in enumerate(sorted(runs, key=lambda r: r.profile_id))
        )
    )
    assert sum(isinstance(each, Claim) for each in made) == 8, Counter(type(each).__name__ for each in made)
    by_customer = "select profile_id, count(*) from delivery where state = 'claimed' group by 1"
    assert {row["count"] for row in await shop.database.pool.fetch(by_customer)} == {1}


async def test_what_one_of_them_raises_stops_nobody_else(shop: Shop) -> None:
    runs = await crowd(shop, 5)
    claims = replace(shop.parts.delivery.claims, lanes={})
    asked = [request(run, Channel.PUSH, only="no-such-segment" if run is runs[2] else None) for run in runs]
    made = await asyncio.gather(*(claimed(claims, each, runs[0].entered_at) for each in asked), return_exceptions=True)
    assert ["UnknownSegment" if isinstance(each, Exception) else type(each).__name__ for each in made] == [
        *("Claim", "Claim", "UnknownSegment", "Claim", "Claim")
    ]
