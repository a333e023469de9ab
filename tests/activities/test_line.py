"""The line before a journey with limits, on real Postgres: three dispatchers race for the same places (Show 6 of issue 9).

Postgres itself is the witness: a trigger counts who is in at the moment of each letting in, without any code of ours.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from activities.dispatch.admission import admit
from activities.dispatch.line import Line
from activities.versions import OnlyOwn, Served
from journeys.authoring import per_hour, ramp
from journeys.contracts import JourneySpec
from journeys.entry import Entry, NewRun, let_in
from journeys.policies import Limits, Restart
from segments import Segment, did
from store import Database, connect
from store.runs import entries
from store.runs import rows as runs
from tests.extent import scaled, some
from tests.trial_catalogue import three_messages
from workers.testing.shop import HandClock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPEC = replace(three_messages.spec, name="launch", entry=Segment("leads", did("Signed Up")), goal=None)
WITNESS = """
    create function too_many() returns trigger language plpgsql as $$
    begin
        if (select count(*) from run where let_in_at is not null and ended_at is null and exit_reason is null) > {capacity} then
            raise exception 'more than {capacity} are in';
        end if;
        return null;
    end $$;
    create trigger too_many after update of let_in_at on run for each row execute function too_many();
"""


@pytest.fixture
async def witnessed(database: Database) -> AsyncIterator[None]:
    """The witness goes with the test; the database stays."""
    yield
    await database.pool.execute("drop function if exists too_many cascade")


class Journey:
    """A journey with limits, its customers, and three dispatchers that each have connections of their own."""

    def __init__(self, database: Database, others: list[Database], spec: JourneySpec) -> None:
        self.database, self.spec, self.clock = database, spec, HandClock()
        self.clock.set(NOON)
        served = Served(None, {spec.name: spec}, {}, cast("Any", None), {}, {}, {})
        self.lines = [Line(each, OnlyOwn(served), self.clock) for each in others]

    async def comes(self, count: int, entered_at: datetime | None = None) -> list[NewRun]:
        """New customers whose entry opens a run, which waits."""
        people = [uuid4() for _ in range(count)]
        at = entered_at or self.clock.now()
        async with self.database.transaction() as connection:
            await connection.execute(
                "insert into profile (id, created_at, updated_at) select id, $2, $2 from unnest($1::uuid[]) as id", people, at
            )
            return [await self._enters(connection, each, at) for each in people]

    async def _enters(self, connection: Any, who: UUID, at: datetime) -> NewRun:
        (standing,) = await entries.standings(connection, [(self.spec.name, who, "", False)])
        run = let_in(Entry(spec=self.spec, by="segment", at=at), standing, self.clock.now())
        assert isinstance(run, NewRun)
        await entries.open_runs(connection, [run])
        return run

    async def move(self) -> int:
        """All three dispatchers at once, until none finds anybody to let in."""
        total = 0
        while moved := sum(await asyncio.gather(*(line.move() for line in self.lines))):
            total += moved
        return total

    async def inside(self) -> list[UUID]:
        found = "select id from run where let_in_at is not null and exit_reason is null and ended_at is null order by let_in_at"
        return [row["id"] for row in await self.database.pool.fetch(found)]

    async def ends(self, ids: list[UUID]) -> None:
        ended = "update run set exit_reason = 'finished', outcome = 'finished', ended_at = $2 where id = any($1::uuid[])"
        await self.database.pool.execute(ended, ids, self.clock.now())


@asynccontextmanager
async def dispatchers(database: Database, dsn: str, **limits: Any) -> AsyncIterator[Journey]:
    others = [await connect(dsn) for _ in range(3)]
    try:
        yield Journey(database, others, replace(SPEC, limits=Limits(**limits)))
    finally:
        for other in others:
            await other.close()


@pytest.mark.usefixtures("witnessed")
async def test_capacity_is_exact_under_three_dispatchers(database: Database, dsn: str) -> None:
    """Runs end while three dispatchers let in; never more than the capacity, and no place stays free."""
    dice, capacity = Random(6), 20
    async with dispatchers(database, dsn, capacity=capacity, max_wait=timedelta(days=9)) as launch:
        await database.pool.execute(WITNESS.format(capacity=capacity))
        await launch.comes(scaled(120, 2_000))
        for _ in range(scaled(6, 60)):
            inside = await launch.inside()
            leaving = dice.sample(inside, min(len(inside), dice.randint(0, 8)))
            await asyncio.gather(launch.move(), launch.ends(leaving), launch.move())
            await launch.move()
            assert len(await launch.inside()) == capacity


async def test_a_ramp_is_exact_under_three_dispatchers(database: Database, dsn: str) -> None:
    """By stages of a day, every twenty minutes: in no hour more than the stage allows, and never fewer while somebody waits."""
    growing = ramp(per_hour(5), per_hour(20), every=timedelta(hours=4))
    async with dispatchers(database, dsn, opens=NOON, rate=growing, max_wait=timedelta(days=9)) as launch:
        await launch.comes(110)
        for n in range(24):
            launch.clock.set(NOON + n * timedelta(minutes=20))
            await launch.move()
        rows = await database.pool.fetch("select let_in_at from run where let_in_at is not null order by let_in_at")
    entered = Counter(row["let_in_at"] for row in rows)
    for at in (NOON + n * timedelta(minutes=20) for n in range(24)):
        recent = sum(number for when, number in entered.items() if at - HOUR < when <= at)
        allowed = 5 if at < NOON + timedelta(hours=4) else 20
        assert recent == allowed or (recent < allowed and sum(entered.values()) == 110)


async def test_who_has_waited_longest_enters_first_and_a_start_past_its_use_expires(database: Database, dsn: str) -> None:
    async with dispatchers(database, dsn, capacity=1, max_wait=HOUR) as launch:
        late, early = (await launch.comes(1, NOON))[0], (await launch.comes(1, NOON - timedelta(minutes=5)))[0]
        assert (await launch.move(), await launch.inside()) == (1, [early.id])
        launch.clock.set(NOON + HOUR)
        assert await launch.move() == 0, "at exactly that age it is of use still"
        launch.clock.set(NOON + HOUR + timedelta(seconds=1))
        assert await launch.move() == 1
        row = await database.pool.fetchrow("select outcome, ended_at, started_at from run where id = $1", late.id)
        told = await database.pool.fetchrow("select reason, detail from entry_refused")
        assert row is not None and told is not None  # noqa: PT018
        assert (row["outcome"], row["started_at"]) == ("waited too long to enter", None)
        assert (told["reason"], told["detail"]["run_id"]) == ("waited too long to enter", str(late.id))
        async with database.transaction() as connection:
            (standing,) = await entries.standings(connection, [("launch", late.profile_id, "", False)])
        assert (standing.runs, standing.open_id) == (0, None), "who was never in may try again"


async def test_a_journey_without_limits_any_more_lets_its_line_in(database: Database, dsn: str) -> None:
    async with dispatchers(database, dsn, capacity=1, max_wait=HOUR) as launch:
        await launch.comes(3)
        await launch.move()
        unlimited = Served(None, {"launch": replace(SPEC, limits=None)}, {}, cast("Any", None), {}, {}, {})
        line = replace(launch.lines[0], versions=OnlyOwn(unlimited))
        assert (await line.move(), await line.clear(), len(await launch.inside())) == (0, 2, 3)
        gone = replace(line, versions=OnlyOwn(replace(unlimited, specs={})))
        assert await gone.clear() == 0


@pytest.mark.parametrize("seed", some(range(scaled(2, 40))))
async def test_restart_under_three_dispatchers_never_leaves_two_open_and_the_newest_entry_stands(
    database: Database, dsn: str, seed: int
) -> None:
    """The same customer's entries, some of them told twice, in three hands at once."""
    dice = Random(seed)
    spec = replace(SPEC, reentry=Restart(), limits=None)
    who = uuid4()
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, $2, $2)", who, NOON)
    instants = [NOON + timedelta(seconds=n) for n in dice.sample(range(100), 9)]
    told = [*instants, *dice.choices(instants, k=5)]
    served = Served(None, {"launch": spec}, {}, cast("Any", None), {}, {}, {"launch": dict})
    others = [await connect(dsn) for _ in range(3)]

    async def dispatcher(own: Database, hand: list[datetime]) -> None:
        for at in hand:
            row = runs.OutboxRow(1, "leads", who, "entered", at, {}, None)
            async with own.transaction() as connection:
                await admit(connection, served, [row], NOON + HOUR, _nothing_is_over)

    async def _nothing_is_over(_: list[str]) -> bool:
        return False

    await asyncio.gather(*(dispatcher(own, told[n::3]) for n, own in enumerate(others)))
    for other in others:
        await other.close()
    rows = await database.pool.fetch("select entered_at, exit_reason from run order by entered_at")
    assert [row["entered_at"] for row in rows if row["exit_reason"] is None] == [max(instants)]
    assert len({row["entered_at"] for row in rows}) == len(rows), "one run for each entry, however often it was told"
