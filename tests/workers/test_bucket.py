"""The bucket on the real stack: what the schedule starts, an erasure that waits for it, and `journeys bucket`."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import duckdb
import pytest

from journeys.contracts import WATCH_QUEUE
from store import Database
from store.customers.certificate import as_text
from store.exports import Name
from store.exports.bucket import Bucket, BucketFails
from store.exports.hourly import MANIFEST
from tests.command_line import in_thread
from tests.workers.privacy.test_erasing import customer_of, erased
from workers.testing.shop import Shop, open_shop
from workers.workflows.exporting import ExportHours

MARK = "qzxjw"
HOUR = timedelta(hours=1)


@pytest.fixture
async def shop(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    there = f"file://{tmp_path}/bucket"
    async with open_shop(database, dsn, temporal_address, tmp_path, export_bucket=there, export_tables="events,runs") as opened:
        yield opened


async def hourly(shop: Shop) -> dict[str, int]:
    """What the schedule starts."""
    done: dict[str, int] = await shop.client.execute_workflow(
        ExportHours.run, id=f"export-hours-{uuid4()}", task_queue=WATCH_QUEUE
    )
    return done


def in_the_bucket(folder: Path) -> dict[str, list[Any]]:
    """Of each table, the events or workflows that files hold which a manifest names."""
    found: dict[str, list[Any]] = {}
    for path in sorted((folder / "bucket").rglob(MANIFEST)):
        told = json.loads(path.read_bytes())
        files = [str(folder / "bucket" / file["path"]) for file in told["files"]]
        rows = duckdb.sql(f"select * from read_parquet({files!r})").fetchall() if files else []
        found.setdefault(told["table"], []).extend(rows)
    return found


async def test_kpi_06_the_workflow_writes_what_is_over_and_what_it_missed(shop: Shop, tmp_path: Path) -> None:
    began = shop.clock.now().replace(minute=0, second=0, microsecond=0)
    shop.clock.set(began + timedelta(minutes=30))
    await hourly(shop)
    for n in range(3):
        await shop.does("ana", f"Thing {n}", at=began + n * HOUR + timedelta(minutes=59))
    shop.clock.set(began + 3 * HOUR + timedelta(minutes=4))
    assert await hourly(shop) == {"hours": 4}
    assert len(in_the_bucket(tmp_path)["events"]) == 2, "the last hour is not over for five minutes"
    shop.clock.set(began + 3 * HOUR + timedelta(minutes=5))
    assert await hourly(shop) == {"hours": 2}
    assert [row[3] for row in in_the_bucket(tmp_path)["events"]] == ["Thing 0", "Thing 1", "Thing 2"]
    assert await hourly(shop) == {"hours": 0}


async def test_gov_01_an_erasure_is_certified_when_no_file_holds_them_any_more(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bucket is away at first."""
    await shop.does("ana", "Product Viewed", note=MARK)
    await shop.does("bea", "Product Viewed", note="hers")
    shop.clock.set(shop.clock.now().replace(minute=5) + HOUR)
    await hourly(shop)
    assert MARK in str(in_the_bucket(tmp_path))
    away = [True, True]
    real = Bucket.put

    def put(bucket: Bucket, path: str, content: IO[bytes]) -> None:
        if away:
            away.pop()
            raise BucketFails("the bucket is away")
        real(bucket, path, content)

    monkeypatch.setattr(Bucket, "put", put)
    told = await erased(shop, await shop.operate("DELETE", f"/v1/profiles/{await customer_of(shop, 'ana')}"))
    assert not away
    assert MARK not in str(in_the_bucket(tmp_path))
    assert "hers" in str(in_the_bucket(tmp_path))
    assert len(list((tmp_path / "bucket").rglob("*.parquet"))) == 1, "and no file is left that nothing names"
    assert told["certificate"]["emptied"]["export_file"] == 1
    assert "1  files in the bucket, of which each was written anew without them" in as_text(told["certificate"])


async def run(dsn: str, *arguments: str, code: int = 0, bucket: str = "", **more: str) -> str:
    finished = await in_thread("bucket", *arguments, database_url=dsn, export_bucket=bucket, **more)
    assert finished.returncode == code, finished.stderr
    return finished.stdout + finished.stderr


async def test_older_hours_by_hand_and_what_is_there(dsn: str, database: Database, tmp_path: Path) -> None:
    there = f"file://{tmp_path}/bucket"
    assert "is not set: nothing is written" in await run(dsn, "status")
    assert "JOURNEYS_EXPORT_BUCKET is not set; set it to where" in await run(dsn, "write", code=1)
    since = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
    told = await run(dsn, "write", "--from", since.isoformat(), bucket=there, export_tables="runs", export_lag="PT0S")
    assert told.count(": 0 rows") == 3
    assert f"runs/day={since:%Y-%m-%d}/hour={since:%H}: 0 rows" in told
    assert "the bucket is up to date" in await run(dsn, "write", bucket=there, export_tables="runs", export_lag="PT0S")
    [row] = json.loads(await run(dsn, "status", "--json", bucket=there))
    assert (row["name"], row["hours"], row["waiting"], row["stale"]) == (Name.RUNS, 3, 0, 0)
    assert "all that was written is there, as it was put there" in await run(dsn, "status", "--check", bucket=there)
    lost = tmp_path / "bucket" / f"runs/day={since:%Y-%m-%d}/hour={since:%H}" / MANIFEST
    lost.unlink()
    checked = await run(dsn, "status", "--check", bucket=there, code=1)
    assert f"hour={since:%H}: its manifest is missing" in checked
    assert "1 hour to be written anew, as far as the rows are there" in checked
    [wrong] = json.loads(await run(dsn, "status", "--check", "--json", bucket=there, code=1))
    assert wrong == {"hour": f"runs/day={since:%Y-%m-%d}/hour={since:%H}", "wrong": "its manifest is missing"}
    await database.pool.execute("update export_hour set rows = 2 where hour = $1", since)  # as if retention had taken two
    told = await run(dsn, "write", "--check", bucket=there, export_tables="runs", export_lag="PT0S")
    assert "its manifest is missing; 0 rows written anew, 2 fewer than there were: erased since, or kept for as long" in told
    assert lost.exists()
    await database.pool.execute("update export_hour set hour = hour - interval '1 day'")
    shown = await run(dsn, "status", bucket=there)
    assert f"{since - timedelta(days=1):%Y-%m-%d %H}:00" in shown
    assert "hours behind: is a worker up" in shown
    assert "3 hours of tables forgotten" in await run(dsn, "forget", "--yes")


@pytest.mark.parametrize("wrong", ["bucket", "ftp://bucket/x", "s3:///x", "file://relative", "s3://key:secret@bucket/x"])
async def test_a_bucket_that_is_none_is_told_and_no_secret_shown(dsn: str, wrong: str) -> None:
    told = await run(dsn, "status", code=1, bucket=wrong)
    assert told.startswith("journeys: JOURNEYS_EXPORT_BUCKET: it ")
    assert "secret@" not in told
