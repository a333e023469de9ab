"""Campaigns: what a message costs its worker and Postgres beside a bare loop, and a bulk start beside a single one.

The bare loop, the deliveries and the campaign's workflow run in this process; all that receives in others. Postgres is
counted apart, without what it does by itself while the bare loop runs, which asks it nothing.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import psutil

from activities.campaigns.campaigns import parts_of
from activities.campaigns.writing import AT_ONCE
from activities.dispatch.campaigning import Campaigner, workflow_of
from benchmarks.blast import new_run, open_rows
from benchmarks.ground import Ground
from benchmarks.numbers import quantile
from benchmarks.people import Ingest
from benchmarks.sending import BARE, Place, overheard, placed
from benchmarks.table import Row
from journeys.campaigns.contracts import CAMPAIGN_QUEUE
from journeys.campaigns.message import PREFIX, Message
from journeys.contracts import Channel
from store import Database, campaigns, connect
from store.campaigns import NewCampaign, Staged
from workers.embedded.stack import EmbeddedStack

CATALOGUE = "benchmarks.catalogue"
CAMPAIGN = "campaign"
_SINGLE = 20  # starts before the bulk, while it is accepted, and beside it
_LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor time per message."""

    worker: float
    postgres: float
    seconds: float  # of the clock, for all of them


async def campaign(ground: Ground) -> list[Row]:
    """Rows for the cost of a message, one for a bulk start, one for single starts beside it."""
    return [*await _costs(ground), *await _bulk(ground)]


async def _costs(ground: Ground) -> list[Row]:
    count, rounds = ground.sizes.campaign, ground.sizes.rounds
    spent: dict[str, list[Cost]] = defaultdict(list)
    async with AsyncExitStack() as exits:
        place = await placed(ground, exits, "campaign", (CAMPAIGN_QUEUE,), count * (rounds + 1) + 1)
        bare = await overheard(place, Channel.PUSH)
        for n in range(rounds + 1):
            ground.say(f"round {n} of {rounds}, {count} messages each way" if n else "warming up")
            turn = {
                BARE: await _cost(ground, _at_once(bare, count), count),
                CAMPAIGN: await _cost(ground, _sent(place, count), count),
            }
            for how, cost in turn.items() if n else ():
                spent[how].append(cost)
    worker, idle, postgres, seconds = _usual(spent)
    beyond, of_postgres = worker[CAMPAIGN] - worker[BARE], postgres - idle
    told = f"{worker[CAMPAIGN]:.1f} ms with its workflow, bare {worker[BARE]:.1f} ms; median of {rounds} rounds of {count:,}"
    share = f"its statements, {count / seconds:,.0f} messages a second"
    return [
        Row("worker CPU per message of a campaign, beyond a bare httpx loop", f"{beyond:.1f} ms", "", told),
        Row("Postgres CPU per message of a campaign", f"{of_postgres:.1f} ms", "", share),
        Row("both together", f"{beyond + of_postgres:.1f} ms", "<= 3 ms"),
    ]


def _usual(spent: Mapping[str, Sequence[Cost]]) -> tuple[dict[str, float], float, float, float]:
    """Of the rounds in the middle: the worker's; Postgres's by itself for as long, and with the campaign; how long that was."""
    worker = {how: quantile([each.worker for each in costs], 0.5) for how, costs in spent.items()}
    seconds = quantile([each.seconds for each in spent[CAMPAIGN]], 0.5)
    idle = quantile([each.postgres / each.seconds for each in spent[BARE]], 0.5) * seconds
    return worker, idle, quantile([each.postgres for each in spent[CAMPAIGN]], 0.5), seconds


async def _at_once(bare: Callable[[int], Awaitable[None]], count: int) -> None:
    """As many at once as a campaign has: waiting for one answer after the other costs more, and so do connections."""
    at_once = AT_ONCE * parts_of(count)
    await asyncio.gather(*(bare(len(range(n, count, at_once))) for n in range(at_once)))


async def _cost(ground: Ground, work: Awaitable[None], count: int) -> Cost:
    postgres, began = _of_postgres(ground), time.perf_counter()
    own = time.process_time()
    await work
    own = time.process_time() - own
    return Cost(1000 * own / count, 1000 * (_of_postgres(ground) - postgres) / count, time.perf_counter() - began)


def _of_postgres(ground: Ground) -> float:
    """Seconds of CPU of the server and all its processes, with those that have ended."""
    assert ground.postgres.child is not None
    server = psutil.Process(ground.postgres.child.process.pid)
    family = [server, *server.children(recursive=True)]
    return sum(sum(each.cpu_times()[:4]) if each is server else sum(each.cpu_times()[:2]) for each in family)


async def _sent(place: Place, count: int) -> None:
    """A campaign to so many, from its row to its end."""
    taken, place.people = place.people[:count], place.people[count:]
    new = _new(Message(channel=Channel.PUSH, template="hello", quiet_hours=None))
    async with place.database.transaction() as connection:
        made = await campaigns.make(connection, new)
        await campaigns.stage(connection, made.id, [Staged(n, who) for n, who in enumerate(taken, 1)], [])
        await campaigns.staged(connection, made.id, new.created_at)
    await Campaigner(place.database, place.client, place.settings.clock).start()
    assert f"{count:,} sent" in await place.client.get_workflow_handle(workflow_of(made), result_type=str).result()


def _new(message: Message) -> NewCampaign:
    now, id_ = datetime.now(UTC), new_run(UUID(int=0), "").id
    none: dict[str, Any] = dict.fromkeys(("segment", "list", "key", "wall_at", "per_second", "cron", "zone"))
    told = {"message": message.model_dump(mode="json"), "params": {}, "by": "benchmark", "needs_approval": False}
    return NewCampaign(id=id_, name=id_.hex, journey=PREFIX + id_.hex, created_at=now, begins_at=now, **none | told)


async def _bulk(ground: Ground) -> list[Row]:
    size = ground.sizes.bulk
    async with ground.stack("bulk", catalogue=CATALOGUE, workers=1) as stack:
        users = [f"bulk-{n}" for n in range(size + 3 * _SINGLE)]
        ground.say(f"{len(users):,} customers")
        async with Ingest.of(stack.api_url, stack.keys.ingest) as http:
            await http.introduce(users)
        database = await connect(stack.dsn, max_size=2)
        try:
            singles = iter(await _ids(database, users[size:]))
            quiet = [await _single(database, next(singles)) for _ in range(_SINGLE)]
            ground.say(f"a bulk start of {size:,}")
            accepting = asyncio.create_task(_accepted(stack, users[:size]))
            meanwhile = [await _single(database, next(singles)) for _ in range(_SINGLE) if not accepting.done()]
            took = await accepting
            while not await _begun(database):  # noqa: ASYNC110 - Postgres tells nobody
                await asyncio.sleep(_LOOK)
            first = await _begun(database)
            beside = [await _single(database, next(singles)) for _ in range(_SINGLE)]
            begun = await _begun(database) - first
        finally:
            await database.close()
    usual = quantile(quiet, 0.5)
    later = [max(each - usual, 0) for each in beside]
    told = f"max {max(later):.2f} s, n = {len(later)}; {usual:.2f} s alone; {begun:,} of the bulk began meanwhile"
    at_once = f"{size / took:,.0f} rows /s; single starts meanwhile at most {max(meanwhile, default=0) - usual:.2f} s later"
    return [
        Row(f"a bulk start of {size:,} by CSV is accepted", f"{took:.1f} s", "<= 60 s", at_once),
        Row("a single start beside it reaches Temporal later by, p95", f"{quantile(later, 0.95):.2f} s", "<= 1 s", told),
    ]


async def _begun(database: Database) -> int:
    """How many of the bulk Temporal has."""
    told = "select count(*) from run where campaign is not null and started_at is not null"
    return int(await database.pool.fetchval(told))


async def _accepted(stack: EmbeddedStack, users: list[str]) -> float:
    file = "user_id\n" + "\n".join(users)
    began = time.perf_counter()
    async with httpx.AsyncClient(base_url=stack.api_url, auth=(stack.keys.operate, ""), timeout=300) as http:
        answer = await http.post("/v1/journeys/blast/starts/file", content=file.encode(), headers={"Content-Type": "text/csv"})
    assert answer.json()["waiting"] + answer.json()["done"] == len(users), answer.text
    return time.perf_counter() - began


async def _ids(database: Database, users: list[str]) -> list[UUID]:
    rows = await database.pool.fetch("select distinct profile_id from identity where value = any($1::text[])", users)
    return [row["profile_id"] for row in rows]


async def _single(database: Database, who: UUID) -> float:
    """Seconds from a run's row to Temporal having it; of a journey that is in no more hurry than the bulk's."""
    run = new_run(who, "letters")
    await open_rows(database, [run])
    while not (at := await database.pool.fetchval("select started_at from run where id = $1", run.id)):  # noqa: ASYNC110 - Postgres tells nobody
        await asyncio.sleep(_LOOK)
    return float((at - run.created_at).total_seconds())
