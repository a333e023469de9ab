"""Whatever happens in whichever order: everybody who was exposed is in the sums once, and the night finds no difference."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.measuring.folding import Folding
from activities.measuring.values import CANCELLED, REFUNDED
from journeys.clock import Clock
from journeys.policies import Conversion
from segments import purchases
from store import Database
from store.customers import erasure
from store.customers.merge import merge
from store.customers.undo import undo
from store.deliveries.feedback import NewEvent, store_events
from store.measuring import values
from store.measuring.values import Declared
from store.runs import exposures
from tests.emptied import empty
from tests.extent import examples
from tests.measuring.shop import DAY, START, Rule, counted, summed

PEOPLE, HOURS = st.integers(1, 3), st.integers(-24 * 20, 24 * 20)
EXPERIMENTS = st.sampled_from(["$holdout", "$holdout/carts"])
EXPOSED = st.tuples(st.just("exposed"), PEOPLE, EXPERIMENTS, st.integers(0, 24 * 4))
DOES = st.tuples(st.just("does"), PEOPLE, st.sampled_from(["Order Completed", REFUNDED]), HOURS, st.integers(1, 3))
DECLARED = st.tuples(st.just("declared"), st.sampled_from(["", "carts"]), st.sampled_from([1, 10]), st.sampled_from([2, 20]))
MERGED = st.tuples(st.just("merged"), PEOPLE, PEOPLE)
CLOSED = st.tuples(st.just("closed"), HOURS, st.booleans())
ERASED = st.tuples(st.just("erased"), PEOPLE)
FOLDED, TOLD, UNDONE, RECOMPUTED, PURGED = (
    st.tuples(st.just(name)) for name in ("folded", "told", "undone", "recomputed", "purged")
)
COMING = [EXPOSED, EXPOSED, DOES, DOES, FOLDED, FOLDED, TOLD, DECLARED, MERGED, UNDONE, RECOMPUTED]
#: With and without what takes customers or their events away.
STEPS = st.one_of(
    *(st.lists(st.one_of(each), min_size=20, max_size=50) for each in (COMING, [*COMING, CLOSED, ERASED, ERASED, PURGED]))
)


@dataclass
class World:
    """Three customers of one journey, and what is to hold of their sums."""

    database: Database
    folding: Folding
    rules: dict[str, Rule] = field(default_factory=dict)
    erasing: list[UUID] = field(default_factory=list)
    taken: bool = False
    steps: int = 0

    async def begin(self) -> None:
        for n in range(1, 4):
            await self.database.pool.execute(
                "insert into profile (id, created_at, updated_at) values ($1, $2, $2)", UUID(int=n), START
            )
            await self.database.pool.execute(
                "insert into run (id, journey, profile_id, entered_by, segment, entered_at, workflow_id, created_at, version)"
                " values ($1::uuid, 'carts', $2, 'segment', 'all', $3, $1::text, $3, 'v1')",
                UUID(int=100 + n), UUID(int=n), START,
            )  # fmt: skip
        for journey in ("", "carts"):
            await self.declared(journey, 10, 7)

    async def exposed(self, n: int, experiment: str, hours: int) -> None:
        if await self._alive(n) is not None:
            async with self.database.transaction() as connection:
                at = START + timedelta(hours=hours)
                await exposures.holdout_asked(connection, UUID(int=100 + n), experiment, f"arm {n}", 0.5, at)

    async def does(self, n: int, kind: str, hours: int, order: int) -> None:
        if who := await self._alive(n):
            at = START + timedelta(hours=hours)
            event = NewEvent(who, f"m-{self.steps}", kind, at, {"order_id": f"{n}-{order}", "revenue": 10 + self.steps})
            async with self.database.transaction() as connection:
                await store_events(connection, [event], source="shop", at=at)

    async def told(self) -> None:
        """As the watch's tick takes marks."""
        async with self.database.transaction() as connection:
            marks = await connection.fetch("delete from dirty returning profile_id, types")
            await values.touch(connection, [(row["profile_id"], type_) for row in marks for type_ in row["types"]])

    async def folded(self) -> None:
        await self.folding.fold()
        if self.erasing:
            return
        found = await self.database.pool.fetch(_PEOPLE)
        people = sum(change[0] for change in (await summed(self.database)).values())
        once = "each once; only who was closed as two customers, and turned out to be one, stays two"
        assert people == sum(max(1, row["closed"]) for row in found), once
        kept = await self.database.pool.fetchval("select coalesce(sum(n), 0) from kept_sum where metric = 'exposed'")
        assert kept == sum(row["closed"] for row in found)
        if not self.taken and not await self.database.pool.fetchval("select count(*) from dirty"):
            assert await summed(self.database) == await counted(self.database, {"carts": self.rules["carts"]}, self.rules[""])

    async def recomputed(self) -> None:
        """Every day of which there is anything."""
        for row in await self.database.pool.fetch(_DAYS):
            assert await self.folding.recompute(row["day"]) == []

    async def declared(self, journey: str, before: int, within: int) -> None:
        rule = Conversion(by=purchases, before=before * DAY, within=within * DAY)
        self.rules[journey] = Rule(("Order Completed",), within * DAY, before * DAY)
        said = Declared(journey, "v1" if journey else "", rule.to_json(), rule.types | {REFUNDED, CANCELLED})
        await values.declare(self.database, [said], START + timedelta(minutes=self.steps))

    async def merged(self, n: int, m: int) -> None:
        survivor, absorbed = await self._alive(n), await self._alive(m)
        if survivor and absorbed and survivor != absorbed:
            async with self.database.transaction() as connection:
                await merge(connection, survivor, absorbed, START)

    async def undone(self) -> None:
        if last := await self.database.pool.fetchval("select max(id) from merge where undone_at is null"):
            await undo(self.database, last, START, "somebody")

    async def closed(self, hours: int, dropped: bool) -> None:
        self.taken, before = True, START + timedelta(hours=hours)
        async with self.database.transaction() as connection:
            await values.close(connection, before)
        if dropped:  # else their week is not over
            await self.database.pool.execute("delete from event where ts < $1", before)

    async def erased(self, n: int) -> None:
        if who := await self._alive(n):
            begun = await erasure.begin(self.database, who, lambda *_: b"", at=START, by="somebody")
            assert begun is not None
            self.taken, self.erasing = True, [*self.erasing, begun.id]

    async def purged(self) -> None:
        for id_ in self.erasing:
            for _ in range(3):
                left = await erasure.purge(self.database, id_, START)
            assert not left.rows, "a pass finds nothing any more"
        self.erasing = []

    async def holds(self) -> None:
        """At every instant: what the sums hold is what is kept of nobody, and what is known of somebody."""
        assert await self.database.pool.fetch(_APART) == []

    async def _alive(self, n: int) -> UUID | None:
        who: UUID | None = await self.database.pool.fetchval(
            "select coalesce(merged_into, id) from profile where id = $1 and merged_into is distinct from id", UUID(int=n)
        )
        return who


#: Customers in each experiment, who was merged as one, with how many exposures of theirs are closed.
_PEOPLE = """
    select x.experiment, coalesce(e.id, p.merged_into, p.id) as who, count(*) filter (where x.closed) as closed
    from exposure x join profile p on p.id = x.profile_id left join erasure e on x.profile_id = any(e.profiles) group by 1, 2
"""
_DAYS = "select day from daily_sum union select (ts at time zone 'UTC')::date from event order by day"
#: Sums that are not those that are kept and those of customers together.
_APART = """
    select day, experiment, arm, metric, sum(n), sum(y), sum(xy) from (
        select day, experiment, arm, metric, n, y, xy from daily_sum
        union all select day, experiment, arm, metric, -n, -y, -xy from kept_sum
        union all select (c ->> 0)::date, experiment, arm, c ->> 1, -(c ->> 2)::bigint, -(c ->> 3)::numeric, -(c ->> 7)::numeric
                  from customer_value, jsonb_array_elements(changes) as c
    ) as each group by 1, 2, 3, 4 having (sum(n), sum(y), sum(xy)) <> (0, 0, 0)
"""


@examples(40)
@given(steps=STEPS)
async def test_everybody_counts_once_whatever_happens_in_whichever_order(
    database: Database, emptying: Database, untouched: set[str], steps: list[tuple[Any, ...]]
) -> None:
    await empty(emptying, untouched)
    world = World(database, Folding(database, None, Clock()))
    await world.begin()
    for name, *said in [*steps, ("folded",), ("recomputed",), ("purged",), ("told",), ("folded",), ("recomputed",)]:
        world.steps += 1
        await getattr(world, name)(*said)
        await world.holds()


@pytest.mark.parametrize("both", [False, True])
async def test_who_stands_as_last_counted_gives_back_what_was_anothers(database: Database, both: bool) -> None:
    """A breaker's: merged, held by a rule that asks for events that are gone, and told apart again."""
    world = World(database, Folding(database, None, Clock()))
    await world.begin()
    steps: list[tuple[Any, ...]] = [
        ("declared", "carts", 1, 7),
        ("exposed", 1, "$holdout/carts", 0),
        *((("exposed", 2, "$holdout/carts", 2),) if both else ()),
        ("does", 2, "Order Completed", 72, 1),
        *(("told",), ("folded",), ("merged", 1, 2), ("folded",)),
        ("closed", -24 * 5, True),
        ("declared", "carts", 10, 7),
        *(
            ("folded",),
            ("undone",),
            ("told",),
            ("folded",),
            ("recomputed",),
            ("closed", 24 * 9, True),
            ("folded",),
            ("recomputed",),
        ),
    ]
    for name, *said in steps:
        world.steps += 1
        await getattr(world, name)(*said)
        await world.holds()
    orders = "select coalesce(sum(y), 0) from daily_sum where metric = 'orders'"
    assert await database.pool.fetchval(orders) == int(both), "the order is of whoever made it, once"


async def test_an_order_told_again_is_none_also_where_its_first_telling_is_gone(database: Database) -> None:
    world = World(database, Folding(database, None, Clock()))
    await world.begin()
    steps: list[tuple[Any, ...]] = [
        ("declared", "carts", 1, 7),
        ("exposed", 1, "$holdout/carts", 0),
        ("does", 1, "Order Completed", -24 * 20, 1),
        ("does", 1, "Order Completed", 24, 1),
        *(("told",), ("folded",), ("closed", -24 * 5, True), ("folded",), ("recomputed",)),
    ]
    for name, *said in steps:
        world.steps += 1
        await getattr(world, name)(*said)
        await world.holds()
    told = await database.pool.fetch("select distinct metric from daily_sum where step = '' and y <> 0")
    assert [row["metric"] for row in told] == ["conversion"], "something was bought, and no order made"
