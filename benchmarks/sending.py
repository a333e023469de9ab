"""What a delivery costs a worker's processor, beside a bare loop that sends the same bytes to the same receiver.

One process does all three in turns: the bare loop (httpx, aiosmtplib), the delivery by itself, and the delivery as a Temporal
activity. The workflows that ask for it run in another process, as does all that receives.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from unittest.mock import patch
from urllib.parse import urlsplit
from uuid import UUID

import aiosmtplib
import httpx
from temporalio.client import Client

from activities.channels.email import smtp as relay
from activities.channels.email.smtp_data import hand_over
from activities.channels.email.smtp_pool import Deadlines
from benchmarks.blast import new_run, open_rows
from benchmarks.ground import Ground
from benchmarks.numbers import quantile
from benchmarks.people import Ingest
from benchmarks.table import Row
from journeys.clock import Clock
from journeys.contracts import WORKFLOW_QUEUE, Channel, DeliverRequest, Purpose, RunStart, delivery_queue
from journeys.entry import NewRun
from store import Database, connect
from workers.assembly import Parts, assemble
from workers.embedded.parts import Program
from workers.settings import Settings
from workers.temporal import connect_temporal
from workers.worker import serving, workers

CATALOGUE = "benchmarks.catalogue"
BARE, ALONE, SERVED = "bare", "alone", "served"
_JOURNEYS = {Channel.PUSH: "blast", Channel.EMAIL: "letters"}
_LOOK = 0.5  # seconds
_START = timedelta(milliseconds=150)  # more than it takes to start a run
_LIBRARY = {Channel.PUSH: "httpx", Channel.EMAIL: "aiosmtplib"}


@dataclass
class Place:
    """A worker's parts in this process, and customers to whom nothing has been sent."""

    settings: Settings
    client: Client
    database: Database
    parts: Parts
    people: list[UUID]

    async def runs(self, channel: Channel, count: int) -> list[NewRun]:
        """Runs of customers who are in none of this journey, as rows."""
        taken, self.people = self.people[:count], self.people[count:]
        runs = [new_run(customer_id, _JOURNEYS[channel]) for customer_id in taken]
        await open_rows(self.database, runs)
        return runs


async def sending(ground: Ground) -> list[Row]:
    """A row for push and one for email."""
    async with AsyncExitStack() as exits:
        people = len(_JOURNEYS) * (2 * ground.sizes.sent * (ground.sizes.rounds + 1) + 1)
        place = await placed(ground, exits, "sending", [delivery_queue(channel) for channel in _JOURNEYS], people)
        return [await _channel(ground, place, channel) for channel in _JOURNEYS]


async def placed(ground: Ground, exits: AsyncExitStack, name: str, queues: Sequence[str], people: int) -> Place:
    """A worker of these queues in this process, and so many customers."""
    ground.say("starting API, sandbox and a worker for workflows")
    stack = await exits.enter_async_context(ground.stack(name, catalogue=CATALOGUE, workers=0))
    api = stack.parts["api"]
    assert isinstance(api, Program)
    await exits.enter_async_context(ground.worker("delivering", {**api.environment, "JOURNEYS_WORKER_QUEUES": WORKFLOW_QUEUE}))
    exits.enter_context(patch.dict(os.environ, {**api.environment, "JOURNEYS_DEPLOY_KEY": token_hex(32)}))
    settings = Settings()
    database = await connect(settings.dsn, max_size=settings.database_pool)
    exits.push_async_callback(database.close)
    client = await connect_temporal(settings)
    parts = assemble(settings, database, client)
    exits.push_async_callback(parts.close)
    await exits.enter_async_context(serving(workers(client, parts, queues)))
    users = [f"{name}-{n}" for n in range(people)]
    async with Ingest.of(stack.api_url, stack.keys.ingest) as http:
        await http.introduce(users)
    found = await database.pool.fetch("select distinct profile_id from identity where value = any($1::text[])", users)
    return Place(settings, client, database, parts, [row["profile_id"] for row in found])


async def _channel(ground: Ground, place: Place, channel: Channel) -> Row:
    bare = await overheard(place, channel)
    count, rounds = ground.sizes.sent, ground.sizes.rounds
    spent: dict[str, list[float]] = defaultdict(list)
    for n in range(rounds + 1):
        ground.say(
            f"{channel.value}: round {n} of {rounds}, {count} messages each way" if n else f"{channel.value}: warming up"
        )
        turn = {
            BARE: await of(bare, count),
            ALONE: await _alone(place, channel, count),
            SERVED: await _served(place, channel, count),
        }
        for how, seconds in turn.items() if n else ():
            spent[how].append(1000 * seconds / count)
    usual = {how: quantile(each, 0.5) for how, each in spent.items()}
    parts = f"{usual[SERVED]:.1f} ms as an activity, {usual[ALONE]:.1f} ms without Temporal, bare {usual[BARE]:.1f} ms"
    return Row(
        f"worker CPU per {channel.value} message, beyond a bare {_LIBRARY[channel]} loop",
        f"{usual[SERVED] - usual[BARE]:.1f} ms",
        "<= 5 ms",
        f"{parts}; median of {rounds} rounds of {count}",
    )


async def of(send: Callable[[int], Awaitable[None]], count: int) -> float:
    """Seconds of CPU of this process."""
    began = time.process_time()
    await send(count)
    return time.process_time() - began


async def _alone(place: Place, channel: Channel, count: int) -> float:
    asked = [_request(run, channel) for run in await place.runs(channel, count)]

    async def send(_: int) -> None:
        for each in asked:
            assert (await place.parts.delivery.deliver(each)).sent

    return await of(send, count)


async def _served(place: Place, channel: Channel, count: int) -> float:
    """The runs begin when all have been started, so that what starts them is not counted."""
    runs = await place.runs(channel, count)
    begins = datetime.now(UTC) + count * _START
    for run in runs:
        await _start(place.client, run, begins - datetime.now(UTC))

    async def sent(_: int) -> None:
        while await _gone(place, runs) < count:  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(_LOOK)

    assert not await _gone(place, runs), "starting them took too long: they have begun"
    return await of(sent, count)


async def _gone(place: Place, runs: Sequence[NewRun]) -> int:
    ids = [run.id for run in runs]
    told = "select count(*) from delivery where run_id = any($1::uuid[]) and state = 'sent'"
    return int(await place.database.pool.fetchval(told, ids))


async def overheard(place: Place, channel: Channel) -> Callable[[int], Awaitable[None]]:
    """A loop that sends again and again what one delivery sent."""
    (run,) = await place.runs(channel, 1)
    if channel is Channel.EMAIL:
        return await _letters(place, _request(run, channel))
    return await _posts(place, _request(run, channel))


async def _posts(place: Place, asked: DeliverRequest) -> Callable[[int], Awaitable[None]]:
    send, seen = httpx.AsyncClient.send, list[httpx.Request]()

    async def noted(self: httpx.AsyncClient, request: httpx.Request, **more: object) -> httpx.Response:
        seen.append(request)
        return await send(self, request, **more)  # type: ignore[arg-type]

    with patch.object(httpx.AsyncClient, "send", noted):
        assert (await place.parts.delivery.deliver(asked)).sent
    post = next(each for each in seen if each.url.path.endswith("messages:send"))

    http = httpx.AsyncClient()  # as long-lived as a worker's; it ends with the process

    async def loop(count: int) -> None:
        for _ in range(count):
            (await http.post(post.url, content=post.content, headers=post.headers)).raise_for_status()

    return loop


async def _letters(place: Place, asked: DeliverRequest) -> Callable[[int], Awaitable[None]]:
    seen = list[bytes]()

    async def noted(connection: aiosmtplib.SMTP, written: bytes, deadlines: Deadlines) -> None:
        seen.append(written)
        await hand_over(connection, written, deadlines)

    with patch.object(relay, "hand_over", noted):
        assert (await place.parts.delivery.deliver(asked)).sent
    where = urlsplit(place.settings.smtp_url.get_secret_value())

    async def loop(count: int) -> None:
        async with aiosmtplib.SMTP(hostname=where.hostname, port=where.port, start_tls=False) as smtp:
            for _ in range(count):
                await smtp.sendmail("hello@shop.example", "sending-0@example.com", seen[0])

    return loop


def _request(run: NewRun, channel: Channel) -> DeliverRequest:
    return DeliverRequest(
        run_id=run.id,
        journey=run.journey,
        step=f"{channel.value}:hello",
        occurrence=1,
        channel=channel,
        template="hello",
        purpose=Purpose.MARKETING,
        due_at=run.entered_at,
        useless_after=run.entered_at + timedelta(hours=12),
    )


async def _start(client: Client, run: NewRun, delay: timedelta) -> None:
    now = datetime.now(UTC)
    start = RunStart(
        run_id=run.id,
        customer_id=run.profile_id,
        segment=None,
        entered_at=now,
        started_at=now,
        clock=Clock(real_origin=now, business_origin=now),
    )
    await client.start_workflow(run.journey, start, id=run.workflow_id, task_queue=WORKFLOW_QUEUE, start_delay=delay)
