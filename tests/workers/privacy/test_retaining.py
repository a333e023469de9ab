"""What the schedule starts takes away what is too old. (That it is made: `tests/workers/test_embedded_temporal.py`.)"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from journeys.contracts import WATCH_QUEUE
from store import Database
from store.ingest.dead_letters import DeadLetter, bury
from workers.privacy.retaining import Retain
from workers.testing.shop import open_shop


async def test_the_workflow_takes_what_is_too_old(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> None:
    await bury(database.pool, [DeadLetter("shop", datetime.now(UTC) - timedelta(days=3), None, "bad", "1")])
    async with open_shop(database, dsn, temporal_address, tmp_path, keep_dead_letters=2) as shop:
        await shop.client.execute_workflow(Retain.run, id=f"retention-{uuid4()}", task_queue=WATCH_QUEUE)
        assert await database.pool.fetchval("select count(*) from dead_letter") == 0
        [taken] = (await shop.operate("GET", "/v1/retention")).json()
        assert (taken["kind"], taken["rows"]) == ("dead_letters", 1)
