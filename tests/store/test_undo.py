"""A merge can be undone (B2): two customers as if never merged, with what arrived meanwhile under a name of either."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from segments import Segment, did, trait
from segments.watch.tick import load, tick
from store import Database
from store.customers.endpoints import Address
from store.customers.undo import CannotUndo, merges_of, undo
from store.ingest.batch import Memory, store
from store.ingest.items import Choice, Item
from tests.store.items import NOW, alias, identify, track
from tests.store.test_identity import _run, anonymous, user

Take = Callable[..., Awaitable[None]]
HOUR = timedelta(hours=1)
SEGMENTS = (
    Segment("pros", trait("plan") == "pro"),
    Segment("buyers", did("Order Completed").within(days=30)),
    Segment("carts", did("Product Added").within(days=30)),
)
_LIVES = """
select array(select kind || ' ' || value from identity where profile_id = p.id order by 1) as names,
       p.traits, p.traits_at, p.traits_from, p.created_at, p.drawn_as is null as own_draw,
       array(select message_id from event e where e.profile_id = p.id and type <> '$alias' order by ts, message_id) as events,
       array(select channel || ' ' || address from endpoint e where e.profile_id = p.id order by 1) as endpoints,
       array(select channel || ' ' || state || ' ' || at from consent c where c.profile_id = p.id order by at, 1) as consents,
       array(select segment || ' ' || entered_at from segment_member m where m.profile_id = p.id order by 1) as members,
       array(select journey from run r where r.profile_id = p.id order by 1) as runs,
       (select count(*) from delivery d where d.profile_id = p.id) as deliveries
from profile p where merged_into is null order by 1
"""


@pytest.fixture
def take(database: Database) -> Take:
    weeks = Memory()

    async def take(*items: Item) -> None:
        await store(database, items, weeks)

    return take


async def lives(database: Database) -> list[dict[str, Any]]:
    """All that is kept of every customer."""
    return [dict(row) for row in await database.pool.fetch(_LIVES)]


async def watch(database: Database, hour: float) -> None:
    while (await tick(database, SEGMENTS, 0, 1, NOW + hour * HOUR)).more:
        pass


def two(old: dict[str, str], new: dict[str, str]) -> list[Item]:
    """Two customers with something of everything."""
    mail = Address("email", "old@shop.example")
    return [
        identify(
            **old,
            traits={"plan": "pro", "size": 38},
            addresses=(mail,),
            choices=(Choice("email", "old@shop.example", "withdrawn"),),
            ts=NOW,
        ),
        track(**old, type="Order Completed", ts=NOW + HOUR, message_id="o1"),
        identify(
            **new,
            traits={"plan": "free", "city": "Vigo"},
            addresses=(Address("push", "token-new"),),
            choices=(Choice("email", "new@shop.example", "granted"),),
            ts=NOW + 2 * HOUR,
        ),
        track(**new, ts=NOW + 3 * HOUR, message_id="n1"),
    ]


def meanwhile(old: dict[str, str], new: dict[str, str]) -> list[Item]:
    """What arrives after the merge, under a name of either; one late."""
    return [
        identify(**old, traits={"size": 40}, addresses=(Address("push", "token-old"),), ts=NOW + 6 * HOUR, message_id="o2"),
        identify(
            **new,
            traits={"city": "Lugo"},
            choices=(Choice("push", "token-new", "granted"),),
            ts=NOW + 6.5 * HOUR,
            message_id="n2",
        ),
        track(**old, ts=NOW + 0.5 * HOUR, message_id="o3"),
    ]


OLD: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"user": "old"}, {"user": "new"}),
    ({"user": "old", "anonymous": "phone"}, {"user": "new", "anonymous": "tablet"}),
    ({"anonymous": "phone"}, {"user": "new"}),
    ({"anonymous": "phone"}, {"user": "new", "anonymous": "tablet"}),
]


@pytest.mark.parametrize(("old", "new"), OLD)
async def test_merged_and_undone_is_as_if_never_merged(
    database: Database, take: Take, old: dict[str, str], new: dict[str, str]
) -> None:
    """The second time without the merge; names, events, traits, addresses, consents and memberships are compared."""
    ends = []
    for merged in (True, False):
        await database.pool.execute("truncate profile, event, event_dedupe, dirty, endpoint, consent cascade")
        await database.pool.execute(
            "truncate segment_member, segment_transition, segment_progress, run, delivery, merge cascade"
        )
        items = two(old, new)
        for n, item in enumerate(items):
            await take(item._replace(message_id=item.message_id if len(item.message_id) < 5 else f"i{n}"))
        await load(database, SEGMENTS, NOW + 4 * HOUR)
        theirs = await user(database, "old") if "user" in old else await anonymous(database, "phone")
        await _run(database, theirs, 3, sent=2, journey="cart")
        if merged:
            join = (
                alias("old", "new", ts=NOW + 5 * HOUR)
                if "user" in old
                else track("new", "phone", type="$alias", ts=NOW + 5 * HOUR)
            )
            await take(join)
            await watch(database, 5)
        await take(*meanwhile(old, new))
        await watch(database, 7)
        if merged:
            assert len(await lives(database)) == 1
            [merge] = await merges_of(database.pool, await user(database, "new"))  # type: ignore[arg-type]
            assert {name.split()[1] for name in merge.names} == set(old.values())
            undone = await undo(database, merge.id, NOW + 8 * HOUR, "operator")
            assert (undone.undone_by, undone.undone_at) == ("operator", NOW + 8 * HOUR)
        await watch(database, 9)
        ends.append(await lives(database))
    assert len(ends[1]) == 2
    assert ends[0] == ends[1]


async def test_what_comes_after_the_undoing_stays_apart(database: Database, take: Take) -> None:
    """The device goes over to the user from then on; what the visitor did before stays the visitor's."""
    await take(track("u"), track(anonymous="a", message_id="before"))
    visitor = await anonymous(database, "a")
    await take(track("u", "a", ts=NOW + HOUR, message_id="login"))
    [merge] = await merges_of(database.pool, await user(database, "u"))  # type: ignore[arg-type]
    await undo(database, merge.id, NOW + 2 * HOUR, "operator")
    await take(track("u", "a", ts=NOW + HOUR, message_id="login"))  # a retry
    await take(track("u", "a", ts=NOW + 3 * HOUR), track(anonymous="a", ts=NOW + 4 * HOUR, message_id="after"))
    rows = {row["message_id"]: row["profile_id"] for row in await database.pool.fetch("select * from event")}
    assert (rows["before"], rows["after"]) == (visitor, await user(database, "u"))
    assert await database.pool.fetchval("select count(*) from profile where merged_into is null") == 2


async def test_a_merge_inside_a_merge_is_undone_alone_or_after_the_other(database: Database, take: Take) -> None:
    await take(track("a", message_id="a1"), track("b", message_id="b1"), track("c", message_id="c1"))
    a, b, c = [await user(database, name) for name in "abc"]
    await take(alias("a", "b", ts=NOW + HOUR))
    await take(alias("b", "c", ts=NOW + 2 * HOUR))
    second, first = await merges_of(database.pool, c)  # type: ignore[arg-type]
    await undo(database, second.id, NOW + 3 * HOUR, "operator")
    assert (await user(database, "a"), await user(database, "b"), await user(database, "c")) == (b, b, c)
    await undo(database, first.id, NOW + 3 * HOUR, "operator")
    assert (await user(database, "a"), await user(database, "b")) == (a, b)
    rows = {row["message_id"]: row["profile_id"] for row in await database.pool.fetch("select * from event")}
    assert (rows["a1"], rows["b1"], rows["c1"]) == (a, b, c)
    with pytest.raises(CannotUndo, match="was undone at"):
        await undo(database, first.id, NOW, "operator")
    with pytest.raises(CannotUndo, match="there is no merge 999"):
        await undo(database, 999, NOW, "operator")


async def test_the_innermost_merge_can_be_undone_first(database: Database, take: Take) -> None:
    await take(track("a", message_id="a1"), track("b", message_id="b1"), track("c", message_id="c1"))
    a, c = await user(database, "a"), await user(database, "c")
    await take(alias("a", "b", ts=NOW + HOUR))
    await take(alias("b", "c", ts=NOW + 2 * HOUR), track("a", ts=NOW + 3 * HOUR, message_id="a2"))
    _, first = await merges_of(database.pool, c)  # type: ignore[arg-type]
    await undo(database, first.id, NOW + 3 * HOUR, "operator")
    rows = {row["message_id"]: row["profile_id"] for row in await database.pool.fetch("select * from event")}
    assert (rows["a1"], rows["a2"], rows["b1"], rows["c1"]) == (a, a, c, c)


async def test_messages_sent_while_they_were_one_stay_on_the_survivors_ledger(database: Database, take: Take) -> None:
    await take(track("u"), track(anonymous="a"))
    ours, theirs = await user(database, "u"), await anonymous(database, "a")
    await _run(database, theirs, 0, sent=2)
    await take(track("u", "a", ts=NOW + HOUR))
    await _run(database, ours, 1, sent=3, journey="welcome")
    [merge] = await merges_of(database.pool, ours)  # type: ignore[arg-type]
    await undo(database, merge.id, NOW + 2 * HOUR, "operator")
    rows = await database.pool.fetch("select profile_id, count(*) as n from delivery group by 1")
    assert {row["profile_id"]: row["n"] for row in rows} == {theirs: 2, ours: 3}
