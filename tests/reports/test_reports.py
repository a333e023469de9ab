"""Reports of a shop whose numbers are known: each is what one counts by hand."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from activities.measuring.folding import Folding
from api.reports.known import REPORTS, report
from journeys import Experiment
from journeys.clock import Clock
from store import Database
from store.errors import NoReport
from store.measuring import experiments, values
from store.measuring.experiments import Said
from store.measuring.values import Declared
from store.reports.report import Asked, Cell, Report, Table
from tests.reports.planted import DAY, RULE, START, UNTIL, came, plant, skipped, withheld

DAYS = {"since": START.date()}


async def made(database: Database, name: str, **what: object) -> Report:
    return await report(database, name, Asked(now=START + 20 * DAY, until=UNTIL, **what))  # type: ignore[arg-type]


def rows(table: Table, *names: str) -> dict[tuple[Cell, ...], dict[str, Cell]]:
    return {tuple(row[name] for name in names): row for row in table.dicts()}


async def test_kpi_01_messages_by_step_and_channel_are_those_that_one_counts_by_hand(database: Database) -> None:
    await plant(database)
    found = await made(database, "messages", journey="carts", **DAYS)
    told = rows(found.table(), "step", "channel")
    assert list(told) == [("email:first", "email"), ("push:second", "push")]
    letters, push = told.values()
    # 500 fell due. Each fifth is withheld, 25 may not be written to; of the 375 sent SES took 200, of which 13 came back.
    assert {name: letters[name] for name in ("due", "sent", "withheld", "skipped", "failed", "unconfirmed", "raced")} == {
        "due": 500, "sent": 375, "withheld": 100, "skipped": 25, "failed": 0, "unconfirmed": 0, "raced": 0
    }  # fmt: skip
    assert [letters[name] for name in ("delivered", "bounced_hard", "bounced_soft", "bounced_unsaid")] == [187, 13, 0, 0]
    assert [letters[f"opened_{who}"] for who in ("human", "machine", "unknown")] == [100, 50, 63]
    assert [letters[name] for name in ("clicked_human", "clicked_machine", "complained", "unsubscribed", "replied")] == [
        33, 12, 1, 5, 0
    ]  # fmt: skip
    assert letters["delivery_rate"] == 187 / 200, "of SES's: SMTP tells nothing of arrival"
    assert letters["bounce_rate"] == 13 / 375
    assert [letters[f"open_rate{kind}"] for kind in ("", "_machine", "_unknown")] == [100 / 187, 50 / 187, 63 / 187]
    assert [letters["ctr"], letters["ctor"]] == [33 / 187, 33 / 100]
    assert [letters["unsubscribe_rate"], letters["complaint_rate"]] == [5 / 187, 1 / 187]
    assert letters["cost_EUR"] == Decimal(10)
    # Customers below 100 were sent a second one, but for the holdout's 20 and the 5 who may not be written to.
    assert [push[name] for name in ("due", "sent", "delivered", "opened_human")] == [75, 75, 7, 7]
    assert [push[name] for name in ("delivery_rate", "open_rate", "ctr", "unsubscribe_rate", "complaint_rate", "cost_EUR")] == [
        None
    ] * 6, "nobody tells whether a push arrived: unknown, and not 0 %"
    assert "unknown, not 0 %" in found.notes[0].lower()


async def test_kpi_01_messages_by_segment_version_and_day(database: Database) -> None:
    await plant(database)
    by_segment = rows(
        (await made(database, "messages", journey="carts", by=("segment", "step"), **DAYS)).table(), "segment", "step"
    )
    # Even customers came by carts, odd ones by vips, who are all SMTP's.
    assert by_segment["carts", "email:first"]["sent"] == 200
    assert by_segment["vips", "email:first"]["sent"] == 175
    assert by_segment["vips", "email:first"]["open_rate"] is None
    by_version = rows((await made(database, "messages", journey="carts", by=("version",), **DAYS)).table(), "version")
    assert [by_version[version,]["due"] for version in ("v1", "v2")] == [325, 250]
    by_day = (await made(database, "messages", by=("day",), **DAYS)).table()
    assert by_day.column("day")[:2] == [START.date(), START.date() + timedelta(days=1)]
    first_two = await made(database, "messages", by=("day",), since=START.date() + timedelta(days=1))
    assert first_two.table().column("day")[0] == START.date() + timedelta(days=1)
    assert sum(by_day.column("sent")) == 375 + 75 + 37 + 10  # type: ignore[arg-type]
    nothing = await report(database, "messages", Asked(now=START, since=START.date() - timedelta(days=9), until=START.date()))
    assert nothing.table().rows == ()


async def test_a_funnel_goes_by_step_says_why_not_and_who_is_where_now(database: Database) -> None:
    await plant(database)
    found = await made(database, "funnel", journey="carts", **DAYS)
    names = ("step", "due", "sent", "delivered", "opened", "clicked", "not_sent", "converted", "people_now")
    reached = range(0, 480, 7)
    written = sum(not withheld(n) and not skipped(n) for n in reached)
    assert [tuple(row[name] for name in names) for row in found.table().dicts()] == [
        ("(before the first)", *[None] * 6, len(reached) - written, 0),
        ("email:first", 500, 375, 187, 100, 33, 125, written, 20),
        ("push:second", 75, 75, None, 7, 0, 0, 0, 0),
    ]
    says = [*found.rules, *(column.about for column in found.table().columns if column.name == "converted")]
    counted = [each for each in says if "uns that ended by their goal" in each]
    assert len(counted) == 2, "the rule and the column say the same"
    assert not [each for each in says if "adds up to the conversions" in each], "these `experiments` counts"
    assert found.table("reasons").rows == (
        ("email:first", "withheld", "holdout", 100),
        ("email:first", "skipped", "no consent", 25),
    )
    with pytest.raises(NoReport, match="has no table why; it has steps, reasons"):
        found.table("why")


async def test_deliverability_warns_and_stops_and_says_what_cannot_be_known(database: Database) -> None:
    await plant(database)
    found = await made(database, "deliverability", **DAYS)
    told = rows(found.table(), "channel", "provider")
    # SES took 200 letters of carts, 20 of winback and 5 of news; 14 in all came back: 13, and customer 522.
    ses = told["email", "ses"]
    assert [ses[name] for name in ("sent", "delivered", "complained", "state")] == [225, 211, 1, "stop"]
    assert [ses["bounce_rate_hard"], ses["complaint_rate"]] == [14 / 225, 1 / 211]
    assert [told[key]["state"] for key in (("email", "smtp"), ("push", "fcm"))] == ["unknown", "unknown"]
    assert found.findings == ("Stop email by ses: 1 of 211 delivered messages were complained of, which is 0.3 % or more.",)
    assert "Domains of recipients are not told apart" in found.notes[1]
    of_ses = "metric = 'delivered' and provider = 'ses' and experiment = ''"
    await database.pool.execute(f"update daily_sum set n = 0 where {of_ses}")
    await database.pool.execute(f"update daily_sum set n = 1000 where ctid = (select min(ctid) from daily_sum where {of_ses})")
    for complaints, state in ((0, "ok"), (1, "warn"), (2, "warn"), (3, "stop")):
        await database.pool.execute("update daily_sum set n = $1 where metric = 'complained' and experiment = ''", complaints)
        await database.pool.execute("select span_sums()")
        found = await made(database, "deliverability", **DAYS)
        assert rows(found.table(), "provider")["ses",]["state"] == state
        assert len(found.findings) == (state != "ok")


async def test_kpi_04_what_a_holdout_shows_and_what_it_brought(database: Database) -> None:
    await plant(database)
    found = await made(database, "experiments")
    told = rows(found.table(), "experiment")
    carts = told["$holdout/carts",]
    # Of 400 who are written to 300 buy, of 100 in the holdout 50: 0.25 more of each, so 100 orders' customers.
    assert [carts[name] for name in ("arm", "against", "exposed", "exposed_against", "judged_by", "decision")] == [
        "written to", "withheld", 400, 100, "conversion", "higher"
    ]  # fmt: skip
    assert carts["incremental_conversions"] == pytest.approx(100)
    assert carts["messages"] == 450
    assert carts["cost"] == 10
    conversion = rows(found.table("conversion"), "experiment")["$holdout/carts",]
    assert [conversion[name] for name in ("mean", "mean_against", "difference")] == [0.75, 0.5, 0.25]
    assert conversion["lift"] == pytest.approx(0.5)
    assert (
        "It may be concluded that written to raises the conversion rate against withheld (75 % and 50 %)" in found.findings[0]
    )
    # (Incremental revenue by margin - cost) / cost, and the same at its bounds.
    for suffix in ("", "_low", "_high"):
        brought = carts[f"incremental_revenue{suffix}"]
        assert isinstance(brought, float)
        assert carts[f"roi{suffix}"] == pytest.approx((brought * 0.4 - 10) / 10)
    revenue = [40 + n % 7 for n in range(500) if n % 5 in (1, 2, 3)]
    back, second = 10 * 10, 20 * sum(1 for n in range(500) if n % 25 == 1)
    assert carts["revenue_per_recipient"] == pytest.approx((sum(revenue) - back + second) / 400)
    value = rows(found.table("order_value"), "experiment")["$holdout/carts",]
    assert value["mean"] == pytest.approx((sum(revenue) - back + second) / (300 + 20))


async def test_kpi_04_messages_that_are_compared_with_messages_have_no_return_of_their_own(database: Database) -> None:
    """The other arm costs, too: what an arm's messages cost is no price of what they brought beyond that one."""
    await plant(database)
    await database.pool.execute("update exposure set share = 0.5 where experiment = 'moved'")
    table = rows((await made(database, "experiments")).table(), "experiment")
    assert table["moved",]["decision"] in ("open", "not shown")
    assert table["moved",]["incremental_revenue"] is not None
    assert table["moved",]["cost"] is not None
    assert [table["moved",][name] for name in ("roi", "roi_low", "roi_high")] == [None] * 3
    assert table["$holdout/carts",]["roi"] is not None
    await database.pool.execute("delete from daily_sum where experiment = 'moved' and arm = 'a' and metric in ('sent', 'cost')")
    await database.pool.execute("select span_sums()")
    table = rows((await made(database, "experiments")).table(), "experiment")
    assert table["moved",]["roi"] is not None, "the other arm had no message"


async def test_each_column_that_a_terminal_shows_of_experiments_has_its_rule_in_print(database: Database) -> None:
    await plant(database)
    found = await made(database, "experiments")
    said = dict(rule.split(": ", 1) for rule in found.rules if ": " in rule)
    for table in found.tables:
        for column in table.columns:
            name = f"{table.title}, mean" if column.name == "mean" else column.name.replace("_", " ")
            assert column.aside or not table.rows or said[name], (table.name, name)
    for name in ("Orders per customer, mean", "Revenue per customer, mean", "incremental revenue"):
        assert "CUPED" in said[name]
    assert "CUPED" not in said["Conversion rate, mean"] + said["Order value, mean"]


async def test_what_is_declared_and_nobody_is_in_is_named(database: Database) -> None:
    await plant(database)
    two = Experiment("first-words", {"short": 0.5, "long": 0.5})
    said = [Said(each, "v2", two.to_json()) for each in ("first-words", "layout", "$holdout/news")]
    await experiments.declare(database, [Said("given-up", "v1", two.to_json())], START)
    await experiments.declare(database, said, START + timedelta(hours=1))
    (note,) = [each for each in (await made(database, "experiments")).notes if each.startswith("Declared")]
    assert note == "Declared, and nobody is in it yet: $holdout/news, first-words."
    (note,) = [each for each in (await made(database, "experiments", journey="news")).notes if each.startswith("Declared")]
    assert note == "Declared, and nobody is in it yet: $holdout/news."
    assert not [each for each in (await made(database, "experiments", journey="carts")).notes if each.startswith("Declared")]
    with pytest.raises(
        NoReport, match="layout is an experiment of the journey carts; write `journeys report experiments carts`"
    ):
        await made(database, "experiments", journey="layout")
    with pytest.raises(
        NoReport, match="first-words is an experiment in which nobody is yet; write `journeys report experiments`"
    ):
        await made(database, "experiments", journey="first-words")


async def test_kpi_04_what_is_broken_early_or_changed_is_said_and_not_counted(database: Database) -> None:
    await plant(database)
    found = await made(database, "experiments")
    told = rows(found.table(), "experiment")
    said = dict(zip(told, found.findings, strict=True))
    assert {key[0]: row["decision"] for key, row in told.items()} == {
        "$holdout/carts": "higher", "$holdout/winback": "early", "layout": "broken", "moved": "broken"
    }  # fmt: skip
    assert "there are 100 in narrow, 300 in wide, which by lot (50 % : 50 %)" in said["layout",]
    assert told["layout",]["split_p"] < 0.01  # type: ignore[operator]
    assert "the share of b was changed from 0.5 to 0.1 while it ran" in said["moved",]
    for name in ("layout", "moved"):
        assert [told[name,][each] for each in ("incremental_conversions", "incremental_revenue", "roi")] == [None] * 3
        assert rows(found.table("conversion"), "experiment")[name,]["lift"] is None
    assert "below 25 a comparison could not keep its promise" in said["$holdout/winback",]


async def test_kpi_04_shares_that_were_changed_and_changed_back_are_noticed_as_of_any_day(database: Database) -> None:
    await plant(database)
    set_share = "update exposure set share = $1 where experiment = 'layout' and exposed_at::date = $2"
    await database.pool.execute(set_share, 0.9, came(200).date())
    said = {}
    for until in (came(200).date(), UNTIL):
        found = await report(database, "experiments", Asked(now=START + 20 * DAY, until=until, journey="carts"))
        said[until] = dict(zip(rows(found.table(), "experiment"), found.findings, strict=True))["layout",]
    assert "changed from" not in said[came(200).date()], "as of the day before it was not yet"
    assert "was changed from 0.5 to 0.9 and back while it ran" in said[UNTIL]
    await database.pool.execute(set_share, 0.6, came(450).date())
    found = await made(database, "experiments", journey="carts")
    assert any("was changed from 0.5 to 0.6 while it ran" in each for each in found.findings)


async def test_kpi_04_people_needed_and_days_to_go_are_told_while_it_is_open(database: Database) -> None:
    await plant(database)
    until = (START + timedelta(days=2)).date()  # two of ten days: 100 customers, of whom 20 are in the holdout
    found = await report(database, "experiments", Asked(now=START + 20 * DAY, until=until, journey="carts"))
    carts = rows(found.table(), "experiment")["$holdout/carts",]
    assert [carts[name] for name in ("exposed", "exposed_against", "decision")] == [80, 20, "early"]
    # A sequence's width at its plan, 3.035, and z of 80 of 100, for rates of 0.5 and 0.55 at 0.2 : 0.8.
    spread = 0.5 * 0.5 / 0.2 + 0.55 * 0.45 / 0.8
    needed = (3.035122 + 0.841621) ** 2 * spread / 0.05**2
    assert carts["people_needed"] == pytest.approx(needed, abs=2)
    assert carts["days_to_go"] == -(-(int(carts["people_needed"]) - 100) // 50)  # type: ignore[arg-type]


async def test_kpi_03_a_journey_is_judged_by_what_it_declares_up_front(database: Database) -> None:
    await plant(database)
    rule = RULE.to_json() | {"kpi": "revenue", "margin": None, "cap": 500}
    ours = RULE.types | {"Order Refunded", "Order Cancelled"}
    await values.declare(database, [Declared("carts", "v3", rule, ours)], START + timedelta(days=30))
    found = await made(database, "experiments", journey="carts")
    carts = rows(found.table(), "experiment")["$holdout/carts",]
    assert carts["judged_by"] == "revenue"
    assert "raises the revenue per customer against withheld" in found.findings[0]
    assert carts["roi"] is None
    assert any("declares no margin" in note for note in found.notes)
    assert any("incremental revenue is of money up to it" in note for note in found.notes)


async def test_kpi_01_conversion_and_return_by_segment(database: Database) -> None:
    await plant(database)
    found = await made(database, "experiments", journey="carts", by=("segment",))
    told = rows(found.table("conversion"), "experiment", "segment")
    assert [told["$holdout/carts", segment]["mean"] for segment in ("carts", "vips")] == [0.75, 0.75]
    assert [told["$holdout/carts", segment]["mean_against"] for segment in ("carts", "vips")] == [1.0, 0.0]
    brought = rows(found.table(), "experiment", "segment")
    assert brought["$holdout/carts", "carts"]["cost"] == 10
    assert brought["$holdout/carts", "vips"]["cost"] is None
    assert "6 parts were looked at" in found.notes[0]


async def test_kpi_05_two_versions_stand_side_by_side(database: Database) -> None:
    await plant(database)
    found = await made(database, "versions", journey="carts")
    old, new = found.table().dicts()
    assert [old["version"], old["first_day"], old["last_day"]] == ["v1", START.date(), START.date() + timedelta(days=4)]
    assert [(row["due"], row["sent"], row["cost_EUR"]) for row in (old, new)] == [(325, 262, 5), (250, 188, 5)]
    assert [(row["exposed"], row["exposed_holdout"]) for row in (old, new)] == [(200, 50)] * 2
    for row in (old, new):
        assert [row["conversion_rate"], row["conversion_rate_holdout"]] == [0.75, 0.5]
        assert row["lift"] == pytest.approx(0.5)
    assert found.findings == ("It may not be concluded that one of v1 and v2 does more: the bounds of their lifts overlap.",)
    with pytest.raises(NoReport, match="of carts there are no sums of version v9; there are v1, v2"):
        await made(database, "versions", journey="carts", versions=("v1", "v9"))
    chosen = await made(database, "versions", journey="carts", versions=("v2", "v1"))
    assert chosen.table().column("version") == ["v2", "v1"]


async def test_kpi_05_of_one_version_it_is_said_that_there_is_no_other_and_since_when(database: Database) -> None:
    await plant(database)
    found = await made(database, "versions", journey="winback")
    assert found.findings == (
        f"Of winback there is only one version, v2, since {came(500).date()}: there is none yet to compare it with.",
    )
    chosen = await made(database, "versions", journey="carts", versions=("v2", "v1"))
    assert chosen.table().column("decision") == ["part", "part"]
    assert not [each for each in chosen.findings if "only one version" in each]


async def test_what_the_only_version_has_come_to_is_told(database: Database) -> None:
    """It is no part of anything: it is all that there is."""
    await plant(database)
    await database.pool.execute("delete from daily_sum where journey = 'carts' and version = 'v1'")
    side = (await made(database, "versions", journey="carts")).table()
    whole = rows((await made(database, "experiments", journey="carts")).table("conversion"), "experiment")
    assert side.column("decision") == [whole["$holdout/carts",]["decision"]] == ["open"]


async def test_kpi_05_versions_whose_bounds_are_apart_are_told_apart(database: Database) -> None:
    await plant(database)
    await database.pool.execute(
        "update daily_sum set y = y * 10, yy = yy * 10, nonzero = nonzero * 10, n = n * 10 where step = '' and version = 'v2'"
        " and experiment = '$holdout/carts' and metric in ('exposed', 'conversion')"
    )
    await database.pool.execute(
        "update daily_sum set y = 10, yy = 10, nonzero = 10 where step = '' and version = 'v2' and arm = 'withheld'"
        " and experiment = '$holdout/carts' and metric = 'conversion' and nonzero > 0"
    )
    found = await made(database, "versions", journey="carts")
    assert found.findings[0].startswith("It may be concluded that the lift of v2 is above that of v1")
    assert "Whether the version does it" in found.findings[0]


async def test_per_04_journeys_are_ranked_by_measured_lift_for_effort(database: Database) -> None:
    await plant(database)
    found = await made(database, "ranking")
    names = ("rank", "journey", "decision", "messages")
    assert [tuple(row[name] for name in names) for row in found.table().dicts()] == [
        (1, "carts", "higher", 450),
        (None, "winback", "early", 37),
    ]
    carts = found.table().dicts()[0]
    assert carts["per_1000_messages"] == pytest.approx(100 / 0.45)
    assert carts["revenue_by_cost"] == pytest.approx(carts["incremental_revenue"] / 10)  # type: ignore[operator]
    assert found.notes == ("Not measured, since they have no holdout of their own: news.",)
    # The same lift by fewer messages stands above it.
    await database.pool.execute(
        "insert into daily_sum select day, 'calls', version, step, channel, provider, segment, '$holdout/calls', arm, metric,"
        " reason, case when step = '' then n else n / 10 end, y, yy, x, xx, xy, nonzero from daily_sum"
        " where experiment = '$holdout/carts'"
    )
    await database.pool.execute(
        "insert into exposure select '$holdout/calls', profile_id, arm, share, exposed_at, run_id, version from exposure"
        " where experiment = '$holdout/carts'"
    )
    rule = "select 'calls', version, rule, types, declared_at from conversion where journey = 'carts'"
    await database.pool.execute(f"insert into conversion {rule}")
    assert (await made(database, "ranking")).table().column("journey") == ["calls", "carts", "winback"]


async def test_what_is_taken_away_is_named(database: Database) -> None:
    await plant(database)
    async with database.transaction() as connection:
        assert await values.close(connection, START - 25 * timedelta(days=1)) > 0
    found = await made(database, "experiments")
    [taken] = [note for note in found.notes if "are in the sums alone" in note]
    assert "their events from before 2026-02-05 were kept for as long as they may be" in taken
    assert rows(found.table(), "experiment")["$holdout/carts",]["exposed"] == 400


async def test_who_cannot_be_counted_by_the_rule_of_now_is_named(database: Database) -> None:
    await plant(database)
    async with database.transaction() as connection:
        assert await values.close(connection, START - 29 * timedelta(days=1)) == 0
    assert not [note for note in (await made(database, "experiments")).notes if "as they last did" in note]
    longer = replace(RULE, before=timedelta(days=90))
    declared = [Declared("carts", version, longer.to_json(), longer.types) for version in ("v1", "v2")]
    await values.declare(database, declared, START)
    await Folding(database, None, Clock()).fold()
    found = await made(database, "experiments")
    assert "1,300 exposures count as they last did: the rule of now asks for events that are gone." in found.notes
    assert rows(found.table(), "experiment")["$holdout/carts",]["exposed"] == 400


async def test_an_experiment_is_read_while_somebody_is_left_who_tells_the_shares(database: Database) -> None:
    await plant(database)
    await database.pool.execute("delete from exposure where exposed_at < $1", START + timedelta(hours=1))
    found = await made(database, "experiments", journey="carts")
    assert rows(found.table(), "experiment")["$holdout/carts",]["decision"] == "higher"
    await database.pool.execute("delete from exposure where experiment = '$holdout/carts' and arm = 'withheld'")
    found = await made(database, "experiments", journey="carts")
    assert rows(found.table(), "experiment")["$holdout/carts",]["decision"] == "higher", "of two arms one share says the other"
    await database.pool.execute("delete from exposure where experiment = '$holdout/carts'")
    found = await made(database, "experiments", journey="carts")
    assert rows(found.table(), "experiment")["$holdout/carts",]["decision"] == "broken"
    assert "are not known any more" in found.findings[0]


@pytest.mark.parametrize(
    ("name", "what", "said"),
    [
        ("messages", {"by": ("domain",)}, "is not told apart by domain; there are day, journey"),
        ("messages", {"journey": "cart"}, "of a journey cart nothing was ever counted; there are carts, news, winback"),
        ("messages", {"since": UNTIL}, "there is no day"),
        ("messages", {"versions": ("a", "b")}, "takes no version; it takes to, by, from, journey"),
        ("funnel", {}, "the report funnel needs a journey"),
        ("experiments", DAYS, "takes no from"),
        ("versions", {"journey": "carts", "versions": ("v1",)}, "name two versions"),
        ("sales", {}, "there is no report sales; there are messages, funnel"),
    ],
)
async def test_what_cannot_be_asked_is_told_with_what_can(
    database: Database, name: str, what: dict[str, object], said: str
) -> None:
    await plant(database)
    with pytest.raises(NoReport, match=said):
        await made(database, name, **what)


async def test_a_shop_of_which_nothing_is_known_has_reports_too(database: Database) -> None:
    for name in REPORTS:
        if not REPORTS[name].needs:
            assert (await made(database, name)).table().rows == ()
    with pytest.raises(NoReport, match="nothing was ever counted; there are none yet"):
        await made(database, "funnel", journey="carts")


async def test_every_column_says_what_it_means(database: Database) -> None:
    await plant(database)
    for name in REPORTS:
        found = await made(database, name, journey="carts") if REPORTS[name].needs else await made(database, name)
        assert found.rules
        for table in found.tables:
            names = [column.name for column in table.columns]
            assert len(names) == len(set(names))
            assert [column.name for column in table.columns if not column.about.endswith(".")] == []
            for chart in table.charts:
                used = {*chart.label, *chart.values, chart.low, chart.high, chart.by} - {""}
                assert used <= set(names), (name, table.name)
