"""Hours in a bucket (KPI-06): every row once by what manifests name, whatever breaks off, comes late, changes or is erased."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import duckdb
import pytest
from uuid_utils.compat import uuid7

from store import Database
from store.customers import erasure
from store.exports import Name
from store.exports.bucket import Bucket, BucketFails
from store.exports.hourly import MANIFEST, Hourly
from store.exports.hours import Hour, due, forget, in_bucket, of_erasure, plan, settled, written
from store.retention import Keep, retain

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
LAG = timedelta(minutes=5)
MARK = "qzxjw"


@dataclass
class Filling:
    """A bucket on a disk, or where it is said to be, and what fills it, by a clock of the test's own."""

    database: Database
    folder: Path
    url: str
    now: datetime = NINE + HOUR + LAG
    hourly: Hourly = field(init=False)

    def __post_init__(self) -> None:
        self.hourly = Hourly(self.database, Bucket(self.url), lambda _: self.now)

    async def fill(self, *tables: Name, hours: Sequence[datetime] = (NINE,)) -> list[str]:
        """What the schedule does once these hours are over, from the first on; returns which were written or compared."""
        self.now = max(self.now, hours[-1] + HOUR + LAG)
        await plan(self.database, tables or (Name.EVENTS,), self.now, LAG, hours[0])
        return await self.go_on()

    async def go_on(self, *tables: Name) -> list[str]:
        """What the schedule does each hour, for all that is known and what was missed of these."""
        await plan(self.database, tables, self.now, LAG)
        await settled(self.database)
        hours = await due(self.database, self.now, LAG, 1000)
        for hour in hours:
            await self.hourly.write(hour)
        return [f"{hour.table} {hour.begins:%d %H}" for hour in hours]

    def manifests(self, table: str = "events") -> list[dict[str, Any]]:
        return [json.loads(path.read_bytes()) for path in sorted(self.folder.glob(f"{table}/*/*/{MANIFEST}"))]

    def rows(self, table: str = "events", what: str = "message_id") -> list[Any]:
        """As a warehouse reads them: the files that manifests name."""
        files = [str(self.folder / file["path"]) for each in self.manifests(table) for file in each["files"]]
        found = duckdb.sql(f"select {what} from read_parquet({files!r}) order by all").fetchall() if files else []
        return [row[0] if len(row) == 1 else row for row in found]

    def all_files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def filling(database: Database, tmp_path: Path) -> Filling:
    return Filling(database, tmp_path / "bucket", f"file://{tmp_path}/bucket")


async def customer(database: Database) -> UUID:
    who = UUID(str(uuid7()))
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", who, NINE)
    return who


async def did(database: Any, who: UUID, said: str, received_at: datetime, ts: datetime | None = None) -> None:
    await database.execute(
        "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
        " values ($1, $4, 'Said', 'track', $2, jsonb_build_object('said', $2::text), 'web', $3)",
        who, said, received_at, ts or received_at,
    )  # fmt: skip


async def test_kpi_06_an_hour_is_a_file_that_a_manifest_names_and_another_engine_reads(filling: Filling) -> None:
    ana = await customer(filling.database)
    for n in range(3):
        await did(filling.database.pool, ana, f"m-{n}", NINE + n * timedelta(minutes=25))
    await did(filling.database.pool, ana, "later", NINE + HOUR)
    assert await filling.fill() == ["events 02 09"]
    [told] = filling.manifests()
    assert (told["table"], told["clock"], told["from"], told["to"]) == (
        "events", "received_at", "2026-03-02T09:00:00+00:00", "2026-03-02T10:00:00+00:00",
    )  # fmt: skip
    assert (told["version"], told["rows"], told["written_at"]) == (1, 3, "2026-03-02T10:05:00+00:00")
    [file] = told["files"]
    assert file["path"].startswith("events/day=2026-03-02/hour=09/")
    content = (filling.folder / file["path"]).read_bytes()
    assert (file["sha256"], file["bytes"], file["rows"]) == (hashlib.sha256(content).hexdigest(), len(content), 3)
    assert {each["name"]: each["about"] for each in told["columns"]}["message_id"].startswith("The id its sender")
    assert filling.rows() == ["m-0", "m-1", "m-2"]
    assert len(filling.all_files()) == 2


async def test_hours_that_were_missed_come_in_order_and_an_empty_one_is_known_to_be_empty(filling: Filling) -> None:
    ana = await customer(filling.database)
    await filling.fill(Name.EVENTS, Name.RUNS)
    for n in range(1, 5):
        await did(filling.database.pool, ana, f"m-{n}", NINE + n * HOUR)
    filling.now += 4 * HOUR
    assert await filling.go_on(Name.EVENTS, Name.RUNS) == [
        f"{name} 02 {hour}" for hour in (10, 11, 12, 13) for name in ("events", "runs")
    ]
    assert filling.rows() == ["m-1", "m-2", "m-3", "m-4"]
    assert [(each["rows"], len(each["files"])) for each in filling.manifests("runs")] == [(0, 0)] * 5
    filling.now += timedelta(minutes=50)
    assert await filling.go_on(Name.EVENTS, Name.RUNS) == [], "this hour is not over for long enough"


async def test_an_hour_waits_for_who_writes_into_it(filling: Filling) -> None:
    """A transaction that stamped its rows in time and is slow to commit: the row is in the file, or there is no file yet."""
    ana = await customer(filling.database)
    async with filling.database.pool.acquire() as slow:
        writing = slow.transaction()
        await writing.start()
        await did(slow, ana, "slow", NINE + timedelta(minutes=59))
        filled = asyncio.create_task(filling.fill())
        async with asyncio.timeout(20):
            while not await filling.database.pool.fetchval("select count(*) from export_hour"):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
        await did(filling.database.pool, ana, "quick", NINE + timedelta(minutes=58))
        assert not filling.manifests()
        await writing.commit()
    assert await filled == ["events 02 09"]
    assert filling.rows() == ["quick", "slow"]


async def test_written_again_it_is_the_same_and_nothing_is_written(filling: Filling) -> None:
    ana = await customer(filling.database)
    await did(filling.database.pool, ana, "m", NINE)
    await filling.fill()
    had = {path: path.stat().st_mtime_ns for path in filling.all_files()}
    assert (await filling.hourly.write(Hour(Name.EVENTS, NINE))).version == 1
    assert {path: path.stat().st_mtime_ns for path in filling.all_files()} == had
    await forget(filling.database)
    assert await in_bucket(filling.database) == []
    await filling.fill()
    assert filling.all_files() == sorted(had), "the same rows are the same bytes, under the same name"


async def test_a_row_that_came_late_after_all_is_found_a_day_later(filling: Filling) -> None:
    ana = await customer(filling.database)
    await did(filling.database.pool, ana, "m", NINE)
    await filling.fill()
    await did(filling.database.pool, ana, "of a clock that is slow", NINE)
    filling.now += timedelta(hours=23)
    assert await filling.go_on() == []
    filling.now += HOUR
    assert await filling.go_on() == ["events 02 09"]
    assert filling.rows() == ["m", "of a clock that is slow"]
    assert [each["version"] for each in filling.manifests()] == [2]
    assert len(list(filling.folder.glob("events/day=2026-03-02/hour=09/*.parquet"))) == 1, "the former file is gone"
    filling.now += HOUR
    assert await filling.go_on() == [], "and once is enough"


async def test_hours_that_a_clock_ahead_had_written_are_written_when_they_are_over(filling: Filling) -> None:
    """Two days ahead: they were written empty, and looked at a day after for the last time, before they had begun."""
    ana = await customer(filling.database)
    await did(filling.database.pool, ana, "m-0", NINE)
    await filling.fill()
    filling.now += timedelta(hours=49)
    assert len(await filling.go_on(Name.EVENTS)) == 49 + 1
    filling.now -= timedelta(hours=49)
    assert await filling.go_on(Name.EVENTS) == ["events 02 09"], "it was looked at in a time that is to come"
    assert [each.waiting for each in await in_bucket(filling.database)] == [49]
    for n in (1, 2):
        await did(filling.database.pool, ana, f"m-{n}", NINE + n * HOUR)
    filling.now += 2 * HOUR
    assert await filling.go_on(Name.EVENTS) == ["events 02 10", "events 02 11"]
    assert filling.rows() == ["m-0", "m-1", "m-2"]
    assert [each["version"] for each in filling.manifests()][:3] == [2, 2, 2], "who read the empty ones reads them again"


async def test_what_the_bucket_has_lost_is_told_and_written_anew_as_far_as_it_is_there(filling: Filling) -> None:
    ana = await customer(filling.database)
    hours = [NINE + n * HOUR for n in range(5)]
    for n, at in enumerate(hours):
        await did(filling.database.pool, ana, f"m-{n}", at)
        await did(filling.database.pool, ana, f"n-{n}", at)
    filling.now += 4 * HOUR
    await filling.fill(Name.EVENTS, Name.RUNS, hours=hours)
    there = [(hour, rows) for hour, rows in await written(filling.database) if hour.table is Name.EVENTS]
    assert there == [(Hour(Name.EVENTS, at), 2) for at in hours]
    assert [await filling.hourly.wrong(hour) for hour, _ in there] == [""] * 5

    _, no_file, no_manifest, other_file, other_manifest = (filling.folder / hour.folder for hour, _ in there)
    next(no_file.glob("*.parquet")).unlink()
    (no_manifest / MANIFEST).unlink()
    content = next(other_file.glob("*.parquet"))
    content.write_bytes(content.read_bytes()[:-1] + b"x")
    said = json.loads((other_manifest / MANIFEST).read_bytes())
    (other_manifest / MANIFEST).write_text(json.dumps(said | {"files": []}))
    wrong = [await filling.hourly.wrong(hour) for hour, _ in there]
    assert wrong == ["", "its file is missing", "its manifest is missing", "its file is altered", "its manifest is altered"]
    for nothing in ("", "[]", "{"):
        (other_manifest / MANIFEST).write_text(nothing)
        assert await filling.hourly.wrong(there[4][0]) == wrong[4]

    await filling.database.pool.execute("delete from event where message_id = 'm-1'")  # as retention takes rows
    stand = [await filling.hourly.write(hour, again=True) for (hour, _), why in zip(there, wrong, strict=True) if why]
    assert [(each.version, each.rows) for each in stand] == [(2, 1), (2, 2), (2, 2), (2, 2)]
    assert [await filling.hourly.wrong(hour) for hour, _ in there] == [""] * 5
    assert filling.rows() == sorted({"m-0", *(f"{each}-{n}" for each in "mn" for n in range(5))} - {"m-1"})
    assert {each["rows"] for each in filling.manifests("runs")} == {0}
    assert await filling.hourly.wrong(Hour(Name.RUNS, NINE)) == "", "an hour without rows has no file to miss"


@pytest.mark.parametrize("after", ["put", "keep"])
async def test_kpi_06_an_attempt_that_is_cut_short_leaves_nothing_that_counts_and_the_next_cleans_up(
    filling: Filling, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    ana = await customer(filling.database)
    await did(filling.database.pool, ana, "m-1", NINE)
    real = getattr(filling.hourly.files, after)

    def cut_short(*given: Any) -> None:
        if after == "put":
            real(*given)
        raise BucketFails("the power is out")

    monkeypatch.setattr(filling.hourly.files, after, cut_short)
    with pytest.raises(BucketFails):
        await filling.fill()
    assert len(filling.manifests()) == (0 if after == "put" else 1)
    monkeypatch.undo()
    await did(filling.database.pool, ana, "m-2", NINE + timedelta(minutes=1))
    assert await filling.fill() == ["events 02 09"]
    assert filling.rows() == ["m-1", "m-2"]
    assert [each["version"] for each in filling.manifests()] == [2]
    assert len(filling.all_files()) == 2, "what the first attempt has left is gone"


async def test_an_hour_whose_mending_breaks_off_is_told_and_written_by_the_next(
    filling: Filling, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = await customer(filling.database)
    await did(filling.database.pool, ana, "m-1", NINE)
    await filling.fill()
    hour = Hour(Name.EVENTS, NINE)
    (filling.folder / hour.folder / MANIFEST).unlink()
    filling.now += 48 * HOUR
    await filling.go_on()  # long after its hour was compared once more

    def full(*_: Any) -> None:
        raise BucketFails("no room")

    with monkeypatch.context() as patch:
        patch.setattr(filling.hourly.files, "put", full)
        with pytest.raises(BucketFails):
            await filling.hourly.write(hour, again=True)
    assert hour in [each for each, _ in await written(filling.database)]
    assert await filling.hourly.wrong(hour) == "its writing broke off"
    assert "events 02 09" in await filling.go_on()
    assert (await filling.hourly.wrong(hour), filling.rows()) == ("", ["m-1"])


async def messaged(database: Database, who: UUID, at: datetime, key: str) -> UUID:
    run = UUID(str(uuid7()))
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, created_at, workflow_id, entry_key, params)"
        " values ($1, 'cart', $2, 'api', $3, $3, ($1::uuid)::text, $4::text, jsonb_build_object('x', $4::text))",
        run, who, at, key,
    )  # fmt: skip
    await database.pool.execute(
        "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, due_at,"
        " provider_message_id) values ($1, 'push:a', 1, $2, 'cart', 'push', 'marketing', 'a', 'sent', $3, $4)",
        run, who, at, f"at-{key}",
    )  # fmt: skip
    return run


async def test_what_changes_after_its_hour_is_in_the_file_a_day_later(filling: Filling) -> None:
    tables = Name.RUNS, Name.DELIVERIES
    ana = await customer(filling.database)
    run = await messaged(filling.database, ana, NINE, "k")
    await filling.fill(*tables)
    await filling.database.pool.execute("update run set ended_at = $1, outcome = 'finished'", NINE + 9 * HOUR)
    await filling.database.pool.execute("update delivery set read_at = $1", NINE + 9 * HOUR)
    await messaged(filling.database, ana, NINE + timedelta(minutes=1), "late")
    assert [each.stale for each in await in_bucket(filling.database)] == [1, 1]
    filling.now += timedelta(hours=20)
    assert await filling.go_on() == ["deliveries 02 09", "runs 02 09"]
    assert filling.rows("runs", "outcome") == ["finished", None]
    assert filling.rows("deliveries", "read_at is not null") == [False, True]
    assert [each.stale for each in await in_bucket(filling.database)] == [0, 0]
    filling.now += timedelta(days=100)
    await filling.database.pool.execute("update run set ended_by = 'a goal' where id = $1", run)
    await filling.go_on()
    assert filling.rows("runs", "coalesce(ended_by, '')") == ["", "a goal"], "however long a run takes"


async def erased(filling: Filling, who: UUID) -> UUID:
    begun = await erasure.begin(filling.database, who, lambda _, address: address.encode(), at=filling.now, by="test")
    assert begun is not None
    while (await erasure.purge(filling.database, begun.id, filling.now)).rows:
        pass
    for hour in await of_erasure(filling.database, begun.id):
        await filling.hourly.write(hour, first=False)
    assert await of_erasure(filling.database, begun.id) == []
    return begun.id


def holding(filling: Filling, text: str) -> list[Path]:
    """Files in which a text stands, compressed or not: whatever they are, named by a manifest or by nobody."""
    found = []
    for path in filling.all_files():
        if path.suffix == ".parquet":
            rows = duckdb.sql(f"select * from read_parquet('{path}')").fetchall()
            found += [path] if text in str(rows) else []
        elif text in path.read_text():
            found.append(path)
    return found


async def test_gov_01_after_an_erasure_no_file_holds_them_and_the_others_rows_are_there(filling: Filling) -> None:
    ana, bea = await customer(filling.database), await customer(filling.database)
    for n in range(3):
        await did(filling.database.pool, ana, f"{MARK}-{n}", NINE + n * HOUR)
        await did(filling.database.pool, bea, f"b-{n}", NINE + n * HOUR)
    await messaged(filling.database, ana, NINE, f"{MARK}-cart")
    await filling.database.pool.execute(
        "insert into consent (profile_id, channel, purpose, state, said_by, source, at, received_at)"
        " values ($1, 'email', 'marketing', 'granted', 'customer', $2, $3, $3)", ana, f"{MARK} form", NINE,
    )  # fmt: skip
    hours = [NINE, NINE + HOUR, NINE + 2 * HOUR]
    await filling.fill(*Name, hours=hours)
    assert {path.parts[-4] for path in holding(filling, MARK)} == {"events", "runs", "deliveries", "consents"}
    filling.now = NINE + 3 * HOUR + LAG
    told = await erased(filling, ana)
    assert holding(filling, MARK) == []
    assert filling.rows() == ["b-0", "b-1", "b-2"]
    assert filling.rows("runs", "entry_key") == [""], "the run stays, without the person"
    counts = (await erasure.erasure(filling.database, told)).counts  # type: ignore[union-attr]
    assert counts[erasure.FILES] == 6, "three of events, and one each of runs, deliveries and consents"
    await filling.fill(Name.ERASURES, hours=[NINE + 3 * HOUR])
    assert filling.rows("erasures", "customer_id") == [str(ana)], "so that copies elsewhere can be cleaned"


async def test_gov_01_files_name_whom_a_row_was_of_and_an_erasure_finds_it_by_whom_it_is_of(filling: Filling) -> None:
    """A merge after the file was written, and one that was undone: the row goes with whose it is now."""
    ana, bea = await customer(filling.database), await customer(filling.database)
    await did(filling.database.pool, ana, MARK, NINE)
    await did(filling.database.pool, ana, "really bea's", NINE)
    await filling.fill()
    await filling.database.pool.execute("update event set profile_id = $1 where message_id = 'really bea''s'", bea)
    await erased(filling, ana)
    assert holding(filling, MARK) == []
    assert filling.rows(what="message_id, customer_id") == [("really bea's", str(bea))]


async def test_gov_01_a_broken_attempt_at_an_hour_is_no_hiding_place(filling: Filling, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = await customer(filling.database)
    await did(filling.database.pool, ana, MARK, NINE)

    def cut_short(*_: Any) -> None:
        raise BucketFails("the power is out")

    with monkeypatch.context() as patched:
        patched.setattr(filling.hourly.files, "keep", cut_short)
        with pytest.raises(BucketFails):
            await filling.fill()
    assert len(holding(filling, MARK)) == 1
    await erased(filling, ana)
    assert filling.all_files() == []
    await filling.fill()
    assert [each["rows"] for each in filling.manifests()] == [0]


async def test_events_that_are_kept_no_longer_leave_the_files_too(filling: Filling) -> None:
    """Of a week that goes, also what came late and stands in the file of a newer hour."""
    ana = await customer(filling.database)
    await filling.database.pool.execute("select ensure_event_week($1)", NINE)
    newer = NINE + timedelta(days=9)
    await did(filling.database.pool, ana, f"{MARK}-1", NINE)
    await did(filling.database.pool, ana, f"{MARK}-2", newer, NINE)
    await did(filling.database.pool, ana, f"{MARK}-3", newer, NINE - timedelta(days=99))  # of a week that has no table
    await did(filling.database.pool, ana, "new", newer)
    await filling.fill(hours=[NINE, newer])
    assert len(holding(filling, MARK)) == 2
    filling.now = newer + timedelta(days=2)
    await retain(filling.database, Keep(events=timedelta(days=3)), filling.now)
    await filling.go_on()
    assert filling.rows() == ["new"]
    assert holding(filling, MARK) == []


@pytest.fixture(scope="module")
def moto_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
async def at_amazon(
    moto_server: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    """Filling a bucket at an independent S3, and that bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    amazon = boto3.resource("s3", endpoint_url=f"http://{moto_server}", region_name="eu-west-1")
    bucket = amazon.create_bucket(Bucket="warehouse", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    there = f"?scheme=http&endpoint_override={moto_server}&region=eu-west-1"
    yield Filling(database, tmp_path, f"s3://warehouse/journeys{there}"), bucket
    bucket.objects.all().delete()
    bucket.delete()


async def test_kpi_06_a_bucket_at_s3_holds_the_same(at_amazon: Any) -> None:
    filling, bucket = at_amazon
    ana, bea = await customer(filling.database), await customer(filling.database)
    await did(filling.database.pool, ana, MARK, NINE)
    await did(filling.database.pool, bea, "b", NINE)
    assert await filling.fill() == ["events 02 09"]
    before = {each.key for each in bucket.objects.all()}
    await erased(filling, ana)
    keys = {each.key for each in bucket.objects.all() if each.size}  # the library leaves an empty one for a folder
    file, manifest = sorted(keys, key=lambda key: key.endswith(MANIFEST))
    assert len(before & keys) == 1, "the manifest; the file is another one"
    told = json.loads(bucket.Object(manifest).get()["Body"].read())
    assert manifest == f"journeys/events/day=2026-03-02/hour=09/{MANIFEST}"
    assert [f"journeys/{each['path']}" for each in told["files"]] == [file]
    content = bucket.Object(file).get()["Body"].read()
    assert hashlib.sha256(content).hexdigest() == told["files"][0]["sha256"]
    hour = Hour(Name.EVENTS, NINE)
    assert await filling.hourly.wrong(hour) == ""
    bucket.Object(file).put(Body=content[::-1])
    assert await filling.hourly.wrong(hour) == "its file is altered"
    bucket.Object(file).delete()
    assert await filling.hourly.wrong(hour) == "its file is missing"
    (filling.folder / "f.parquet").write_bytes(content)
    assert duckdb.sql(f"select message_id from '{filling.folder}/f.parquet'").fetchall() == [("b",)]


async def test_a_bucket_that_is_not_there_is_told_without_what_is_secret(at_amazon: Any) -> None:
    filling, _ = at_amazon
    filling.hourly.files.url = filling.url.replace("warehouse", "nowhere")
    with pytest.raises(BucketFails, match=r"in s3://nowhere/journeys \(JOURNEYS_EXPORT_BUCKET\) failed: .*NO_SUCH_BUCKET"):
        await filling.fill()
