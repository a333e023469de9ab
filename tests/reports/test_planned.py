"""Experiments as their author declared them: read by the plan that was made before, decided once, by the night alone."""

from datetime import UTC, date, datetime, time, timedelta
from math import isinf
from uuid import UUID

import pytest

from activities.measuring.deciding import decide
from activities.measuring.folding import Folding
from api.reports.known import report
from journeys import Effect, Experiment, Plan
from journeys.clock import Clock
from store import Database
from store.errors import NoReport
from store.measuring import experiments
from store.measuring.experiments import Decided, Said
from store.reports.report import Asked, Cell, Report
from tests.reports.planted import CUSTOMERS, DAY, START, came, plant, run_of, version

DAYS = 20
UNTIL = (START + DAYS * DAY).date()
HOLDOUT = "$holdout/carts"
EFFECT = Effect(0.5, 0.5)
TOGETHER = ("interaction of subject emoji and time night", "the sum of both")
FACTORS = {"subject": {"plain": 0.5, "emoji": 0.5}, "time": {"noon": 0.5, "night": 0.5}}


async def planned(database: Database, name: str, *versions: tuple[str, Experiment]) -> None:
    """Each version of the catalogue declares it, the day before the shop opens and on the days after."""
    for n, (of, declared) in enumerate(versions):
        said = Said(name, of, declared.to_json())
        await experiments.declare(database, [said], START + (n - 1) * DAY)


def holdout(plan: Plan | None) -> Experiment:
    return Experiment.of_holdout(HOLDOUT, 0.2, plan)


async def read(database: Database, until: date = UNTIL, **what: object) -> Report:
    return await report(database, "experiments", Asked(now=START + 2 * DAYS * DAY, until=until, **what))  # type: ignore[arg-type]


def of(found: Report, name: str, table: str = "experiments") -> dict[str, Cell]:
    (row,) = [row for row in found.table(table).dicts() if row["experiment"] == name]
    return row


async def night(database: Database, after: int) -> list[Decided]:
    """What the night after so many days writes down."""
    return await decide(database, (START + after * DAY).date(), START + after * DAY + timedelta(hours=2))


async def test_kpi_04_a_declared_end_is_read_as_one_and_decided_by_the_night_alone(database: Database) -> None:
    await plant(database)
    await planned(database, HOLDOUT, ("v1", holdout(Plan(days=12, effect=EFFECT))))
    carts = of(await read(database), HOLDOUT)
    assert [carts[name] for name in ("plan", "over", "decision")] == [
        "over after 12 days, to find a lift of +50 % on a rate of 50 %", "yes", "higher"
    ]  # fmt: skip
    assert any("Its declared end is after 12 days." in rule for rule in (await read(database)).rules)
    assert (await read(database)).table("decisions").rows == (), "nobody who looks decides"
    told = {each.experiment: each for each in await night(database, 12)}
    assert {name: each.decision for name, each in told.items()} == {
        HOLDOUT: "higher", "layout": "broken", "moved": "broken"
    }  # fmt: skip
    found = told[HOLDOUT]
    assert (found.question, found.against, found.metric, found.version) == ("written to", "withheld", "conversion", "v1")
    assert found.day is not None
    assert found.look is not None
    assert found.look == (found.day - START.date()).days + 1 <= 12
    assert found.figures["interval"][0] > 0
    assert await night(database, 13) == [], "each once"
    shown = of(await read(database), HOLDOUT, "decisions")
    assert [shown[name] for name in ("decision", "look", "day", "version")] == ["higher", found.look, found.day, "v1"]
    assert of(await read(database, until=found.day), HOLDOUT)["decision"] != "higher"
    assert [row["experiment"] for row in (await read(database, until=found.day)).table("decisions").dicts()] != [HOLDOUT]


async def test_kpi_04_an_end_without_a_result_is_decided_too_and_counts_whole_days_only(database: Database) -> None:
    await plant(database)
    await database.pool.execute(
        "update daily_sum set y = 10, yy = 10, nonzero = 10"
        " where experiment = $1 and metric = 'conversion' and arm = 'written to' and y > 0",
        HOLDOUT,
    )
    await planned(database, HOLDOUT, ("v1", holdout(Plan(people=500))))
    ends = (START + 9 * DAY).date()
    today = Asked(now=START + 9 * DAY, until=ends + DAY, journey="carts")
    assert of(await report(database, "experiments", today), HOLDOUT)["over"] == "no", "that day is not over"
    assert [each.decision for each in await night(database, 9) if each.experiment == HOLDOUT] == []
    (found,) = [each for each in await night(database, 15) if each.experiment == HOLDOUT]
    assert (found.decision, found.look, found.day, found.people) == ("not shown", 10, ends, 500)
    assert found.figures["interval"][0] < 0 < found.figures["interval"][1]
    carts = await read(database, journey="carts")
    assert [of(carts, HOLDOUT)[name] for name in ("decision", "over")] == ["not shown", "yes"]
    assert (
        "At the declared end, on day 10 with 500 people, it may not be concluded that written to changes the conversion rate"
        in carts.findings[0]
    )


async def test_a_plan_that_is_changed_later_moves_nothing_and_is_told(database: Database) -> None:
    await plant(database)
    before = Plan(people=450, effect=EFFECT)
    await planned(database, HOLDOUT, ("v1", holdout(before)))
    as_planned = of(await read(database), HOLDOUT)
    await planned(database, HOLDOUT, ("v1", holdout(before)), ("v2", holdout(Plan(people=40_000, kpi="revenue"))))
    found = await read(database)
    assert of(found, HOLDOUT) == as_planned
    assert any(
        "another plan was declared after its first customer had come; it is read by the plan of version v1" in n
        for n in found.notes
    )
    await database.pool.execute("delete from experiment where version = 'v1'")
    found = await read(database)
    assert [of(found, HOLDOUT)[name] for name in ("plan", "judged_by")] == [None, "conversion"]
    assert any("it is read as if nothing were declared" in note for note in found.notes)


async def test_what_was_written_down_stands_when_the_sums_change(database: Database) -> None:
    await plant(database)
    await night(database, 15)
    await database.pool.execute("update daily_sum set y = 0, yy = 0, nonzero = 0 where metric = 'conversion'")
    found = await read(database)
    assert of(found, HOLDOUT)["decision"] == "early"
    assert of(found, HOLDOUT, "decisions")["decision"] == "higher"
    assert any("it is early. What was written down stands." in note for note in found.notes)


async def test_a_plan_says_what_judges_and_whether_few_convert(database: Database) -> None:
    await plant(database)
    await planned(database, HOLDOUT, ("v1", holdout(Plan(kpi="revenue"))))
    carts = of(await read(database), HOLDOUT)
    assert [carts[name] for name in ("judged_by", "decision", "over")] == ["revenue", "higher", None]
    await planned(database, HOLDOUT, ("v1", holdout(Plan(rare=True))))
    found = await read(database)
    assert any("exactly and at each look" in rule for rule in found.rules)
    # 300 of the 350 who converted were written to, who are 0.8 of all: a lift of 300 / 50 * 0.2 / 0.8 - 1.
    assert of(found, HOLDOUT, "conversion")["lift"] == pytest.approx(0.5)


async def test_the_control_and_the_shares_are_those_that_are_declared(database: Database) -> None:
    await plant(database)
    await planned(database, "layout", ("v1", Experiment("layout", {"wide": 0.75, "narrow": 0.25}, control="wide")))
    found = await read(database, journey="carts")
    layout = of(found, "layout")
    assert [layout[name] for name in ("arm", "against", "decision")] == ["narrow", "wide", "broken"]
    said = dict(zip((row["experiment"] for row in found.table().dicts()), found.findings, strict=True))
    assert "narrow is not drawn by the share that it declares" in said["layout"]
    await database.pool.execute(
        "update exposure set share = case arm when 'wide' then 0.75 else 0.25 end where experiment = 'layout'"
    )
    layout = of(await read(database, journey="carts"), "layout")
    assert [layout[name] for name in ("arm", "against", "exposed", "exposed_against")] == ["narrow", "wide", 100, 300]
    assert layout["decision"] in {"open", "lower", "higher"}
    await database.pool.execute("delete from exposure where experiment = 'layout' and arm = 'narrow'")
    assert of(await read(database, journey="carts"), "layout")["decision"] != "broken", "the declared share is known"


async def test_ml_16_factors_are_asked_about_over_all_arms_they_are_in(database: Database) -> None:
    await plant(database)
    arms = ["plain_noon", "plain_night", "emoji_noon", "emoji_night"]
    await database.pool.executemany(
        "insert into exposure (experiment, profile_id, arm, share, exposed_at, run_id, version)"
        " values ($1, $2, $3, 0.25, $4, $5, $6)",
        [("cells", UUID(int=n + 1), arms[n % 4], came(n), run_of(n), version(n)) for n in CUSTOMERS],
    )  # fmt: skip
    await Folding(database, None, Clock()).fold()
    await planned(database, "cells", ("v1", Experiment("cells", factors=FACTORS, plan=Plan(days=12))))
    found = await read(database, journey="carts")
    rows = {(row["arm"], row["against"]): row for row in found.table("conversion").dicts() if row["experiment"] == "cells"}
    assert list(rows) == [("subject emoji", "subject plain"), ("time night", "time noon"), TOGETHER]
    emoji = rows["subject emoji", "subject plain"]
    # Of each arm of 125, by what customers do in the shop that is planted.
    buys = {
        name: sum(1 for n in CUSTOMERS if n % 4 == k and (n % 10 == 0 if n % 5 == 0 else n % 5 != 4))
        for k, name in enumerate(arms)
    }
    assert emoji["mean"] == (buys["emoji_noon"] + buys["emoji_night"]) / 250
    assert emoji["mean_against"] == (buys["plain_noon"] + buys["plain_night"]) / 250
    together = rows[TOGETHER]
    assert together["mean"] is None
    assert together["difference"] == pytest.approx(
        (buys["emoji_night"] - buys["plain_night"] - buys["emoji_noon"] + buys["plain_noon"]) / 125
    )
    brought = [row for row in found.table().dicts() if row["experiment"] == "cells"]
    assert [(row["arm"], row["exposed"], row["exposed_against"]) for row in brought] == [
        ("subject emoji", 250, 250),
        ("time night", 250, 250),
    ]
    assert any("Each of its 3 questions is held to 1.67 %" in rule for rule in found.rules)
    decided = [each for each in await night(database, 15) if each.experiment == "cells"]
    assert {(each.question, each.against, each.decision) for each in decided} == {
        ("subject emoji", "subject plain", "not shown"),
        ("time night", "time noon", "lower"),  # who is in the shop's holdout and orders is an even one
        (*TOGETHER, "not shown"),
    }


_AS_ONE_PART = """
    with gone as (delete from daily_sum where experiment = $1 and step = '' returning *)
    insert into daily_sum (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason,
                           n, y, yy, x, xx, xy, nonzero)
    select day, journey, 'v1', step, channel, provider, 'carts', experiment, arm, metric, reason,
           sum(n), sum(y), sum(yy), sum(x), sum(xx), sum(xy), sum(nonzero)
    from gone group by day, journey, step, channel, provider, experiment, arm, metric, reason"""


@pytest.mark.parametrize("plan", [None, Plan(people=500, effect=EFFECT), Plan(days=12), Plan(kpi="revenue"), Plan(rare=True)])
async def test_a_part_is_read_as_the_whole_and_nothing_is_concluded_of_it(database: Database, plan: Plan | None) -> None:
    await plant(database)
    await planned(database, HOLDOUT, ("v1", holdout(plan)))
    parts = await read(database, journey="carts", by=("segment",))
    assert [row["decision"] for row in parts.table("revenue").dicts() if row["experiment"] == HOLDOUT] == ["part", "early"]
    await database.pool.execute(_AS_ONE_PART, HOLDOUT)
    whole = await read(database, journey="carts")
    assert of(whole, HOLDOUT)["decision"] in {"higher", "open"}
    for by in ("segment", "version"):
        part = await read(database, journey="carts", by=(by,))
        for metric in ("conversion", "orders", "revenue", "order_value"):
            one, all_ = (of(each, HOLDOUT, metric) for each in (part, whole))
            assert all_["lift"] is not None
            assert {name: one[name] for name in all_} == all_ | {"decision": "part", "verdict": one["verdict"]}
        assert [of(part, HOLDOUT)[name] for name in ("decision", "over", "people_needed")] == ["part", None, None]
        [told] = [each for each in part.findings if each.startswith(HOLDOUT)]
        assert told.endswith(": It is a part: its bounds are made as those of the whole, and what is to be concluded the whole"
                             " alone says.")  # fmt: skip
    side = (await report(database, "versions", Asked(now=START + 40 * DAY, until=UNTIL, journey="carts"))).table().dicts()[0]
    names = ("lift", "lift_low", "lift_high")
    assert [side[name] for name in names] == [of(whole, HOLDOUT, "conversion")[name] for name in names]


async def test_kpi_04_a_day_that_is_not_over_is_counted_and_not_looked_at(database: Database) -> None:
    """However its numbers turn from hour to hour, what was said in the morning is said in the evening."""
    await plant(database)
    today = (START + 5 * DAY).date()

    async def at(hour: int) -> Report:
        now = datetime.combine(today, time(hour), UTC)
        return await report(database, "experiments", Asked(now=now, until=today + DAY, journey="carts"))

    morning, yesterday = await at(6), await read(database, until=today, journey="carts")
    await database.pool.execute(
        "update daily_sum set y = 0, yy = 0, nonzero = 0 where day = $1 and metric = 'conversion' and arm = 'written to'", today
    )
    evening = await at(22)
    assert evening == morning
    assert evening.findings[:2] == yesterday.findings[:2], "of the third a share was changed today"
    for table in ("conversion", "revenue"):
        assert of(evening, HOLDOUT, table) == of(yesterday, HOLDOUT, table)
    assert of(yesterday, HOLDOUT, "conversion")["p"] is not None
    ours, before = of(evening, HOLDOUT), of(yesterday, HOLDOUT)
    assert [ours[name] for name in ("exposed", "exposed_against")] == [240, 60]
    others = ("decision", "incremental_conversions", "incremental_revenue", "messages", "cost", "roi", "split_p")
    assert [before["exposed"], *(before[name] for name in others)] == [200, *(ours[name] for name in others)]
    [note] = [each for each in evening.notes if "counted, and looked at when the day is over" in each]
    assert note.startswith("130 exposures of today are counted")
    assert not [each for each in yesterday.notes if "of today" in each]
    first = Asked(now=START, until=START.date() + DAY, journey="carts")
    assert of(await report(database, "experiments", first), HOLDOUT)["decision"] == "early", "its first day is not over"


@pytest.mark.parametrize("days", [1, 5])
async def test_kpi_04_no_number_of_the_day_that_is_not_over_is_told(database: Database, days: int) -> None:
    """Neither the means of who has too few, nor what is still needed, nor what a version's customers came to."""
    await plant(database)
    today = (START + days * DAY).date()

    async def at(hour: int) -> list[Report]:
        asked = Asked(now=datetime.combine(today, time(hour), UTC), until=today + DAY, journey="carts")
        return [await report(database, name, asked) for name in ("experiments", "versions")]

    morning = await at(6)
    assert of(morning[0], HOLDOUT)["decision"] == ("early" if days == 1 else "open")
    assert None not in [of(morning[0], HOLDOUT, table)["mean"] for table in ("conversion", "revenue", "order_value")]
    await database.pool.execute(
        "update daily_sum set y = y + 5, yy = yy + 90, nonzero = nonzero + 3, x = x + 2 where day >= $1 and step = ''"
        " and metric <> 'exposed'", today,
    )  # fmt: skip
    assert await at(22) == morning


async def test_the_declaration_of_an_experiment_without_a_version_is_the_last_before_its_first_customer(
    database: Database,
) -> None:
    await plant(database)
    await database.pool.execute("update exposure set version = null where experiment = $1", HOLDOUT)
    first, later = holdout(Plan(people=450)), holdout(Plan(people=9))
    await planned(database, HOLDOUT, ("v0", holdout(Plan(people=10))))
    await experiments.declare(database, [Said(HOLDOUT, "v1", first.to_json())], START - timedelta(hours=1))
    await experiments.declare(database, [Said(HOLDOUT, "v2", later.to_json())], START + timedelta(hours=1))
    held = (await experiments.declared(database.pool, [HOLDOUT, "nobody-is-in-it"]))[HOLDOUT]
    assert (held.version, held.declared, held.last) == ("v1", first.to_json(), later.to_json())


def test_what_is_declared_is_kept_and_read_back_as_it_was() -> None:
    declared = Experiment("news", {"video": 0.5, "control": 0.5}, plan=Plan(days=7, effect=EFFECT))
    assert Experiment.from_json(declared.to_json()) == declared
    assert declared.control == "control"
    factors = Experiment("cells", factors=FACTORS)
    assert (Experiment.from_json(factors.to_json()), factors.control) == (factors, "plain_noon")
    assert factors.levels("emoji_night") == {"subject": "emoji", "time": "night"}


async def test_kpi_04_day_by_day_is_what_the_report_said_on_each_of_these_days(database: Database) -> None:
    await plant(database)
    await night(database, 9)  # how it stood is kept, and read past
    found = await read(database, experiment=HOLDOUT)
    assert {row["experiment"] for row in found.table().dicts()} == {HOLDOUT}
    days = found.table("days").dicts()
    assert len(days) == DAYS
    named = ("lift", "lift_low", "lift_high", "p", "decision")
    for row in days:
        assert isinstance(row["day"], date)
        then = await read(database, row["day"] + DAY)
        told = [
            None if isinstance(cell, float) and isinf(cell) else cell
            for cell in map(of(then, HOLDOUT, "conversion").get, named)
        ]
        assert [row[name] for name in named] == told, row["day"]
    assert days[-1]["lift"] is not None
    with pytest.raises(NoReport, match="there is no experiment nonsense; there are"):
        await read(database, experiment="nonsense")
    await planned(database, "to come", ("v1", Experiment("to come", {"a": 0.5, "b": 0.5})))
    assert (await read(database, experiment="to come")).notes == ("Declared, and nobody is in it yet: to come.",)


def _bounded(cell: Cell) -> Cell:
    """A bound, where it is one."""
    return None if isinstance(cell, float) and isinf(cell) else cell
