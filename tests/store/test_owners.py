"""Whose event, whose id (B2, B13): devices have owners over time, whatever the order in which calls arrive."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import Database, connect
from store.customers.endpoints import Address
from store.ingest.batch import Memory, store
from store.ingest.items import Choice, Item
from tests.extent import examples
from tests.store.items import NOW, alias, identify, track

Take = Callable[..., Awaitable[None]]
HOUR = timedelta(hours=1)
_OWNERS = """
select e.message_id, coalesce((select string_agg(value, '+' order by value) from identity i
                               where i.profile_id = e.profile_id and kind = 'user_id'), 'nobody') as owner
from event e
"""


@pytest.fixture
def take(database: Database) -> Take:
    weeks = Memory()

    async def take(*items: Item) -> None:
        await store(database, items, weeks)

    return take


async def owners(database: Database) -> dict[str, str]:
    """Whose each message is, by user ids."""
    return {row["message_id"]: row["owner"] for row in await database.pool.fetch(_OWNERS)}


def at(hour: float, message_id: str = "") -> dict[str, Any]:
    return {"ts": NOW + hour * HOUR} | ({"message_id": message_id} if message_id else {})


async def test_an_alias_of_a_device_to_two_users_fuses_nobody(database: Database, take: Take) -> None:
    """B2: an id that was only ever anonymous is taken over, as by identify."""
    await take(track("A", **at(0, "a")), track("B", **at(0, "b")))
    await take(alias("device-1", "A", **at(1)))
    await take(track(anonymous="device-1", **at(2, "of A")))
    await take(alias("device-1", "B", **at(3)))
    await take(track(anonymous="device-1", **at(4, "of B")), track(anonymous="device-1", **at(2.5, "late")))
    found = await owners(database)
    assert {name: found[name] for name in ("a", "b", "of A", "of B", "late")} == {
        "a": "A",
        "b": "B",
        "of A": "A",
        "of B": "B",
        "late": "A",
    }
    assert await database.pool.fetchval("select count(*) from profile where merged_into is not null") == 0


async def test_an_id_that_was_left_before_anybody_used_it_belongs_to_who_left_it(database: Database, take: Take) -> None:
    await take(alias("old", "new", **at(0)))
    await take(track("old", **at(1, "o")), track("new", **at(1, "n")))
    found = await owners(database)
    assert (found["o"], found["n"]) == ("new+old", "new+old")


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_a_late_event_goes_to_the_owner_of_its_time(database: Database, take: Take, order: tuple[int, ...]) -> None:
    """B13: also if it arrives after Ben took over, in one batch or in many."""
    items = [
        identify("ana", "tablet", **at(1)),
        track(anonymous="tablet", **at(2, "of ana")),
        identify("ben", "tablet", **at(3)),
        track(anonymous="tablet", **at(0, "before")),
    ]
    for n in order:
        await take(items[n])
    found = await owners(database)
    assert (found["of ana"], found["before"]) == ("ana", "ana")


async def test_what_a_device_said_goes_with_its_traits_consents_and_addresses(database: Database, take: Take) -> None:
    """An identify call that arrives late with an earlier time takes all that the device said before the next owner."""
    said = identify(
        anonymous="tablet",
        traits={"size": 38},
        addresses=(Address("push", "token-1", "ios"),),
        choices=(Choice("push", "token-1", "granted"),),
        **at(1),
    )
    await take(said, identify("ben", "tablet", traits={"city": "Vigo"}, **at(2)))
    await take(identify("ana", "tablet", traits={"plan": "pro"}, **at(0)))
    rows = await database.pool.fetch(
        """select i.value, p.traits, array(select address from endpoint e where e.profile_id = p.id) as addresses,
                  array(select state from consent c where c.profile_id = p.id) as states, p.created_at
           from profile p join identity i on i.profile_id = p.id and i.kind = 'user_id' order by 1"""
    )
    assert [tuple(row) for row in rows] == [
        ("ana", {"plan": "pro", "size": 38}, ["token-1"], ["granted"], NOW),
        ("ben", {"city": "Vigo"}, [], [], NOW + 2 * HOUR),
    ]
    marks = await database.pool.fetch("select distinct unnest(types) as type from dirty")
    assert "$identify" in {row["type"] for row in marks}


@dataclass(frozen=True)
class Call:
    """A call: by a user, on a device or both, at an hour."""

    hour: int
    user: str | None
    device: str | None
    traits: bool

    def item(self, n: int, world: str) -> Item:
        make = identify if self.traits else track
        told = {"traits": {"seen": n}} if self.traits else {}
        return make(
            self.user and world + self.user, self.device and world + self.device, **told, **at(self.hour, f"{world}{n}")
        )


@st.composite
def calls(draw: st.DrawFn) -> tuple[list[Call], list[int], list[int]]:
    """Calls in the order of their hours (two users may speak at once), an order of arrival, and where batches end."""
    names = st.sampled_from([("ana", "tablet"), ("ben", "tablet"), ("cas", "tablet"), (None, "tablet"), ("ana", None)])
    more = st.sampled_from([(None, "phone"), ("ben", "phone"), ("ana", "phone"), ("cas", None)])
    drawn = draw(st.lists(st.tuples(st.integers(0, 5), st.one_of(names, names, more), st.booleans()), min_size=2, max_size=8))
    made = [Call(hour, *who, traits) for hour, who, traits in drawn]
    return made, draw(st.permutations(range(len(made)))), draw(st.lists(st.integers(1, 7), max_size=3))


def expected(made: list[Call], world: str) -> dict[str, str]:
    """The second opinion: the last claim by then, else the first."""
    found = {}
    for n, call in enumerate(made):
        claims = sorted((c.hour, world + c.user) for c in made if c.user and c.device and c.device == call.device)
        by_then = [user for hour, user in claims if hour <= call.hour]
        found[f"{world}{n}"] = (
            world + call.user if call.user else by_then[-1] if by_then else claims[0][1] if claims else "nobody"
        )
    return found


_WORLDS = count()


def test_any_order_of_arrival_gives_the_same_owners(server_dsn: str, dsn: str) -> None:
    """Property: events and traits are whose the second opinion says, however the calls come in and are batched."""
    loop = asyncio.new_event_loop()
    database = loop.run_until_complete(connect(dsn))
    weeks = Memory()

    async def compare(made: list[Call], order: list[int], cuts: list[int], world: str) -> None:
        items = [made[n].item(n, world) for n in order]
        edges = sorted({0, *(cut for cut in cuts if cut < len(items)), len(items)})
        for start, end in pairwise(edges):
            await store(database, items[start:end], weeks)
        found = {name: owner for name, owner in (await owners(database)).items() if name.startswith(world)}
        wanted = expected(made, world)
        assert found == wanted
        rows = await database.pool.fetch(
            "select value, traits from profile join identity on profile_id = profile.id where kind = 'user_id'"
        )
        for row in (row for row in rows if row["value"].startswith(world)):
            told = [(made[int(name[len(world) :])].hour, name) for name, owner in wanted.items() if owner == row["value"]]
            last = [h for h, name in told if made[int(name[len(world) :])].traits]
            seen = {int(name[len(world) :]) for h, name in told if made[int(name[len(world) :])].traits and h == max(last)}
            assert row["traits"].get("seen") in (seen or {None}), (row, seen)

    @given(calls())
    @examples(60)
    def check(case: tuple[list[Call], list[int], list[int]]) -> None:
        loop.run_until_complete(compare(*case, world=f"w{next(_WORLDS)}-"))

    try:
        check()
    finally:
        loop.run_until_complete(database.close())
        loop.close()
