from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from store import Database
from store.customers.endpoints import Address
from store.ingest.batch import Memory, store
from store.ingest.items import Choice
from tests.store.items import NOW, identify, track

HOUR = timedelta(hours=1)


async def test_a_message_id_is_stored_once(database: Database) -> None:
    weeks = Memory()
    first = track("u", message_id="m-1")
    assert await store(database, [first], weeks) == [True]
    assert await store(database, [first, track("u", message_id="m-2")], weeks) == [False, True]
    assert await store(database, [identify("u", message_id="m-1", traits={"x": 1})], weeks) == [False]
    assert await database.pool.fetchval("select count(*) from event") == 2
    assert await database.pool.fetchval("select traits from profile") == {}


async def test_a_batch_marks_each_profile_once_with_its_event_types(database: Database) -> None:
    weeks = Memory()
    await store(database, [track("u"), track("v")], weeks)
    await database.pool.execute("delete from dirty")
    later = NOW + HOUR
    items = [
        track("u", received_at=later, traceparent="00-aa-bb-01"),
        track("u", type="Order Completed", received_at=later),
        track("v", received_at=later),
    ]
    await store(database, items, weeks)
    rows = await database.pool.fetch("select types, at, traceparent from dirty order by array_length(types, 1)")
    assert [(row["types"], row["at"]) for row in rows] == [
        (["Product Added"], later),
        (["Order Completed", "Product Added"], later),
    ]
    assert [row["traceparent"] for row in rows] == [None, "00-aa-bb-01"]


async def test_a_late_identify_does_not_overwrite_a_newer_trait(database: Database) -> None:
    weeks = Memory()
    await store(database, [identify("u", traits={"city": "Vigo", "plan": "pro"})], weeks)
    await store(database, [identify("u", traits={"city": "Lugo", "size": 40}, ts=NOW - HOUR)], weeks)
    assert await database.pool.fetchval("select traits from profile") == {"city": "Vigo", "plan": "pro", "size": 40}


async def test_a_null_takes_a_trait_away_for_good(database: Database) -> None:
    weeks = Memory()
    await store(database, [identify("u", traits={"city": "Vigo"}), identify("u", traits={"city": None}, ts=NOW + HOUR)], weeks)
    await store(database, [identify("u", traits={"city": "Lugo"}, ts=NOW + HOUR / 2)], weeks)
    assert await database.pool.fetchval("select traits from profile") == {}


async def test_an_address_belongs_to_whoever_was_seen_with_it_last(database: Database) -> None:
    weeks = Memory()
    token = (Address("push", "token-1", "android"),)
    await store(database, [identify("ana", addresses=token), identify("ben", addresses=token, ts=NOW + HOUR)], weeks)
    await store(database, [identify("ana", addresses=token, ts=NOW + HOUR / 2)], weeks)
    row = await database.pool.fetchrow("select value, platform, last_seen_at from endpoint join identity using (profile_id)")
    assert row is not None
    assert tuple(row) == ("ben", "android", NOW + HOUR)


async def test_a_push_token_that_registers_again_is_valid_again_but_a_bounced_mailbox_is_not(database: Database) -> None:
    weeks = Memory()
    both = (Address("push", "token-1"), Address("email", "ana@shop.example"))
    await store(database, [identify("ana", addresses=both)], weeks)
    await database.pool.execute("update endpoint set invalid_at = $1, invalid_reason = 'gone'", NOW + HOUR)
    await store(database, [identify("ana", addresses=both, ts=NOW + HOUR / 2)], weeks)
    assert await database.pool.fetchval("select count(*) from endpoint where invalid_at is null") == 0
    await store(database, [identify("ana", addresses=both, ts=NOW + 2 * HOUR)], weeks)
    rows = await database.pool.fetch("select channel, invalid_at is null as valid from endpoint order by channel")
    assert [tuple(row) for row in rows] == [("email", False), ("push", True)]


async def test_consent_keeps_where_and_when_it_was_given(database: Database) -> None:
    item = identify("ana", choices=(Choice("email", "ana@shop.example", "granted"),), message_id="m-9", received_at=NOW + HOUR)
    await store(database, [item], Memory())
    columns = "channel, address, purpose, state, said_by, source, message_id, at, received_at"
    row = await database.pool.fetchrow(f"select {columns} from consent")
    assert row is not None
    told = ("granted", "sync", "shop-web", "m-9", NOW, NOW + HOUR)
    assert tuple(row) == ("email", "ana@shop.example", "marketing", *told)


async def test_weeks_get_a_partition_and_a_history_import_does_not_make_thousands(database: Database) -> None:
    old = datetime(2009, 5, 4, tzinfo=UTC)
    await store(database, [track("u"), track("u", ts=NOW - timedelta(days=30)), track("u", ts=old)], Memory())
    rows = await database.pool.fetch("select tableoid::regclass::text as name, ts from event order by ts")
    assert [row["name"] for row in rows] == ["event_default", "event_2026w43", "event_2026w47"]


async def test_an_item_that_postgres_cannot_hold_stores_nothing_of_its_statement(database: Database) -> None:
    with pytest.raises(asyncpg.DataError):
        await store(database, [track("u"), track("u", properties='{"x": "\\u0000"}')], Memory())
    assert await database.pool.fetchval("select count(*) from event") == 0


async def test_people_created_at_the_time_of_what_they_did_first(database: Database) -> None:
    await store(database, [track("u"), track("u", ts=NOW - HOUR)], Memory())
    assert await database.pool.fetchval("select created_at from profile") == NOW - HOUR
