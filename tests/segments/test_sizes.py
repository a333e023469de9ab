"""The size of a segment is the number of its members, whichever way membership changes and whoever adds up meanwhile."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest

from segments import Segment, did, listed, trait
from segments.define.define import Draft, define, undefine
from segments.define.importing import Row, import_rows
from segments.load.stored import LiveSegments
from segments.watch.tick import tick
from store import Database
from store.customers import erasure
from store.customers.undo import CannotUndo, undo
from store.ingest.batch import Memory, store
from store.measuring.sums import differences
from store.segments.sizes import fold, recount, sizes
from tests.store.items import NOW, alias, identify, track

HOUR = timedelta(hours=1)
SHARDS = 2
CATALOGUE = (
    Segment("pros", trait("plan") == "pro"),
    Segment("not-pros", trait("plan") != "pro"),
    Segment("carts", did("Product Added").within(days=2)),
    Segment("buyers", did("Order Completed").within(days=5)),
    Segment("on-the-list", listed("vips")),
)
#: What the segment that product teams define means, in turns.
MEANT = ({"did": "Product Added", "within": 3 * 86400}, {"trait": "plan", "is": "==", "value": "pro"})
_BOTH = """
select segment, coalesce(counted.members, 0) as members, coalesce(kept.members, 0) as size
from (select segment, count(*) as members from segment_member group by segment) as counted
full join (select segment, sum(members) as members from segment_size group by segment) as kept using (segment)
"""


async def both(database: Database) -> dict[str, tuple[int, int]]:
    """Of each segment the members as they are counted, and its size, as of one instant."""
    return {row["segment"]: (row["members"], int(row["size"])) for row in await database.pool.fetch(_BOTH)}


async def agreed(database: Database) -> dict[str, int]:
    found = await both(database)
    assert {name: size for name, (_, size) in found.items()} == {name: members for name, (members, _) in found.items()}
    return {name: members for name, (members, _) in found.items()}


@dataclass
class Life:
    """Some customers, two watches over them, and everything that can happen to who is in which segment."""

    database: Database
    chance: random.Random
    now: datetime = NOW
    catalogue: tuple[Segment, ...] = CATALOGUE
    live: list[LiveSegments] = field(default_factory=list)
    weeks: Memory = field(default_factory=Memory)

    async def look(self) -> None:
        """Each shard to where time has got, both at once, while somebody adds up."""
        await asyncio.gather(*(self._look(shard) for shard in range(SHARDS)), fold(self.database))

    async def _look(self, shard: int) -> None:
        while (await tick(self.database, self.live[shard].now, shard, SHARDS, self.now)).more:
            pass

    async def take_up(self) -> None:
        self.live = [LiveSegments(self.catalogue) for _ in range(SHARDS)]
        for shard, each in enumerate(self.live):
            await each.load(self.database, lambda: self.now, shard, SHARDS)

    async def acts(self) -> None:
        items = [
            track(self._name(), type=type_, ts=self.now, received_at=self.now)
            for type_ in self.chance.choices(("Product Added", "Order Completed"), k=5)
        ]
        told = {"plan": self.chance.choice(("pro", "free"))}
        items.append(identify(self._name(), traits=told, ts=self.now, received_at=self.now))
        await store(self.database, items, self.weeks)

    async def merges(self) -> None:
        one, other = self.chance.sample(range(20), 2)
        await store(self.database, [alias(f"u{one}", f"u{other}", ts=self.now, received_at=self.now)], self.weeks)

    async def undoes(self) -> None:
        merge = await self._some("select id from merge where undone_at is null order by id")
        if merge is not None:
            try:
                await undo(self.database, int(merge), self.now, "operator")
            except CannotUndo:  # one of the two was erased
                return

    async def erases(self) -> None:
        who = await self._some("select id from profile where merged_into is null order by created_at, id")
        if who is not None and self.chance.random() < 0.3:
            begun = await erasure.begin(self.database, UUID(str(who)), _digest, at=self.now, by="operator")
            assert begun is not None
            await erasure.purge(self.database, begun.id, self.now)

    async def imports(self) -> None:
        people = sorted({self._name() for _ in range(6)})
        rows = [Row(n, ("user_id", name)) for n, name in enumerate(people, 2)]
        replace = self.chance.random() < 0.5
        await import_rows(self.database, "vips", rows, uuid4(), lambda: self.now, by="eva", replace=replace)

    async def redefines(self) -> None:
        """One of the catalogue means something else, in its old version until the new one is loaded."""
        turned = Segment("carts", did("Product Added").within(hours=self.chance.choice((5, 30, 60))))
        self.catalogue = tuple(turned if each.name == turned.name else each for each in self.catalogue)
        await self.take_up()

    async def defines(self) -> None:
        draft = Draft("theirs", {"predicate": self.chance.choice(MEANT)})
        await define(self.database, {}, draft, by="eva", at=self.now)
        await self.take_up()

    async def undefines(self) -> None:
        await undefine(self.database, {}, {}, "theirs", by="eva", at=self.now)
        await self.take_up()

    async def waits(self) -> None:
        self.now += self.chance.choice((HOUR, 7 * HOUR, 30 * HOUR))

    def _name(self) -> str:
        return f"u{self.chance.randrange(20)}"

    async def _some(self, sql: str) -> object:
        rows = await self.database.pool.fetch(sql)
        return self.chance.choice(rows)["id"] if rows else None


def _digest(channel: str, address: str) -> bytes:
    return sha256(f"{channel}/{address}".encode()).digest()


@pytest.mark.parametrize("seed", range(2))
async def test_a_size_is_the_count_of_members_whatever_changes_membership(database: Database, seed: int) -> None:
    life = Life(database, random.Random(seed))
    ways: list[Callable[[], Awaitable[None]]] = [
        *(life.acts, life.acts, life.acts, life.waits, life.waits, life.imports, life.merges, life.undoes),
        *(life.erases, life.redefines, life.defines, life.undefines),
    ]
    await life.acts()
    await life.take_up()
    changed: Counter[str] = Counter()
    for _ in range(200):
        for way in (life.chance.choice(ways), *([life.look] if life.chance.random() < 0.6 else [])):
            before = await agreed(database)
            await way()
            changed[way.__name__] += await agreed(database) != before
    by_themselves = {"look", "merges", "undoes", "erases", "redefines", "defines", "undefines"}
    assert {way for way, times in changed.items() if times} >= by_themselves, changed
    found = await agreed(database)
    assert await sizes(database, [*found, "nobody-s"]) == {**found, "nobody-s": 0}
    assert await recount(database, life.now) == []
    await fold(database)
    assert await database.pool.fetchval("select count(*) from segment_size") == sum(map(bool, found.values()))


_JOIN = (
    "insert into segment_member (segment, profile_id, entered_at)"
    " select 'some', gen_random_uuid(), now() from generate_series(1, $1)"
)
_PART = "delete from segment_member where profile_id in (select profile_id from segment_member limit $1)"
_WRONG = "insert into segment_size (segment, members) values ('some', 3), ('none', 2)"


async def test_who_writes_waits_for_nobody_and_nobody_for_them(database: Database) -> None:
    """Two transactions change one segment; meanwhile it is folded and recounted, which sees what is committed."""
    async with database.transaction() as one, database.transaction() as other:
        await one.execute("set local lock_timeout = 1000")
        await other.execute("set local lock_timeout = 1000")
        await one.execute(_JOIN, 5)
        await other.execute(_JOIN, 3)
        await database.pool.execute(_JOIN, 10)
        await database.pool.execute(_PART, 2)
        async with asyncio.timeout(10):
            await fold(database)
            assert await recount(database, NOW) == []
        assert await sizes(database, ["some"]) == {"some": 8}
        await one.execute(_JOIN, 1)
    assert await agreed(database) == {"some": 17}


async def test_many_who_join_leave_fold_and_recount_at_once(database: Database) -> None:
    async def moves(n: int) -> None:
        for _ in range(20):
            await database.pool.execute(*((_JOIN, n + 1) if n % 2 else (_PART, n)))

    async def adds_up() -> None:
        for _ in range(30):
            await fold(database)
            assert await recount(database, NOW) == []
            await agreed(database)

    await database.pool.execute(_JOIN, 50)
    await asyncio.gather(*(moves(n) for n in range(4)), adds_up(), adds_up())
    await agreed(database)


async def test_a_size_that_is_wrong_is_set_right_once_and_written_down(database: Database) -> None:
    await database.pool.execute(_JOIN, 7)
    await database.pool.execute(_WRONG)
    found = [each for some in await asyncio.gather(*(recount(database, NOW) for _ in range(3))) for each in some]
    assert {(each.segment, each.metric, each.had[0], each.found[0]) for each in found} == {
        ("some", "members", 10, 7),
        ("none", "members", 2, 0),
    }
    assert len(found) == 2, "one of the three set it right, and the others found it so"
    assert await sizes(database, ["some", "none"]) == {"some": 7, "none": 0}
    assert {each.segment for each in await differences(database, NOW, 10)} == {"some", "none"}
