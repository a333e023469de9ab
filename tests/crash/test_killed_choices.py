"""Workers killed between the draw of a choice and its record, and right after it (ML-07, ML-16): drawn once, budgets exact."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import count
from json import loads
from pathlib import Path
from typing import Any

import httpx
from crash.processes import EVENTUALLY, begin, everything_ended, open_stack, send, sender, signs_up, temporal_of, until
from extent import scaled
from temporalio.client import Client, WorkflowExecutionStatus

from store import Database
from workers.embedded.stack import EmbeddedStack
from workers.testing.shop import new_namespace

PEOPLE = 24  # at the least while shares are learned: most of them would have an offer, if there were as many
KILLS = scaled(1, 8)  # of each worker, at each of the two instants, in each state
BUDGETS = {"ten": 5, "gift": 3}
#: Each draw is seen outside its transaction, and lasts so long that a worker can die before it is recorded.
WITNESS = """
    create sequence draws;
    create table recorded (run_id uuid, asked bigint, began timestamptz default now(), drawn timestamptz);
    create function saw_a_draw() returns trigger language plpgsql as $$
        declare drawn timestamptz := clock_timestamp();
        begin
            perform nextval('draws');
            perform pg_sleep(0.3);
            insert into recorded (run_id, asked, drawn) values (new.run_id, new.asked, drawn);
            return new;
        end $$;
    create trigger drawn before insert on choice_made for each row execute function saw_a_draw();
"""
UNDER_WAY = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
RECORDED = "select count(*) from recorded"
OPEN, FEW = "select count(*) from run where ended_at is null", 6
MADE = """select m.run_id, m.asked, m.options, m.by, r.workflow_id, r.profile_id, d.began, d.drawn
          from choice_made m join run r on r.id = m.run_id join recorded d using (run_id, asked) order by m.run_id, m.asked"""


async def test_a_choice_is_drawn_once_within_its_budgets_whenever_a_worker_dies(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    namespace = await new_namespace(temporal_address)
    servers = {"database_url": dsn, "temporal_address": temporal_address, "temporal_namespace": namespace}
    async with open_stack(tmp_path, **servers) as stack:
        await database.pool.execute(WITNESS)
        names = (f"c{n:04}" for n in count())
        await asked(stack, [next(names) for _ in range(PEOPLE)])
        async with asking(stack, database, names):
            await kill_again_and_again(stack, database)
        fixed = await switched(stack, database, "fixed")
        async with asking(stack, database, names):
            await kill_again_and_again(stack, database)
        learns = await switched(stack, database, "learns")
        await asked(stack, [next(names) for _ in range(PEOPLE)])
        await until(lambda: everything_ended(database), EVENTUALLY)
        made = [dict(row) for row in await database.pool.fetch(MADE)]
        heard = await what_runs_heard(await temporal_of(stack))
    assert await database.pool.fetchval("select last_value from draws") > len(made), "some died between draw and record"
    each_is_recorded_once_and_is_what_its_run_heard(made, heard)
    await budgets_are_exact(database, made)
    await each_customer_counts_once(database, made)
    the_switch_held(made, fixed, learns)


def each_is_recorded_once_and_is_what_its_run_heard(made: list[dict[str, Any]], heard: dict[str, list[list[str]]]) -> None:
    by_run: dict[str, list[list[str]]] = {}
    for row in made:
        by_run.setdefault(row["workflow_id"], []).append(row["options"])
    assert {len(options) for options in by_run.values()} == {2}
    assert by_run == heard


async def budgets_are_exact(database: Database, made: list[dict[str, Any]]) -> None:
    """As many have an offer as it has room for, by what is counted and by what was given."""
    given = Counter(row["options"][1] for row in made)
    spent = dict(await database.pool.fetch("select option, people from choice_spent where name = 'offer'"))
    assert spent == {f"offer: {name}": most for name, most in BUDGETS.items()}
    assert {name: given[name] for name in BUDGETS} == BUDGETS


async def each_customer_counts_once(database: Database, made: list[dict[str, Any]]) -> None:
    """Where what is chosen is compared with the author's own choice, everybody to whom no operator gave it; in one arm."""
    compared = await database.pool.fetch("select profile_id, arm from exposure where experiment = '$fixed/offer'")
    people = {row["profile_id"] for row in made if row["by"] != "operator"}
    assert Counter(row["profile_id"] for row in compared) == Counter(people)
    controlled = {row["profile_id"] for row in made if row["by"] == "control"}
    assert {row["profile_id"] for row in compared if row["arm"] == "own choice"} == controlled


def the_switch_held(made: list[dict[str, Any]], fixed: tuple[datetime, datetime], learns: tuple[datetime, datetime]) -> None:
    """Whoever begins to draw between its answer and the next switch is given the own choice; before and after nobody."""
    before = Counter(row["by"] for row in made if row["drawn"] < fixed[0])
    meanwhile = [row for row in made if row["began"] > fixed[1] and row["drawn"] < learns[0]]
    after = Counter(row["by"] for row in made if row["began"] > learns[1])
    assert {(row["by"], *row["options"]) for row in meanwhile} == {("operator", "push", "none")}
    for by in (before, after):
        assert by["learned"] > by["operator"] == 0, (before, after)


async def kill_again_and_again(stack: EmbeddedStack, database: Database) -> None:
    """SIGKILL of each worker while something is drawn, and as soon as something was recorded."""
    for _ in range(KILLS):
        for name in stack.worker_names:
            await seen(database, UNDER_WAY, 0)
            await killed(stack, name)
            await seen(database, RECORDED, await database.pool.fetchval(RECORDED))
            await killed(stack, name)


async def seen(database: Database, what: str, more_than: int) -> None:
    async with asyncio.timeout(EVENTUALLY):
        while await database.pool.fetchval(what) <= more_than:  # noqa: ASYNC110 - the workers' work
            await asyncio.sleep(0.005)


async def killed(stack: EmbeddedStack, name: str) -> None:
    await stack.kill_part(name)
    await stack.start_part(name)


@asynccontextmanager
async def asking(stack: EmbeddedStack, database: Database, names: Iterator[str]) -> AsyncIterator[None]:
    """A few customers at a time ask, again and again."""

    async def more() -> None:
        while True:
            if await database.pool.fetchval(OPEN) < FEW:
                await asked(stack, [next(names) for _ in range(FEW)])
            await asyncio.sleep(0.2)

    task = asyncio.create_task(more())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def asked(stack: EmbeddedStack, users: list[str]) -> None:
    async with sender(stack) as http:
        await send(http, [signs_up(user) for user in users])
    await begin(stack, "decides", users)


async def switched(stack: EmbeddedStack, database: Database, state: str) -> tuple[datetime, datetime]:
    """Between which instants, by Postgres, an operator threw the switch."""
    before = await database.pool.fetchval("select clock_timestamp()")
    async with httpx.AsyncClient(base_url=stack.api_url, auth=(stack.keys.operate, ""), timeout=60) as http:
        answer = await http.put("/v1/choices/offer/state", json={"state": state})
    assert answer.status_code == 200, answer.text
    return before, await database.pool.fetchval("select clock_timestamp()")


async def what_runs_heard(client: Client) -> dict[str, list[list[str]]]:
    """What stands in the histories of what each run was given, in order, at once or at a later attempt; every run completed."""
    heard: dict[str, list[list[str]]] = {}
    async for each in client.list_workflows("TaskQueue = 'journeys'"):
        assert each.status is WorkflowExecutionStatus.COMPLETED, each.id
        later: dict[int, str] = {}
        async for event in client.get_workflow_handle(each.id).fetch_history_events():
            asked, told = event.activity_task_scheduled_event_attributes, event.activity_task_completed_event_attributes
            marker = event.marker_recorded_event_attributes
            if asked.activity_type.name:
                later[event.event_id] = asked.activity_type.name
            elif later.get(told.scheduled_event_id) == "choose":
                heard.setdefault(each.id, []).append(loads(told.result.payloads[0].data)["options"])
            elif "result" in marker.details and loads(marker.details["data"].payloads[0].data)["activity_type"] == "choose":
                heard.setdefault(each.id, []).append(loads(marker.details["result"].payloads[0].data)["options"])
    return heard
