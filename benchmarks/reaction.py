"""How soon the product reacts: to an event that enters, to one that converts, and to five hundred a second.

The product's own processes (API, one worker with the watch, sandbox) over a database with a past, and twenty segments.
Latency starts at the commit of the event, which Postgres notes (`track_commit_timestamp`), and all clocks are this machine's.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import httpx
from temporalio.client import Client

from benchmarks.ground import Ground
from benchmarks.numbers import latencies
from benchmarks.past import past
from benchmarks.people import Ingest, token_of, track
from benchmarks.table import Row
from workers.embedded.stack import EmbeddedStack

CATALOGUE = "benchmarks.catalogue"
MESSAGE_RATE = 10  # events per second
GOAL_RATE = 10
_WARMING = 20  # customers before those that count: connections, tokens and caches are there in a running system
_PATIENCE = 60  # seconds
_BATCH = 10  # calls per request of the stream, as SDKs send them

_EVENT_COMMITS = """
select i.value as user_id, pg_xact_commit_timestamp(e.xmin) as at
from event e join identity i on i.profile_id = e.profile_id and i.kind = 'user_id'
where e.type = $1
"""
# The row of the member is written with the transition, and unlike that one never again; who came, left and came back counts
# with the last entry only.
_TRANSITIONS = """
select extract(epoch from pg_xact_commit_timestamp(m.xmin) - pg_xact_commit_timestamp(e.xmin)) * 1000 as ms
from segment_transition t
join segment_member m on m.segment = t.segment and m.profile_id = t.profile_id and m.entered_at = t.at
join event e on e.profile_id = t.profile_id and e.type = t.cause ->> 'event' and e.message_id = t.cause ->> 'message_id'
where t.kind = 'entered' and t.cause ->> 'message_id' like $1
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A running stack and ways to look at it."""

    ground: Ground
    stack: EmbeddedStack
    client: Client
    database: asyncpg.Connection
    api: Ingest

    async def commits(self, event: str) -> dict[str, datetime]:
        """When each customer's event of this type was committed."""
        return {row["user_id"]: row["at"] for row in await self.database.fetch(_EVENT_COMMITS, event)}

    async def until(self, done: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait until something is so.

        Raises:
            TimeoutError: it was not in time.
        """
        self.ground.say(what)
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while not await done():
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"still {what} after {_PATIENCE} s")
            await asyncio.sleep(0.25)


async def reaction(ground: Ground) -> list[Row]:
    """The rows on latency."""
    sizes = ground.sizes
    ground.say(f"writing a past: {sizes.profiles:,} profiles, {sizes.events:,} events")
    await past(await ground.database("reaction"), sizes.profiles, sizes.events)
    ground.say("starting API, worker and sandbox")
    async with ground.stack("reaction", catalogue=CATALOGUE, workers=1) as stack:
        database = await asyncpg.connect(stack.dsn)
        async with Ingest.of(stack.api_url, stack.keys.ingest) as api:
            place = Place(ground, stack, await ground.client(stack.settings), database, api)
            await place.until(lambda: _watching(place), "waiting for the watch to know the segments")
            rows = [*await _messages(place), *await _goals(place), *await _transitions(place)]
        await database.close()
    return rows


async def _watching(place: Place) -> bool:
    known = await place.database.fetchval("select count(*) from segment_progress where evaluated_to > 'epoch'")
    return bool(known >= 20)


async def _messages(place: Place) -> list[Row]:
    early = [f"early-{n}" for n in range(_WARMING)]
    users = [f"arrival-{n}" for n in range(place.ground.sizes.messages)]
    await place.api.introduce([*early, *users])
    await place.api.stream([track(user, "Bench Arrived") for user in early], MESSAGE_RATE)
    await place.until(lambda: _all_pushed(place, len(early)), "warming up")
    place.ground.say(f"{len(users)} customers arrive, {MESSAGE_RATE} a second; each gets a push at once")
    await place.api.stream([track(user, "Bench Arrived") for user in users], MESSAGE_RATE)
    await place.until(lambda: _all_pushed(place, len(early) + len(users)), "waiting for the last push")
    called = {m["to"]: datetime.fromisoformat(m["received_at"]) for m in await _pushes(place)}
    commits = await place.commits("Bench Arrived")
    waited = [1000 * (called[token_of(user)] - commits[user]).total_seconds() for user in users]
    return latencies("event commit -> provider call, immediate push", waited, note=f"{MESSAGE_RATE} /s, idle watch tick 100 ms")


async def _pushes(place: Place) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=place.stack.sandbox_url) as sandbox:
        answer = await sandbox.get("/_sandbox/messages", params={"provider": "fcm", "limit": 10_000})
    found: list[dict[str, Any]] = answer.raise_for_status().json()
    return found


async def _all_pushed(place: Place, count: int) -> bool:
    return len(await _pushes(place)) >= count


async def _goals(place: Place) -> list[Row]:
    rows: list[Row] = []
    kinds = (
        ("in a timer", "sleeps_in_a_timer", "Bench Slept"),
        ("held back by start_delay", "sleeps_before_it_starts", "Bench Delayed"),
    )
    for kind, journey, entering in kinds:
        users = [f"{journey}-{n}" for n in range(place.ground.sizes.goals)]
        waited = await _goal(place, journey, entering, users)
        rows += latencies(f"goal event commit -> run over, {kind}", waited, ("", "<= 1,000 ms"), f"{GOAL_RATE} /s")
    return rows


async def _goal(place: Place, journey: str, entering: str, users: list[str]) -> list[float]:
    await place.api.stream([track(user, entering) for user in users], 50, batch=10)
    await place.until(lambda: _asleep(place, journey, len(users)), f"waiting for {len(users)} runs of {journey} to be asleep")
    place.ground.say(f"their customers convert, {GOAL_RATE} a second")
    bought = [track(user, "Bench Bought") for user in users]
    await place.api.stream(bought, GOAL_RATE)
    await place.until(lambda: _over(place, journey, len(users)), "waiting for the last run to be over")
    ended = {row["value"]: row["ended_at"] for row in await place.database.fetch(_ENDED, journey)}
    commits = await place.commits("Bench Bought")
    return [1000 * (ended[user] - commits[user]).total_seconds() for user in users]


#: `ended_at` is Temporal's close time, which the closer reads back.
_ENDED = """
select i.value, r.ended_at from run r join identity i on i.profile_id = r.profile_id and i.kind = 'user_id'
where r.journey = $1 and r.outcome = 'goal reached'
"""


async def _asleep(place: Place, journey: str, count: int) -> bool:
    started = await place.database.fetchval("select count(*) from run where journey = $1 and started_at is not null", journey)
    return bool(started >= count)


async def _over(place: Place, journey: str, count: int) -> bool:
    return len(await place.database.fetch(_ENDED, journey)) >= count


async def _transitions(place: Place) -> list[Row]:
    sizes = place.ground.sizes
    visits = [_visitor(n) for n in range(sizes.stream_rate * sizes.stream_seconds)]
    crowd = [visits[-1] + 1 + n for n in range(sizes.stream_rate * sizes.crowd_seconds)]
    base = f"{sizes.stream_rate} /s, {sizes.profiles:,} profiles, {sizes.events:,} events, 20 segments; visits of ten events"
    what, budgets = "event commit -> transition committed", ("<= 300 ms", "<= 1,000 ms")
    rows = latencies(what, await _stream(place, "visit", visits), budgets, base)
    worst = "the worst case: no customer comes twice, and each enters several segments"
    return rows + latencies(f"{what}, a crowd", await _stream(place, "crowd", crowd), budgets, worst)


def _visitor(n: int) -> int:
    """Whose the n-th event is: 250 visitors at a time with an event every half second at 500 a second, ten events each."""
    return n // 2_500 * 250 + n % 250


async def _stream(place: Place, name: str, people: list[int]) -> list[float]:
    sizes = place.ground.sizes
    chance = random.Random(7)
    calls = [_happens(chance, f"past-{who % sizes.profiles}", f"{name}-{n}") for n, who in enumerate(people)]
    place.ground.say(f"{name}: {sizes.stream_rate} events a second for {len(calls) // sizes.stream_rate} s, twenty segments")
    await place.api.stream(calls, sizes.stream_rate, batch=_BATCH)
    await place.until(lambda: _calm(place), "waiting for the watch to be done")
    return [float(row["ms"]) for row in await place.database.fetch(_TRANSITIONS, f"{name}-%")]


async def _calm(place: Place) -> bool:
    return not await place.database.fetchval("select exists (select from dirty)")


def _happens(chance: random.Random, user: str, message_id: str) -> dict[str, Any]:
    event = chance.choices(("Product Viewed", "Product Added", "Products Searched", "Order Completed"), (70, 15, 10, 5))[0]
    category = chance.choice(("boots", "tents", "jackets"))
    properties = {"category": category, "price": round(chance.uniform(5, 150), 2), "currency": "EUR"}
    return track(user, event, **properties) | {"messageId": message_id}
