"""From the shop to the sums, on real servers: the watch hears of it, the chore adds it up, the night does so again."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from journeys.contracts import WATCH_QUEUE
from store import Database
from store.segments.sizes import sizes
from tests.activities.test_deliver import finish
from tests.command_line import in_thread
from workers.testing.shop import Shop, open_shop
from workers.workflows.recomputing import RecomputeSums
from workers.workflows.retaining import Retain

JOURNEY = "an_hour_later"


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="sending_catalogue") as opened:
        await opened.parts.folding.declare()
        yield opened


async def told(shop: Shop, metric: str) -> list[tuple[str, str, int, int]]:
    """The sums of a metric, of all days: experiment, arm, n and y."""
    rows = await shop.database.pool.fetch(
        "select experiment, arm, sum(n)::integer as n, sum(y)::integer as y from daily_sum where metric = $1"
        " group by 1, 2 order by 1, 2",
        metric,
    )
    return [tuple(row) for row in rows]


async def test_what_is_bought_after_a_message_is_in_the_sums_once_the_watch_has_heard_of_it(shop: Shop) -> None:
    await shop.signs_up("ana", timezone="UTC")
    await finish(shop, JOURNEY)
    await shop.parts.folding.fold()
    [(experiment, arm, people, _)] = await told(shop, "exposed")
    assert (experiment, people) == ("$holdout/an_hour_later", 1)
    became = "sent" if arm == "written to" else "withheld"
    assert await told(shop, became) == [("", "", 1, 0), (experiment, arm, 1, 0)]
    assert await told(shop, "orders") == []
    exposed_at = await shop.database.pool.fetchval("select exposed_at from exposure")
    for _ in range(2):  # an SDK sends it twice
        await shop.does(
            "ana", "Order Completed", at=exposed_at + timedelta(seconds=1), order_id="o-1", revenue=30, messageId="m-1"
        )
    await shop.look()
    await shop.parts.folding.fold()
    assert await told(shop, "orders") == [(experiment, arm, 0, 1)]
    assert await told(shop, "revenue") == [(experiment, arm, 0, 30)]
    assert await told(shop, "conversion") == [(experiment, arm, 0, 1)]


async def test_the_night_finds_a_sum_that_is_wrong_and_an_operator_hears_of_it(shop: Shop, dsn: str) -> None:
    await shop.signs_up("ana", timezone="UTC")
    await finish(shop, JOURNEY)
    await shop.parts.folding.fold()
    right = await told(shop, "due")
    day = await shop.database.pool.fetchval("select min(day) from daily_sum where metric = 'due'")
    await shop.database.pool.execute("update daily_sum set n = n + 1 where metric = 'due'")
    again = await in_thread("sums", "recompute", "--day", day.isoformat(), "--json", database_url=dsn)
    assert again.returncode == 0, again.stderr
    assert {each["metric"] for each in json.loads(again.stdout)} == {"due"}
    assert await told(shop, "due") == right
    fine = await in_thread("sums", "recompute", "--day", day.isoformat(), database_url=dsn)
    assert fine.stdout.strip() == f"the sums of {day} are what ledger and events say"
    listed = await in_thread("sums", "differences", database_url=dsn)
    assert "due" in listed.stdout
    [journey] = [each for each in (await shop.operate("GET", "/v1/journeys")).json() if each["name"] == JOURNEY]
    assert any("of its sums were not what ledger and events say" in warning for warning in journey["warnings"])
    assert journey["conversion"]["within"] == timedelta(days=7).total_seconds()
    wrong = await in_thread("sums", "recompute", "--day", "yesterday", database_url=dsn)
    assert "yesterday is no day; write --day 2026-03-02" in wrong.stderr


async def test_the_workflow_of_the_night_adds_up_the_last_days_and_counts_members(shop: Shop, dsn: str) -> None:
    await shop.signs_up("ana", timezone="UTC")
    await finish(shop, JOURNEY)
    await shop.parts.folding.fold()
    day = (shop.clock.now() - timedelta(days=1)).date()
    await shop.database.pool.execute(
        "insert into daily_sum (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n)"
        " values ($1, 'x', '', 'push:x', 'push', '', '', '', '', 'sent', '', 3)", day
    )  # fmt: skip
    earlier, version = day - timedelta(days=9), await shop.database.pool.fetchval("select version from exposure")
    await shop.database.pool.execute(
        "insert into daily_sum (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n)"
        " values ($1, $2, '', '', '', '', '', '$holdout/' || $2, 'written to', 'exposed', '', 500)", earlier, JOURNEY
    )  # fmt: skip
    await shop.database.pool.execute("insert into segment_size (segment, members) values ('left-long-ago', 4)")
    await shop.client.execute_workflow(RecomputeSums.run, id=f"recompute-{uuid4()}", task_queue=WATCH_QUEUE)
    assert await shop.database.pool.fetchval("select count(*) from daily_sum where journey = 'x'") == 0
    assert await shop.database.pool.fetchval("select count(*) from sum_difference where journey = 'x'") == 1
    assert await sizes(shop.database, ["left-long-ago"]) == {"left-long-ago": 0}
    listed = await in_thread("sums", "differences", database_url=dsn)
    [line] = [line for line in listed.stdout.splitlines() if "left-long-ago" in line]
    assert line.split()[1:] == ["left-long-ago", "members", "4", "·", "0", "0", "·", "0"]
    [decided] = await shop.database.pool.fetch("select * from experiment_decision")
    assert (decided["experiment"], decided["question"], decided["decision"]) == (f"$holdout/{JOURNEY}", "written to", "broken")
    assert (decided["day"], decided["look"]) == (earlier, 1), "500 of one arm and nobody of the other are not by half and half"
    assert decided["version"] == version, "by what the catalogue of its first customer's run declares"


async def test_what_counts_by_events_that_go_stays_in_the_sums(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="sending_catalogue", keep_events=3) as shop:
        await shop.parts.folding.declare()
        await shop.signs_up("ana", timezone="UTC")
        await finish(shop, JOURNEY)
        await shop.parts.folding.fold()
        exposed = await told(shop, "exposed")
        assert await database.pool.fetchval("select count(*) from customer_value") == 1
        await shop.client.execute_workflow(Retain.run, id=f"retention-{uuid4()}", task_queue=WATCH_QUEUE)
        assert await database.pool.fetchval("select count(*) from customer_value") == 0, "it looks 28 days back"
        assert await database.pool.fetchval("select sum(n) from kept_sum where metric = 'exposed'") == 1
        assert await told(shop, "exposed") == exposed
