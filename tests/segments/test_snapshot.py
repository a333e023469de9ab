"""Snapshots: membership at an instant becomes a list that never changes and that other definitions use at once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from segments import DefinitionError, Segment, consented, did, listed, trait
from segments.define.importing import put_on
from segments.define.snapshots import CannotFreeze, freeze, taken_as_now
from store.errors import ListIsFrozen
from store.lists import on_list
from store.segments.snapshots import Snapshot, begin, snapshots_among, snapshots_of
from tests.segments.shop import T0, Shop

DAY = timedelta(days=1)
viewers = Segment("viewers", did("View").within(days=7))


def standing(at: datetime) -> Callable[[], datetime]:
    return lambda: at


async def frozen(shop: Shop, segment: Segment, name: str, as_of: datetime = T0, **more: Any) -> Snapshot:
    return await freeze(shop.database, segment, name, as_of, standing(T0), by="eva", **more)


async def on(shop: Shop, name: str) -> set[Any]:
    async with shop.database.transaction() as connection:
        return await on_list(connection, f"$list:{name}")


async def test_it_is_the_full_evaluation_at_its_instant_and_stays(shop: Shop) -> None:
    old, new, late = [await shop.customer() for _ in range(3)]
    await shop.event(old, "View", T0 - 9 * DAY)
    await shop.event(new, "View", T0 - DAY)
    await shop.load(viewers)
    now = await frozen(shop, viewers, "now")
    then = await frozen(shop, viewers, "then", T0 - 3 * DAY)
    assert (now.state, now.members, now.written, now.version) == ("finished", 1, 1, viewers.version)
    assert (await on(shop, "now"), await on(shop, "then")) == ({new}, {old})
    await shop.event(late, "View", T0 - 4 * DAY)  # it happened before, and came after
    assert await frozen(shop, viewers, "then", T0 - 3 * DAY) == then
    assert await on(shop, "then") == {old}
    found = await snapshots_of(shop.database, "viewers")
    assert {(each.list_name, each.as_of, each.by) for each in found} == {("now", T0, "eva"), ("then", T0 - 3 * DAY, "eva")}
    assert set(await snapshots_among(shop.database, ["now", "none"])) == {"now"}


async def test_a_segment_made_of_the_list_takes_it_up_and_is_right_at_every_instant(shop: Shop) -> None:
    ana, bob = await shop.customer(), await shop.customer()
    await shop.event(ana, "View", T0 - DAY)
    invited = Segment("invited", listed("guests") & ~did("Order").within(days=30))
    await shop.load(invited)
    await frozen(shop, viewers, "guests")
    await shop.tick(T0)
    assert await shop.members(invited) == {ana} == await shop.evaluated(invited.predicate, T0)
    assert [(kind, at) for kind, at, _ in await shop.log(invited)] == [("entered", T0)]
    assert await shop.evaluated(invited.predicate, T0 - timedelta(microseconds=1)) == set()
    await shop.event(bob, "View", T0)
    await shop.tick(T0 + DAY)
    assert await shop.members(invited) == {ana}


async def test_nothing_changes_it_and_no_list_becomes_one(shop: Shop) -> None:
    ana = await shop.customer()
    await frozen(shop, viewers, "guests")
    with pytest.raises(ListIsFrozen, match="'guests' is a snapshot and never changes"):
        async with shop.database.transaction() as connection:
            await put_on(connection, "guests", [ana], by="eva", at=T0)
    async with shop.database.transaction() as connection:
        await put_on(connection, "by-hand", [ana], by="eva", at=T0)
    with pytest.raises(CannotFreeze, match="there is a list 'by-hand' already"):
        await frozen(shop, viewers, "by-hand")
    with pytest.raises(CannotFreeze, match=r"is a snapshot of 'viewers' at .* already; "):
        await frozen(shop, Segment("others", did("View")), "guests")
    with pytest.raises(CannotFreeze, match="already; choose another name"):
        await frozen(shop, Segment("viewers", did("View")), "guests")  # the same name and instant, another version
    with pytest.raises(CannotFreeze, match="in the future"):
        await frozen(shop, viewers, "tomorrow", T0 + DAY)
    with pytest.raises(DefinitionError, match="a list's name has"):
        await frozen(shop, viewers, "No Name")
    assert await on(shop, "guests") == set()


async def test_one_that_broke_off_is_finished_by_asking_again(shop: Shop) -> None:
    people = [await shop.customer() for _ in range(5)]
    for profile in people:
        await shop.event(profile, "View", T0 - DAY)
    told: list[tuple[str, int, int]] = []

    async def breaks(row: Snapshot) -> None:
        told.append((row.state, row.written, row.members))
        if row.written == 4:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await frozen(shop, viewers, "guests", heard=breaks, at_once=2)
    assert told == [("writing", 2, 5), ("writing", 4, 5)]
    assert len(await on(shop, "guests")) == 4
    with pytest.raises(CannotFreeze, match="which broke off; ask for that instant again to finish it"):
        await frozen(shop, viewers, "guests", T0 - timedelta(hours=1))
    gone = next(iter(await on(shop, "guests")))
    await shop.database.pool.execute("delete from event where type = 'View' and profile_id = $1", gone)
    changed = Segment("viewers", did("Something Else"))
    done = await freeze(shop.database, changed, "guests", T0, standing(T0 + DAY), by="bob")
    assert (done.state, done.members, done.written, done.by, done.version) == ("finished", 4, 4, "eva", viewers.version)
    assert await on(shop, "guests") == set(people) - {gone}


async def test_two_do_not_make_the_same_at_once(shop: Shop) -> None:
    async def again(_: Snapshot) -> None:
        with pytest.raises(CannotFreeze, match="is being made right now"):
            await frozen(shop, viewers, "guests")

    await shop.event(await shop.customer(), "View", T0)
    assert (await frozen(shop, viewers, "guests", heard=again)).members == 1


async def test_it_says_what_it_takes_as_of_now(shop: Shop) -> None:
    mixed = Segment("mixed", did("View") & (trait("tier") == "gold") & (trait("a.b") == 1) & consented("email"))
    assert taken_as_now(await frozen(shop, mixed, "mixed", T0 - DAY)) == ["traits (a, tier)", "consents"]
    assert taken_as_now(await frozen(shop, viewers, "guests", T0 - DAY)) == []


async def test_a_list_is_begun_once(shop: Shop) -> None:
    async with shop.database.pool.acquire() as connection:
        plain = viewers.to_json()
        made = [await begin(connection, "guests", viewers.version, plain, T0, by="eva", at=T0) for _ in range(2)]
    assert made == [True, False]
