"""The watch behind the real ingest: batches stored together, and two profiles that turn out to be one customer."""

from datetime import datetime, timedelta
from typing import Any

import orjson

from segments import Segment, did
from segments.watch.tick import load, tick
from store import Database
from store.ingest.batch import Memory, store
from store.ingest.items import Item
from tests.segments.shop import T0

SECOND = timedelta(seconds=1)
carts = Segment("carts", did("Product Added").within(days=1) & ~did("Order Completed").since_last("Product Added"))
never_bought = Segment("never-bought", ~did("Order Completed"))
SEGMENTS = (carts, never_bought)


def item(message_id: str, named: str, at: datetime, **names: Any) -> Item:
    who = {"user_id": None, "anonymous_id": None} | names
    properties = orjson.dumps({"cart_id": message_id}).decode()
    return Item(
        message_id=message_id,
        **who,
        ts=at,
        type=named,
        kind="track",
        properties=properties,
        context="{}",
        clamped=False,
        source="test",
        received_at=at,
    )


async def watch(database: Database, at: datetime) -> None:
    while (await tick(database, SEGMENTS, 0, 1, at, keyed={"carts"})).more or await database.pool.fetchval(
        "select exists (select from dirty)"
    ):
        pass


async def log(database: Database, segment: Segment) -> list[tuple[str, str | None]]:
    rows = await database.pool.fetch(
        "select kind, cause ->> 'message_id' as message_id from segment_transition where segment = $1 order by id", segment.name
    )
    return [(row["kind"], row["message_id"]) for row in rows]


async def test_events_received_apart_and_stored_together_are_each_logged(database: Database) -> None:
    await load(database, SEGMENTS, T0)
    await store(database, [item("m0", "Page Viewed", T0, user_id="ana")], Memory())
    together = [item(f"m{n}", "Product Added", T0 + n * SECOND, user_id="ana") for n in (1, 2, 3)]
    await store(database, together, Memory())
    await watch(database, T0 + 5 * SECOND)
    await store(database, [*together, item("m4", "Product Added", T0 + 6 * SECOND, user_id="ana")], Memory())
    await watch(database, T0 + 7 * SECOND)
    assert await log(database, carts) == [("entered", "m1"), ("repeated", "m2"), ("repeated", "m3"), ("repeated", "m4")]


async def test_a_login_brings_the_carts_together_and_repeats_nothing(database: Database) -> None:
    await load(database, SEGMENTS, T0)
    await store(database, [item("k1", "Order Completed", T0, user_id="ana")], Memory())
    await store(database, [item("a1", "Product Added", T0 + SECOND, anonymous_id="phone")], Memory())
    await watch(database, T0 + 2 * SECOND)
    await store(database, [item("b1", "Page Viewed", T0 + 3 * SECOND, user_id="ana", anonymous_id="phone")], Memory())
    await watch(database, T0 + 4 * SECOND)
    assert await log(database, carts) == [("entered", "a1")]
    assert [kind for kind, _ in await log(database, never_bought)] == ["entered", "left"]
    rows = await database.pool.fetch(
        "select m.segment, merged_into from segment_member m join profile on profile.id = m.profile_id"
    )
    assert [tuple(row) for row in rows] == [("carts", None)]
