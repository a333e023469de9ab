"""Chance keeps the earlier exposure (C4): who logs in to an old account sees the variant that either of the two saw first."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from segments import Segment, bucket, did
from segments.watch.tick import load, tick
from store import Database
from store.customers.undo import merges_of, undo
from store.ingest.batch import Memory, store
from store.ingest.items import Item
from store.runs.entries import standings
from tests.store.items import NOW, track
from tests.store.test_identity import _run, anonymous, user

Take = Callable[..., Awaitable[None]]
HOUR = timedelta(hours=1)
VARIANT = Segment("variant-a", bucket(50, "colour") & did("Product Added"))
PEOPLE = 24


@pytest.fixture
def take(database: Database) -> Take:
    weeks = Memory()

    async def take(*items: Item) -> None:
        await store(database, items, weeks)

    return take


async def variants(database: Database, hour: int) -> set[str]:
    while (await tick(database, [VARIANT], 0, 1, NOW + hour * HOUR)).more:
        pass
    rows = await database.pool.fetch("select value from segment_member join identity using (profile_id)")
    return {row["value"] for row in rows}


async def test_a_login_to_an_account_that_saw_nothing_keeps_the_variant_of_the_visit(database: Database, take: Take) -> None:
    """19 of 40 jumped; of these, nobody does. An account that was exposed before keeps its own."""
    await take(*(track(f"u{n}", ts=NOW, type="Signed Up") for n in range(PEOPLE)))
    await take(*(track(anonymous=f"a{n}", ts=NOW + HOUR, type="Page Viewed") for n in range(PEOPLE)))
    visitors = {n: await anonymous(database, f"a{n}") for n in range(PEOPLE)}
    for n, visitor in visitors.items():
        if n % 2:  # exposed as a visitor
            await _run(database, visitor, 2)
    await take(*(track(f"u{n}", f"a{n}", ts=NOW + 3 * HOUR, type="Logged In") for n in range(PEOPLE)))
    rows = await database.pool.fetch("select id, coalesce(drawn_as, id) as drawn from profile where merged_into is null")
    drawn = {row["id"]: row["drawn"] for row in rows}
    for n, visitor in visitors.items():
        account = await user(database, f"u{n}")
        assert drawn[account] == (visitor if n % 2 else account)
    async with database.pool.acquire() as connection:
        found = await standings(connection, [("cart", visitor, "", False) for visitor in visitors.values()])
    assert [each.drawn_as for each in found] == [drawn[each.profile_id] for each in found]


async def test_the_watch_sees_the_draw_that_was_kept_and_undoing_gives_back_ones_own(database: Database, take: Take) -> None:
    await load(database, [VARIANT], NOW)
    await take(*(track(anonymous=f"a{n}", ts=NOW + HOUR) for n in range(PEOPLE)))
    visits = await variants(database, 1)
    assert 0 < len(visits) < PEOPLE
    await take(*(track(f"u{n}", ts=NOW + 2 * HOUR, type="Signed Up") for n in range(PEOPLE)))
    for n in range(PEOPLE):  # the out-variant leaves no trace in the log, so a run stands for the exposure
        await _run(database, await anonymous(database, f"a{n}"), 1)
    await take(*(track(f"u{n}", f"a{n}", ts=NOW + 3 * HOUR, type="Logged In") for n in range(PEOPLE)))
    after = await variants(database, 4)
    assert {name for name in after if name.startswith("a")} == visits
    assert {f"a{name[1:]}" for name in after if name.startswith("u")} == visits
    customer = await user(database, "u0")
    [merge] = await merges_of(database.pool, customer)  # type: ignore[arg-type]
    await undo(database, merge.id, NOW + 5 * HOUR, "operator")
    assert await database.pool.fetchval("select drawn_as from profile where id = $1", customer) is None
