"""Nothing is kept longer than it may be: whole weeks of events go, each named with what it held, and the rest by its age."""

from datetime import UTC, datetime, timedelta

from store import Database
from store.ingest.batch import Memory, store
from store.ingest.dead_letters import DeadLetter, bury
from store.retention import Keep, retain, taken_lately
from tests.store.items import track

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)  # a Sunday
DAY = timedelta(days=1)


async def days_kept(database: Database) -> list[int]:
    rows = await database.pool.fetch("select ts from event order by ts desc")
    return [(NOW - row["ts"]).days for row in rows]


async def test_weeks_that_are_over_for_long_enough_are_dropped_and_named(database: Database) -> None:
    ages = (1, 20, 40, 1000)  # the last stands in no week of its own
    await store(database, [track("ana", ts=NOW - age * DAY, message_id=f"m-{age}") for age in ages], Memory())
    assert await retain(database, Keep(), NOW) == []
    taken = await retain(database, Keep(events=30 * DAY), NOW)
    assert await days_kept(database) == [1, 20]
    weeks = {(each.what, each.rows) for each in taken if each.rows}
    assert weeks == {("event_2026w42", 1), ("", 1)}
    assert [each.rows for each in await taken_lately(database, 10)] == [each.rows for each in reversed(taken)]
    await store(database, [track("ana", ts=NOW - 40 * DAY, message_id="late")], Memory())
    assert await days_kept(database) == [1, 20, 40], "what comes late is taken in, and goes with the next day"


async def test_a_week_that_is_not_over_for_long_enough_stays_whole(database: Database) -> None:
    monday = datetime(2026, 10, 19, tzinfo=UTC)
    await store(database, [track("ana", ts=monday + n * DAY, message_id=f"m-{n}") for n in range(7)], Memory())
    assert [each for each in await retain(database, Keep(events=DAY), monday + 7 * DAY) if each.rows] == []
    assert await database.pool.fetchval("select count(*) from event") == 7
    assert sum(each.rows for each in await retain(database, Keep(events=DAY), monday + 8 * DAY)) == 7


async def test_dead_letters_and_message_ids_go_by_their_age(database: Database) -> None:
    await bury(
        database.pool, [DeadLetter("shop", NOW - 9 * DAY, None, "bad", '"old"'), DeadLetter("shop", NOW, None, "bad", '"new"')]
    )
    await store(database, [track("ana", message_id="old", received_at=NOW - 9 * DAY), track("ana", message_id="new")], Memory())
    taken = await retain(database, Keep(dead_letters=7 * DAY, message_ids=7 * DAY), NOW)
    assert {each.kind: each.rows for each in taken} == {"dead_letters": 1, "message_ids": 1}
    assert await database.pool.fetchval("select item from dead_letter") == '"new"'
    assert await database.pool.fetchval("select message_id from event_dedupe") == "new"
