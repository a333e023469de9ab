"""What the schedule starts takes away what is too old. (That it is made: `tests/workers/test_embedded_temporal.py`.)"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from journeys.contracts import WATCH_QUEUE
from store import Database
from store.ingest.dead_letters import DeadLetter, bury
from tests.activities.test_deliver import start
from tests.activities.test_in_app import inside
from workers.testing.shop import open_shop
from workers.workflows.retaining import Retain


async def test_the_workflow_takes_what_is_too_old(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> None:
    await bury(database.pool, [DeadLetter("shop", datetime.now(UTC) - timedelta(days=3), None, "bad", "1")])
    async with open_shop(database, dsn, temporal_address, tmp_path, keep_dead_letters=2) as shop:
        await shop.client.execute_workflow(Retain.run, id=f"retention-{uuid4()}", task_queue=WATCH_QUEUE)
        assert await database.pool.fetchval("select count(*) from dead_letter") == 0
        [taken] = (await shop.operate("GET", "/v1/retention")).json()
        assert (taken["kind"], taken["rows"]) == ("dead_letters", 1)


async def test_what_the_inbox_showed_goes_some_days_after_it_expired(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", keep_inbox=7) as shop:
        await shop.signs_up("ana")
        run = await start(shop, "while_vip")
        for occurrence in (1, 2):
            assert (await shop.parts.delivery.deliver(inside(run, occurrence=occurrence))).sent
        ended = "update inbox set expires_at = $1 where occurrence = $2"
        await database.pool.execute(ended, shop.clock.now() - timedelta(days=8), 1)
        await database.pool.execute(ended, shop.clock.now() - timedelta(days=6), 2)
        await shop.client.execute_workflow(Retain.run, id=f"retention-{uuid4()}", task_queue=WATCH_QUEUE)
        assert [row["occurrence"] for row in await database.pool.fetch("select occurrence from inbox")] == [2]
        [taken] = (await shop.operate("GET", "/v1/retention")).json()
        assert (taken["kind"], taken["rows"]) == ("inbox", 1)
        assert await database.pool.fetchval("select count(*) from delivery where channel = 'in_app'") == 2, "it was sent"
