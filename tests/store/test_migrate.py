"""Migrations: applied once each, also under racing appliers; edited or unknown files are refused with a sentence."""

import asyncio
from itertools import chain

import pytest

from store import Database, MigrationError, StoreUnreachable, connect, migrate
from store.migrate import migrations


def test_no_two_have_one_number() -> None:
    assert [int(m.name[:4]) for m in migrations()] == list(range(1, len(migrations()) + 1))


async def test_an_empty_database_gets_every_file_once(empty_dsn: str) -> None:
    database = await connect(empty_dsn)
    assert await migrate(database) == [m.name for m in migrations()]
    assert await migrate(database) == []
    await database.close()


async def test_racing_appliers_apply_each_file_once(empty_dsn: str) -> None:
    racers = [await connect(empty_dsn, max_size=1) for _ in range(4)]
    applied = await asyncio.gather(*map(migrate, racers))
    assert sorted(chain.from_iterable(applied)) == [m.name for m in migrations()]
    await asyncio.gather(*(racer.close() for racer in racers))


async def test_a_file_edited_after_it_was_applied_is_refused(database: Database) -> None:
    await database.pool.execute("update migration set digest = 'other' where name = $1", migrations()[0].name)
    with pytest.raises(MigrationError, match=r"0001_core\.sql was edited after it was applied"):
        await migrate(database)


async def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    await database.pool.execute("insert into migration (name, digest) values ('9999_future.sql', 'x')")
    with pytest.raises(MigrationError, match=r"9999_future\.sql, which this version does not know"):
        await migrate(database)


async def test_an_event_finds_its_week_and_an_unprepared_week_is_caught_by_default(database: Database) -> None:
    await database.pool.execute("select ensure_event_week('2019-03-06T12:00Z'), ensure_event_week('2019-03-10T23:59Z')")
    await database.pool.execute(
        "insert into event (profile_id, ts, type, kind, message_id, source, received_at)"
        " select gen_random_uuid(), t::timestamptz, 'E', 'track', t, 's', now()"
        " from unnest(array['2019-03-04T00:00Z', '2019-03-10T23:59Z', '2019-03-11T00:00Z']) t"
    )
    rows = await database.pool.fetch("select tableoid::regclass::text part, message_id from event order by message_id")
    assert [row["part"] for row in rows] == ["event_2019w10", "event_2019w10", "event_default"]
    await database.pool.execute("select ensure_event_week('2019-03-11T00:00Z')")
    assert await database.pool.fetchval("select count(*) from event_default") == 0
    assert await database.pool.fetchval("select count(*) from event_2019w11") == 1


async def test_nobody_at_the_address_is_one_sentence_without_the_password() -> None:
    with pytest.raises(StoreUnreachable) as caught:
        await connect("postgresql://user:hidden@127.0.0.1:9/shop")
    assert "no Postgres at 127.0.0.1:9/shop" in str(caught.value)
    assert "JOURNEYS_DATABASE_URL" in str(caught.value)
    assert "hidden" not in str(caught.value)


async def test_json_comes_back_as_python(database: Database) -> None:
    value = {"a": [1, None, "ñ"]}
    assert await database.pool.fetchval("select $1::jsonb", value) == value
