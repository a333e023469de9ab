"""Reports read how experiments stood, and say what they would without: whatever became of the sums, rules and plans since."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest

from activities.measuring.deciding import decide
from activities.measuring.folding import Folding
from activities.measuring.looking import METRICS
from activities.measuring.standing import EVERY
from activities.measuring.values import CANCELLED, REFUNDED
from api.reports.known import report
from journeys import Effect, Experiment, Plan
from journeys.clock import Clock
from journeys.policies import Conversion
from segments import purchases
from store import Database
from store.database import columns
from store.locks import Lock
from store.measuring import experiments, sums, values
from store.measuring.experiments import Said
from store.measuring.values import Added, Change, Declared
from store.reports.report import Asked, Cell, Report
from tests.extent import scaled, some
from tests.reports.planted import DAY, START, came, plant, run_of

HOLDOUT = "$holdout/carts"
FIRST = START.date()
#: A night after so many days; by then the shop is over, and there are three standings of each experiment.
NIGHT = 30
TOUCHED = FIRST + 7 * DAY


async def night(database: Database, after: int = NIGHT) -> None:
    at = START + after * DAY
    await decide(database, at.date(), at)


async def made(database: Database, until: date, name: str = "experiments", journey: str | None = None) -> Report:
    return await report(database, name, Asked(now=START + NIGHT * DAY, until=until, journey=journey))


async def agree(database: Database, until: date = FIRST + NIGHT * DAY) -> None:
    """Every report of experiments is, to the last digit, what it is without anything that is kept."""
    asked = [("experiments", None), ("experiments", "carts"), ("ranking", None)]
    found = [await made(database, until, *each) for each in asked]
    kept = await database.pool.fetch("delete from experiment_standing returning *")
    assert [await made(database, until, *each) for each in asked] == found
    rows = [tuple(row.values()) for row in kept]
    await database.pool.execute(
        "insert into experiment_standing"
        " select * from unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::text[], $6::jsonb[])",
        *columns(rows, 6),
    )


PLANTED = 0.125


async def tell_otherwise(database: Database) -> None:
    """As if the smallest p of the conversion rate had been another: whoever reads on from there shows it."""
    path = ["metrics", "conversion", "asked", "0", "0", "1"]
    await database.pool.execute(
        "update experiment_standing set standing = jsonb_set(standing, $2, to_jsonb($3::float8)) where experiment = $1",
        HOLDOUT, path, PLANTED,
    )  # fmt: skip


async def shown(database: Database) -> list[Cell]:
    return (await made(database, FIRST + NIGHT * DAY)).table("conversion").column("p")


async def days(database: Database, experiment: str = HOLDOUT) -> list[date]:
    rows = await database.pool.fetch("select day from experiment_standing where experiment = $1 order by day", experiment)
    return [row["day"] for row in rows]


async def test_kpi_04_reports_read_how_experiments_stood_and_only_the_days_since(database: Database) -> None:
    await plant(database)
    assert await days(database) == []
    await night(database, 14)
    once = await days(database)
    await night(database)
    found = await days(database)
    assert once == found[: len(once)] != found
    assert {(day.toordinal() + 1) % EVERY for day in found} == {0}
    assert FIRST <= found[0] <= found[-1] < FIRST + NIGHT * DAY
    for until in (found[0], found[0] + DAY, found[1] + 3 * DAY, FIRST + NIGHT * DAY):
        await agree(database, until)
    assert PLANTED not in await shown(database)
    await tell_otherwise(database)
    assert PLANTED in await shown(database), "what is kept is what is read"


_MOVED = (
    "update daily_sum set y = y - 9, yy = yy - 9, nonzero = nonzero - 9"
    " where experiment = $1 and metric = 'conversion' and arm = 'written to' and day = $2"
)


async def moved(database: Database) -> None:
    await database.pool.execute(_MOVED, HOLDOUT, TOUCHED)


async def recomputed(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("set local session_replication_role = replica")  # nothing was taken away
        await connection.execute(_MOVED, HOLDOUT, TOUCHED)
    assert await Folding(database, None, Clock()).recompute(TOUCHED)


async def late(database: Database) -> None:
    """An order of long ago is heard of."""
    who = 7 * 50 + 4
    await database.pool.execute(
        "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
        " values ($1, $2, 'Order Completed', 'track', 'late', '{\"order_id\": \"late\", \"revenue\": 500}', 'shop', now())",
        UUID(int=who + 1), came(who) + timedelta(hours=2),
    )  # fmt: skip
    await database.pool.execute("insert into customer_touched (profile_id) values ($1)", UUID(int=who + 1))
    await Folding(database, None, Clock()).fold()


async def went(database: Database) -> None:
    await database.pool.execute(
        "delete from daily_sum where experiment = $1 and arm = 'withheld' and day = $2", HOLDOUT, TOUCHED
    )


async def moved_to_another_day(database: Database) -> None:
    await database.pool.execute(
        "update daily_sum set day = day + 40 where experiment = $1 and metric = 'conversion' and day = $2", HOLDOUT, TOUCHED
    )


async def of_another_journey(database: Database) -> None:
    await database.pool.execute(
        "insert into daily_sum (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n)"
        " values ($2, 'winback', 'v1', '', '', '', '', $1, 'withheld', 'exposed', '', 7)", HOLDOUT, TOUCHED
    )  # fmt: skip


@pytest.mark.parametrize("change", [moved, recomputed, late, went, moved_to_another_day, of_another_journey])
async def test_a_sum_of_a_past_day_takes_away_what_was_kept_since(
    database: Database, change: Callable[[Database], Awaitable[None]]
) -> None:
    await plant(database)
    await night(database)
    before = await made(database, FIRST + NIGHT * DAY)
    had, others = await days(database), await days(database, "layout")
    await change(database)
    left = await days(database)
    assert left == [day for day in had if day < TOUCHED] != had
    if change is not late:
        assert await days(database, "layout") == others, "another experiment stands as it did"
    await agree(database)
    if change is not recomputed:
        assert await made(database, FIRST + NIGHT * DAY) != before
    await night(database)
    assert (await days(database) == had) is (change is not of_another_journey), "of several journeys nothing is kept"
    await agree(database)


async def declared(database: Database, plan: Plan | None) -> None:
    said = Said(HOLDOUT, "v1", Experiment.of_holdout(HOLDOUT, 0.2, plan).to_json())
    await experiments.declare(database, [said], START - DAY)


async def another_plan(database: Database) -> None:
    await declared(database, Plan(people=450, effect=Effect(0.5, 0.5)))


async def another_judge(database: Database) -> None:
    await declared(database, Plan(days=3, kpi="revenue"))


async def few_convert(database: Database) -> None:
    await declared(database, Plan(rare=True))


async def another_share(database: Database) -> None:
    await database.pool.execute(
        "update exposure set share = case arm when 'withheld' then 0.3 else 0.7 end where experiment = $1", HOLDOUT
    )


async def another_rule(database: Database) -> None:
    rule = Conversion(by=purchases, currency="EUR", cap=20)
    ours = rule.types | {REFUNDED, CANCELLED}
    for version in ("v1", "v2"):
        await values.declare(database, [Declared("carts", version, rule.to_json(), frozenset(ours))], START + DAY)


async def other_sources(database: Database) -> None:
    await database.pool.execute("update experiment_standing set code = 'of before'")


@pytest.mark.parametrize("change", [another_plan, another_judge, few_convert, another_share, another_rule, other_sources])
async def test_what_is_read_by_something_else_is_read_from_the_first_day(
    database: Database, change: Callable[[Database], Awaitable[None]]
) -> None:
    """Nothing is folded in between: what is kept is there, and not read."""
    await plant(database)
    await night(database)
    had = await days(database)
    await tell_otherwise(database)
    await change(database)
    assert await days(database) == had
    assert PLANTED not in await shown(database)
    found = [await made(database, FIRST + NIGHT * DAY, name) for name in ("experiments", "ranking")]
    await database.pool.execute("delete from experiment_standing")
    assert [await made(database, FIRST + NIGHT * DAY, name) for name in ("experiments", "ranking")] == found
    await night(database)
    await agree(database)
    await Folding(database, None, Clock()).fold()
    await agree(database)


async def test_the_night_keeps_nothing_while_somebody_changes_a_sum(database: Database) -> None:
    await plant(database)
    async with sums.alone(database) as connection:
        assert connection is not None
        await connection.execute(_MOVED, HOLDOUT, TOUCHED)
        keeping = asyncio.create_task(night(database))
        await asyncio.wait({keeping}, timeout=1.5)  # what the change is not in yet would be kept by now
    await keeping
    assert len(await days(database)) > 1
    await agree(database)


async def test_what_erasure_takes_moves_no_sum_and_nothing_that_is_kept(database: Database) -> None:
    await plant(database)
    await night(database)
    had = await days(database)
    async with database.transaction() as connection:
        for n in range(40):
            await values.take_away(connection, [UUID(int=n + 1)])
        await values.close(connection, START + 3 * DAY)
        await connection.execute("delete from exposure where exposed_at < $1", START + DAY)
    assert await days(database) == had
    await agree(database)
    assert await Folding(database, None, Clock()).recompute(TOUCHED) == []
    await agree(database)


@pytest.mark.parametrize("seed", some(range(scaled(3, 60))))
async def test_random_sums_nights_and_changes_are_read_as_without(database: Database, seed: int) -> None:
    await plant(database)
    rng = Random(seed)
    plans = (None, Plan(days=18), Plan(people=900, effect=Effect(0.3, 0.4)), Plan(rare=True))
    await declared(database, rng.choice(plans))
    for _ in range(6):
        today = rng.randrange(12, NIGHT)
        async with database.transaction() as connection:
            changes = {each.about: each for each in (_change(rng, today) for _ in range(rng.randrange(1, 40)))}
            await values.add(connection, list(changes.values()))
        if rng.random() < 0.7:
            await night(database, today)
        await agree(database, FIRST + rng.randrange(5, NIGHT + 2) * DAY)


def _change(rng: Random, today: int) -> Added:
    """People who came on some day, of now or of before, or what they did, in fractions that no float holds."""
    day = FIRST + (today if rng.random() < 0.6 else rng.randrange(today + 1)) * DAY
    about = (
        day,
        "carts",
        rng.choice(("v1", "v2")),
        rng.choice(("carts", "vips")),
        HOLDOUT,
        rng.choice(("written to", "withheld")),
    )
    if rng.random() < 0.3:
        return Added((*about, "exposed"), Change(rng.randrange(60)))
    spent, buyers = Decimal(rng.randrange(1, 10**6)) / 1000, rng.randrange(1, 20)
    changed = Change(0, buyers * spent, buyers * spent**2, Decimal(buyers), Decimal(buyers), buyers * spent, buyers)
    rate = Change(0, Decimal(buyers), Decimal(buyers), nonzero=buyers)
    metric = rng.choice(METRICS)
    return Added((*about, metric), rate if metric == "conversion" else changed)


async def test_what_a_page_asked_first_and_a_journey_later_is_of_several(database: Database) -> None:
    """A breaker's: the page's customers were read as the journey's."""
    await plant(database)
    page = [("banner", UUID(int=n + 1), "xy"[n % 2], 0.5, START + n // 50 * DAY, None, None) for n in range(200)]
    later = [("banner", UUID(int=n + 1), "xy"[n % 2], 0.5, START + 9 * DAY, run_of(n), "v1") for n in range(200, 500)]
    await database.pool.executemany(
        "insert into exposure (experiment, profile_id, arm, share, exposed_at, run_id, version)"
        " values ($1, $2, $3, $4, $5, $6, $7)",
        [*page, *later],
    )
    await database.pool.executemany(
        "insert into customer_touched (profile_id) values ($1)", [(each[1],) for each in (*page, *later)]
    )
    await Folding(database, None, Clock()).fold()
    await night(database)
    await agree(database)


async def test_who_has_the_sums_sees_all_that_was_written_before(database: Database) -> None:
    """A breaker's: looked before it was alone, the night kept how experiments stood before somebody else's fold."""
    async with sums.alone(database) as mine:
        assert mine is not None
        async with sums.alone(database) as other:
            assert other is None
        await mine.execute("insert into customer_touched (profile_id) values ($1)", UUID(int=1))
    async with sums.alone(database) as mine:
        assert mine is not None
        assert await mine.fetchval("select count(*) from customer_touched where profile_id = $1", UUID(int=1)) > 0
    held = "select count(*) from pg_locks where locktype = 'advisory' and classid = $1::oid"
    held += " and database = (select oid from pg_database where datname = current_database())"
    assert await database.pool.fetchval(held, int(Lock.SUMS)) == 0
