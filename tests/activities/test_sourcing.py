"""Sources read for real: tables of Postgres by ADBC, files and a database of DuckDB's; changed, gone, erased, cut short."""

import asyncio
import json
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from temporalio.exceptions import ApplicationError

from activities.sourcing import syncing
from activities.sourcing.reading import CannotRead, plain, read
from journeys import CatalogueError, Source
from journeys.contracts import SourceReading
from store import Database, connect, sources
from store.customers.erasure import begin, purge
from store.sources import SourceRow
from tests.command_line import environment
from workers.testing.shop import Shop, open_shop

PASSWORD = "tricky-pass-word"
MEMBERS = Source("loyalty", connect="LOYALTY_URL", sql="select user_id, tier, points from members", key="user_id")
DATED = replace(MEMBERS, sql="select user_id, tier, points, updated_at from members")


@pytest.fixture
async def quiet(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as opened:
        yield opened


@pytest.fixture
async def elsewhere(dsn: str, database: Database) -> AsyncIterator[str]:
    """Another schema's tables of the company's, in the same server."""
    await database.pool.execute("create table members (user_id text, tier text, points numeric, updated_at timestamptz)")
    yield dsn
    await database.pool.execute("drop table if exists members")


async def reading(shop: Shop, source: Source, address: str | None, at: datetime | None = None) -> SourceRow:
    """Read it as Temporal would, at a later instant each time."""
    shop.clock.set(shop.clock.now() + timedelta(minutes=1))
    settings: Mapping[str, str | None] = {source.connect: address}
    there = replace(shop.parts.sourcing, declared={source.name: source}, addresses=settings.get)
    await there.declare()
    await there.read(SourceReading(source=source.name, at=at or shop.clock.now()))
    (found,) = await sources.found(shop.database, source.name)
    return found


async def say(shop: Shop, *rows: tuple[Any, ...]) -> None:
    await shop.database.pool.execute("delete from members")
    await shop.database.pool.executemany("insert into members values ($1, $2, $3, $4)", rows)


async def traits(shop: Shop, user: str) -> tuple[dict[str, Any], dict[str, Any]]:
    row = await shop.database.pool.fetchrow(
        "select p.traits, p.traits_from from identity i join profile p on p.id = i.profile_id where i.value = $1", user
    )
    return (row["traits"], row["traits_from"]) if row else ({}, {})


def counts(row: SourceRow) -> tuple[int, int, int, int]:
    return row.rows, row.changed, row.gone, row.bad


async def test_pro_07_a_table_of_a_warehouse_becomes_traits_and_moves_segments(quiet: Shop, elsewhere: str) -> None:
    """Postgres by ADBC; what changed is taken in, with where it came from, and nothing else is written."""
    when = datetime(2026, 1, 5, tzinfo=UTC)
    await say(quiet, ("ana", "gold", Decimal("12.50"), when), ("bea", "silver", Decimal(7), when), (None, "gold", None, when))
    first = await reading(quiet, MEMBERS, elsewhere)
    assert counts(first) == (3, 2, 0, 1)
    assert first.problems == [{"row": 3, "problem": "user_id is empty"}]
    said, origins = await traits(quiet, "ana")
    assert (said, origins["tier"]["source"]) == ({"tier": "gold", "points": 12.5}, "loyalty")
    await quiet.look()
    vips = "select count(*) from segment_member where segment = 'vips'"
    assert await quiet.database.pool.fetchval(vips) == 1
    events = "select count(*) from event"
    before = await quiet.database.pool.fetchval(events)
    assert counts(await reading(quiet, MEMBERS, elsewhere)) == (3, 0, 0, 1)
    assert await quiet.database.pool.fetchval(events) == before, "what has not changed is not told again"
    await say(quiet, ("ana", "silver", None, when), ("bea", "silver", Decimal(7), when))
    assert counts(await reading(quiet, MEMBERS, elsewhere)) == (2, 1, 0, 0)
    assert (await traits(quiet, "ana"))[0] == {"tier": "silver"}, "what is empty there is taken away here"
    await quiet.look()
    assert await quiet.database.pool.fetchval(vips) == 0


async def test_who_is_gone_loses_what_came_from_there_and_nothing_else(quiet: Shop, elsewhere: str) -> None:
    when = datetime(2026, 1, 5, tzinfo=UTC)
    everybody = [(f"u{n}", "gold", Decimal(n), when) for n in range(10)]
    await say(quiet, *everybody)
    await reading(quiet, MEMBERS, elsewhere)
    await quiet.send("identify", userId="u9", traits={"city": "Vigo", "points": 99})
    await say(quiet, *everybody[:9])
    assert counts(await reading(quiet, MEMBERS, elsewhere)) == (9, 0, 1, 0)
    assert (await traits(quiet, "u9"))[0] == {"city": "Vigo", "points": 99}, "of another source, or said since by another"
    await say(quiet, *everybody)
    assert counts(await reading(quiet, MEMBERS, elsewhere)) == (10, 1, 0, 0)
    assert (await traits(quiet, "u9"))[0]["tier"] == "gold"


@pytest.mark.parametrize("left", [0, 5])
async def test_an_outage_that_looks_like_an_empty_table_takes_nothing_from_anybody(
    left: int, quiet: Shop, elsewhere: str
) -> None:
    when = datetime(2026, 1, 5, tzinfo=UTC)
    everybody = [(f"u{n}", "gold", Decimal(n), when) for n in range(10)]
    await say(quiet, *everybody)
    read_at = (await reading(quiet, MEMBERS, elsewhere)).read_at
    await say(quiet, *everybody[:left])
    with pytest.raises(ApplicationError, match=f"{10 - left} of 10 customers are not in it any more"):
        await reading(quiet, MEMBERS, elsewhere)
    (now,) = await sources.found(quiet.database)
    assert (now.read_at, now.standing(quiet.clock.now())) == (read_at, "failing")
    assert (await traits(quiet, "u9"))[0]["tier"] == "gold"
    told = (await quiet.operate("GET", "/v1/concerns")).json()
    stale = [each["sentence"] for each in told if (each["segment"], each["id"]) == ("vips", "GOV-05")]
    assert [each for each in stale if each.startswith("asks for tier of the source loyalty, which was not read")] == stale
    assert stale != []
    assert counts(await reading(quiet, replace(MEMBERS, most_gone=1.0), elsewhere)) == (left, 0, 10 - left, 0)
    assert (await traits(quiet, "u9"))[0] == {}


async def test_a_reading_that_was_cut_short_counts_once(quiet: Shop, elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker dies after a batch was taken in, before that is written down; Temporal tries again with the same instant."""
    when = datetime(2026, 1, 5, tzinfo=UTC)
    await say(quiet, *((f"u{n}", "gold", Decimal(n), when) for n in range(5)))
    at = quiet.clock.now() + timedelta(minutes=1)

    async def dies(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(syncing.sources, "keep", dies)
        with pytest.raises(ConnectionError):
            await reading(quiet, MEMBERS, elsewhere, at)
    events = "select count(*) from event where source = 'loyalty'"
    assert await quiet.database.pool.fetchval(events) == 5
    assert counts(await reading(quiet, MEMBERS, elsewhere, at)) == (5, 5, 0, 0)
    assert await quiet.database.pool.fetchval(events) == 5


async def test_gov_01_whoever_was_erased_does_not_come_back_while_the_source_still_has_them(
    quiet: Shop, elsewhere: str
) -> None:
    when = datetime(2026, 1, 5, tzinfo=UTC)
    await say(quiet, ("ana", "gold", None, when), ("bea", "gold", None, when))
    await reading(quiet, MEMBERS, elsewhere)
    pool = quiet.database.pool
    ana: UUID = await pool.fetchval("select profile_id from identity where value = 'ana'")
    begun = await begin(quiet.database, ana, lambda *_: b"", at=quiet.clock.now(), by="test")
    assert begun is not None
    while (await purge(quiet.database, begun.id, quiet.clock.now())).rows:
        pass
    await say(quiet, ("ana", "platinum", None, when), ("bea", "gold", None, when))
    found = await reading(quiet, MEMBERS, elsewhere)
    assert (counts(found), found.erased) == ((2, 0, 0, 0), 1)
    assert await pool.fetchval("select count(*) from identity where value = 'ana'") == 0
    kept = str([tuple(row) for row in await pool.fetch("select * from source_row")])
    assert "ana" not in kept
    assert "bea" not in kept


async def test_raw_lines_of_a_till_become_events_once_each(quiet: Shop, tmp_path: Path) -> None:
    """Parquet files by DuckDB: only what is newer is read, what was committed late too, and nothing counts twice."""
    till = tmp_path / "till"
    till.mkdir()

    def sells(file: str, *lines: tuple[int, str, str, float]) -> None:
        values = ", ".join(f"({line}, '{who}', timestamptz '{at}', {price})" for line, who, at, price in lines)
        duckdb.sql(
            f"copy (select * from (values {values}) as t(line, who, sold_at, price)) to '{till / file}' (format parquet)"
        )

    source = Source(
        "till",
        connect="TILL_URL",
        sql=f"select * from read_parquet('{till}/*.parquet')",
        key="who",
        event="Store Purchase",
        id="line",
        at="sold_at",
        since=True,
    )
    sells("1.parquet", (1, "ana", "2026-01-05 10:00+00", 9.5), (2, "bea", "2026-01-05 10:04+00", 3.0))
    assert counts(await reading(quiet, source, "duckdb:")) == (2, 2, 0, 0)
    sells("2.parquet", (3, "ana", "2026-01-05 10:02+00", 1.0), (4, "ana", "2026-01-05 11:00+00", 2.0))
    found = await reading(quiet, source, "duckdb:")
    assert (found.rows, found.newest_at) == (4, datetime(2026, 1, 5, 11, tzinfo=UTC))
    rows = await quiet.database.pool.fetch(
        "select properties ->> 'price' as price, ts from event where type = 'Store Purchase' order by ts"
    )
    assert [row["price"] for row in rows] == ["9.5", "1", "3", "2"]
    sells("3.parquet", (5, "ana", "2026-01-05 12:00+00", 4.0))
    assert (await reading(quiet, source, "duckdb:")).rows == 2, "what is older than the newest is not read again"


async def test_a_query_is_a_list_and_who_left_it_is_off_the_list(quiet: Shop, tmp_path: Path) -> None:
    await quiet.signs_up("ana")
    await quiet.signs_up("bea")
    place = tmp_path / "crm.duckdb"
    guests = Source("guests", connect="CRM_URL", sql="select who from guests", key="who", to_list="gala-guests", most_gone=1.0)

    def invites(*who: str) -> None:
        with duckdb.connect(str(place)) as crm:
            crm.sql("create or replace table guests (who varchar)")
            crm.executemany("insert into guests values (?)", [[each] for each in who])

    invites("ana", "bea", "nobody")
    found = await reading(quiet, guests, f"duckdb://{place}")
    assert (counts(found), found.problems[0]["problem"]) == ((3, 2, 0, 1), "who names nobody whom we know")
    on = "select count(*) from (select distinct on (profile_id) properties ->> 'listed' as listed from event"
    on += " where type = '$list:gala-guests' order by profile_id, ts desc) as last where listed = 'true'"
    assert await quiet.database.pool.fetchval(on) == 2
    invites("bea")
    assert counts(await reading(quiet, guests, f"duckdb://{place}")) == (1, 0, 1, 0)
    assert await quiet.database.pool.fetchval(on) == 1


async def test_the_first_rows_are_read_to_be_tried_from_either_kind(quiet: Shop, elsewhere: str, tmp_path: Path) -> None:
    """`journeys sources try` asks the engines for a few rows: what it asks is SQL to both."""
    when = datetime(2026, 1, 5, tzinfo=UTC)
    await say(quiet, *((f"user-{number}", "gold", Decimal(number), when) for number in range(4)))
    place = tmp_path / "crm.duckdb"
    with duckdb.connect(str(place)) as crm:
        crm.sql("create table members as select 'user-' || i as user_id, 'gold' as tier, i as points from range(4) as four (i)")
    for address in (elsewhere, f"duckdb://{place}"):
        with warnings.catch_warnings(action="error"):  # whoever tries a source reads them
            (first,) = await asyncio.to_thread(lambda at=address: list(read(MEMBERS, at, limit=2)))
        assert [row["user_id"] for row in first.rows] == ["user-0", "user-1"]


async def test_a_source_is_tried_on_the_command_line(elsewhere: str, database: Database, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text(
        "from journeys import Source\n"
        'loyalty = Source("loyalty", connect="LOYALTY_URL", sql="select user_id, tier from members;", key="user_id")\n'
    )
    await database.pool.execute("insert into members values ('ana', 'gold', 1, now())")
    program = "import os, sys; os.environ['LOYALTY_URL'] = sys.argv.pop(1); from workers.cli.main import main; main()"
    told = [sys.executable, "-c", program, elsewhere, "sources", "try", "loyalty", "--json"]
    given = environment([str(tmp_path)], {"catalogue": "shop"})
    done = await asyncio.to_thread(partial(subprocess.run, told, env=given, capture_output=True, text=True, check=False))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [{"user_id": "ana", "tier": "gold"}]


@pytest.mark.parametrize(
    ("address", "sql", "said"),
    [
        (None, "select 1", "LOYALTY_URL is not set"),
        ("mysql://x", "select 1", "begins with none of"),
        ("duckdb:///nowhere/at/all.duckdb", "select 1", "LOYALTY_URL: "),
        (f"postgresql://ana:{PASSWORD}@127.0.0.1:1/x", "select 1 as user_id", "LOYALTY_URL: "),
        ("duckdb:", "select no_such from nothing", "LOYALTY_URL: "),
        ("duckdb:", "select 1 as other", "no column 'user_id'"),
        ("snowflake://x", "select 1", "pip install adbc-driver-snowflake"),
    ],
)
async def test_what_cannot_be_read_is_said_without_what_opens_it(address: str | None, sql: str, said: str, quiet: Shop) -> None:
    with pytest.raises(ApplicationError) as failed:
        await reading(quiet, replace(MEMBERS, sql=sql), address)
    (found,) = await sources.found(quiet.database)
    assert said in str(failed.value)
    assert said in str(found.failure)
    assert PASSWORD not in f"{failed.value}{found.failure}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "Loyalty"}, "is no name"),
        ({"connect": "postgresql://x"}, "not an address"),
        ({"sql": "delete from members"}, "no statement that reads"),
        ({"sql": "select 1; drop table x"}, "more than one"),
        ({"key": ""}, "no column"),
        ({"event": "Sale"}, "need at= and id="),
        ({"event": "Sale", "to_list": "x", "at": "a", "id": "b"}, "not both"),
        ({"since": True}, "needs at="),
        ({"every": timedelta(seconds=1)}, "between a minute"),
        ({"most_gone": 2.0}, "a share"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(CatalogueError, match=said):
        Source(**{"name": "loyalty", "connect": "LOYALTY_URL", "sql": "select 1", "key": "user_id"} | given)


def test_values_are_as_json_has_them() -> None:
    at = datetime(2026, 1, 5, 10)  # noqa: DTZ001 - as drivers give it
    assert [
        plain(each) for each in (at, Decimal("1.50"), Decimal(3), float("nan"), timedelta(minutes=1), {1: [at.date()]})
    ] == [*("2026-01-05T10:00:00+00:00", 1.5, 3, None, 60.0, {"1": ["2026-01-05"]})]
    with pytest.raises(ValueError, match="bytes"):
        plain(b"x")
    with pytest.raises(CannotRead):
        list(read(MEMBERS, "nothing"))


async def test_a_source_is_read_through_temporal_when_somebody_asks(trial: Shop, elsewhere: str) -> None:
    """By the API, the watch's chore and the workflow; the audit has who asked."""
    assert (await trial.operate("POST", "/v1/sources/loyalty/read")).status_code == 404
    await say(trial, ("ana", "gold", None, datetime(2026, 1, 5, tzinfo=UTC)))
    served = trial.parts.sourcing
    object.__setattr__(served, "declared", {"loyalty": MEMBERS})
    object.__setattr__(served, "addresses", {"LOYALTY_URL": elsewhere}.get)
    await served.declare()
    assert (await trial.operate("POST", "/v1/sources/loyalty/read")).status_code == 202
    await served.wake()
    told = await trial.client.get_workflow_handle("source/loyalty/asked").result()
    assert told == "1 rows, 1 changed, 0 gone, 0 bad"
    (shown,) = (await trial.operate("GET", "/v1/sources")).json()["sources"]
    assert (shown["state"], shown["latency"], shown["known"]) == ("read", "batch, every 1 h", 1)
    assert await sources.asked(trial.database) == []


async def test_a_table_elsewhere_is_read_by_another_role(elsewhere: str) -> None:
    """ADBC reads what the role may, in batches."""
    there = await connect(elsewhere)
    await there.pool.execute("insert into members select 'u' || n, 'gold', n, now() from generate_series(1, 5000) as n")
    await there.close()
    assert [len(some.rows) for some in read(MEMBERS, elsewhere)] == [2_000, 2_000, 1_000]


async def test_a_row_of_the_future_takes_nothing_away_from_later_ones(quiet: Shop, elsewhere: str) -> None:
    source = replace(DATED, event="Store Purchase", id="tier", at="updated_at", since=True)
    now = quiet.clock.now()
    await say(quiet, ("ana", "line-1", 1, now), ("ana", "line-2", 1, now + timedelta(days=30_000)))
    first = await reading(quiet, source, elsewhere)
    assert (first.changed, first.newest_at is not None and first.newest_at <= quiet.clock.now()) == (2, True)
    assert first.problems == [{"row": 2, "problem": "updated_at is in the future; it counts as of now"}]
    await quiet.database.pool.execute("insert into members values ('bea', 'line-3', 1, $1)", quiet.clock.now())
    await reading(quiet, source, elsewhere)
    assert await quiet.database.pool.fetchval("select count(*) from event where type = 'Store Purchase'") == 3


async def test_a_mark_that_stands_in_the_future_is_set_right(quiet: Shop, elsewhere: str) -> None:
    source = replace(DATED, at="updated_at", since=True)
    await say(quiet, ("ana", "gold", 1, quiet.clock.now()))
    await reading(quiet, source, elsewhere)
    await quiet.database.pool.execute("update source set newest_at = '2099-01-01'")
    await say(quiet, ("ana", "silver", 1, quiet.clock.now() + timedelta(minutes=1)))
    found = await reading(quiet, source, elsewhere)
    assert (found.changed, found.newest_at) == (1, quiet.clock.now())


async def test_whoever_is_there_is_not_gone_because_their_row_is_bad(quiet: Shop, elsewhere: str) -> None:
    when = datetime(2026, 1, 5, tzinfo=UTC)
    source = replace(DATED, at="updated_at", most_gone=1.0)
    await say(quiet, ("ana", "gold", 1, when), ("bea", "gold", 1, when))
    await reading(quiet, source, elsewhere)
    await quiet.database.pool.execute("alter table members alter updated_at type text")
    await quiet.database.pool.execute("update members set updated_at = 'yesterday' where user_id = 'ana'")
    assert counts(await reading(quiet, source, elsewhere)) == (2, 0, 0, 1)
    assert (await traits(quiet, "ana"))[0] == {"tier": "gold", "points": 1}


async def test_somebody_who_is_named_twice_is_who_the_first_row_says_however_far_apart(quiet: Shop, elsewhere: str) -> None:
    when = datetime(2026, 1, 5, tzinfo=UTC)
    sql = "select user_id, tier from members order by points"
    source = replace(MEMBERS, sql=sql)
    everybody = [(f"u{n}", "gold", Decimal(n), when) for n in range(2_500)]
    await say(quiet, *everybody, ("u0", "silver", Decimal(2_500), when), (" u1 ", "silver", Decimal(2_501), when))
    for changed in (2_500, 0):
        found = await reading(quiet, source, elsewhere)
        assert counts(found) == (2_502, changed, 0, 2)
        assert found.problems[0] == {
            "row": 2_501,
            "problem": "user_id names somebody for the second time; the first row counts",
        }
    for user in ("u0", "u1"):
        assert (await traits(quiet, user))[0] == {"tier": "gold"}
    await say(quiet, *everybody)
    assert counts(await reading(quiet, source, elsewhere)) == (2_500, 0, 0, 0)


async def test_an_event_with_a_very_long_id_counts_once(quiet: Shop, elsewhere: str) -> None:
    source = replace(DATED, event="Store Purchase", id="tier", at="updated_at")
    await say(quiet, ("ana", "x" * 500, 1, quiet.clock.now()))
    for _ in range(2):
        assert counts(await reading(quiet, source, elsewhere)) == (1, 1, 0, 0)
    assert await quiet.database.pool.fetchval("select count(*) from event where type = 'Store Purchase'") == 1
