"""The reference journey with real deliveries: gate, ledger, templates, providers in the sandbox; and what its history costs."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import psutil
from temporalio.client import Client
from uuid_utils.compat import uuid7

from benchmarks.ground import Ground
from benchmarks.lap import STRIDING, begin, lap, start_now
from benchmarks.people import Ingest
from benchmarks.table import Row
from journeys.contracts import RunStart
from journeys.entry import NewRun, workflow_id
from journeys.walk.leading import leading_wait
from store import connect
from store.runs.entries import open_runs
from workers.definitions import load_definitions
from workers.embedded.parts import Program
from workers.embedded.stack import EmbeddedStack

CATALOGUE = "definitions"
_MESSAGES = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A stack without workers of its own, and the worker under measurement."""

    stack: EmbeddedStack
    client: Client
    worker: psutil.Process


async def delivery(ground: Ground) -> list[Row]:
    """The rows on real deliveries and real histories."""
    async with AsyncExitStack() as exits:
        place = await _open(ground, exits)
        histories = await _histories(ground, place)
        return [await _lap(ground, place), *histories]


async def _open(ground: Ground, exits: AsyncExitStack) -> Place:
    ground.say("starting API and sandbox")
    stack = await exits.enter_async_context(ground.stack("delivering", catalogue=CATALOGUE, workers=0))
    api = stack.parts["api"]
    assert isinstance(api, Program)
    worker = await exits.enter_async_context(ground.worker("delivering", api.environment))
    return Place(stack, await ground.client(stack.settings), worker)


async def _lap(ground: Ground, place: Place) -> Row:
    count = ground.sizes.journeys // 2
    ground.say(f"{count} journeys with three real messages each")
    done = await lap(place.client, place.worker, STRIDING, await _runs(place, "lap", count), ground.sizes.in_flight)
    note = f"{done.per_second:.1f} /s: gate, ledger, templates, FCM + WhatsApp + SMTP sandbox; waits of 11 s are part of it"
    return Row("worker CPU per journey with real deliveries", f"{done.cpu_ms:.1f} ms", "", note)


async def _histories(ground: Ground, place: Place) -> list[Row]:
    ground.say("reading the history of a three-message run")
    timers, delayed = await _runs(place, "history", 2)
    counts = await asyncio.gather(
        _history(place, start_now(STRIDING, *delayed), held_back=True),
        _history(place, start_now(STRIDING, *timers), held_back=False),
    )
    what = "history of the three-message journey"
    return [
        Row(f"{what}, start_delay", f"{counts[0]} events", "<= 33 events", "as the dispatcher starts it"),
        Row(f"{what}, timers only", f"{counts[1]} events", "<= 38 events"),
    ]


async def _history(place: Place, start: RunStart, *, held_back: bool) -> int:
    if held_back:
        definitions, _ = load_definitions(CATALOGUE)
        start = start.model_copy(update={"start_delay": leading_wait(definitions.journey(STRIDING.journey), start)})
    handle = await begin(place.client, STRIDING.journey, start)
    assert (await handle.result()).sent == _MESSAGES
    return len((await handle.fetch_history()).events)


async def _runs(place: Place, group: str, count: int) -> list[tuple[UUID, UUID]]:
    """Open runs for new customers, as the dispatcher would."""
    users = [f"{group}-{n}" for n in range(count)]
    async with Ingest.of(place.stack.api_url, place.stack.keys.ingest) as api:
        await api.introduce(users)
    database = await connect(place.stack.dsn, max_size=2)
    try:
        async with database.transaction() as connection:
            people = await connection.fetch("select profile_id from identity where value = any($1::text[])", users)
            runs = [_run(row["profile_id"]) for row in people]
            await open_runs(connection, runs)
    finally:
        await database.close()
    return [(run.id, run.profile_id) for run in runs]


def _run(customer_id: UUID) -> NewRun:
    run_id, now = UUID(str(uuid7())), datetime.now(UTC)
    name = workflow_id(STRIDING.journey, customer_id, run_id)
    return NewRun(
        id=run_id,
        journey=STRIDING.journey,
        profile_id=customer_id,
        entry_key="",
        entered_by="segment",
        entered_at=now,
        workflow_id=name,
        created_at=now,
        segment="abandoned-cart",
    )
