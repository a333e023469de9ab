"""Why somebody is in, how many are, and what to worry about: the answers agree with the membership."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from segments import DefinitionError, Effect, Segment, did, listed, prop, trait
from segments.ask.ask import CannotAsk, count, explain, preview, sampled
from segments.ask.concerns import WorryFrom, concerns
from segments.ask.overview import all_segments, overview
from segments.ask.why import why
from segments.facts import Event, Facts, Person
from segments.language.predicate import Either
from segments.language.sizing import people_needed
from segments.leaves.people import member_of
from segments.leaves.reach import consented
from segments.leaves.score import Rule, score
from segments.leaves.top import top
from store import Database
from store.segments.rows import put_stored
from store.segments.sizes import sizes
from tests.segments.shop import T0, Shop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
cart = Segment(
    "abandoned-cart",
    did("Product Added").within(hours=24) & ~did("Order Completed").since_last("Product Added") & (trait("age") >= 18),
)


async def test_each_part_tells_what_it_saw_and_until_when(shop: Shop) -> None:
    ana = await shop.customer(age=30)
    await shop.load(cart)
    await shop.event(ana, "Product Added", T0)
    await shop.event(ana, "Product Added", T0 + HOUR)
    await shop.tick(T0 + 2 * HOUR)
    answer = await explain(shop.database, cart, ana, T0 + 2 * HOUR)
    assert answer is not None
    assert (answer.member, answer.entered_at, answer.complete) == (True, T0, True)
    added, ordered, adult = answer.finding.parts
    assert (answer.finding.holds, answer.finding.changes_at) == (True, T0 + 25 * HOUR)
    assert (added.holds, added.saw, added.changes_at) == (True, {"count": 2, "last_at": T0 + HOUR}, T0 + 25 * HOUR)
    assert (ordered.holds, ordered.parts[0].holds, ordered.parts[0].saw) == (True, False, {"count": 0, "last_at": None})
    assert (adult.text, adult.holds, adult.saw, adult.changes_at) == ("age is at least 18", True, 30, None)


async def test_somebody_who_is_not_in_is_explained_too(shop: Shop) -> None:
    ana = await shop.customer(age="thirty")
    await shop.load(cart)
    answer = await explain(shop.database, cart, ana, T0)
    assert answer is not None
    assert (answer.member, answer.finding.holds) == (False, False)
    assert [part.holds for part in answer.finding.parts] == [False, True, False]
    assert answer.finding.parts[2].saw == "thirty"
    assert await explain(shop.database, cart, UUID(int=0), T0) is None


async def test_the_explanation_agrees_with_the_membership_at_the_instant_it_names(shop: Shop) -> None:
    dormant = Segment("dormant", did("App Opened") & ~did("App Opened").within(days=30))
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - 10 * DAY)
    await shop.load(dormant)
    answer = await explain(shop.database, dormant, ana, T0)
    assert answer is not None
    assert (answer.finding.holds, answer.finding.changes_at) == (False, T0 + 20 * DAY)
    assert (await shop.tick(T0 + 20 * DAY - timedelta(microseconds=1))).entered == 0
    assert (await shop.tick(T0 + 20 * DAY)).entered == 1


def test_a_list_is_one_line_and_items_are_counted() -> None:
    facts = Facts.of({"items": [{"price": 1}, {"price": 9}]}, [Event("$list:vips", T0, {"listed": True})])
    found = why(listed("vips"), facts, T0)
    assert (found.text, found.holds, found.saw, found.parts) == (
        'is on the list "vips"',
        True,
        {"listed": True, "since": T0},
        (),
    )
    assert why(trait("items").any_item(prop("price") > 5), facts, T0).saw == {"items": 2, "meeting": 1}


def test_amounts_points_dates_and_consents_are_shown() -> None:
    orders = [Event("Order", T0 - n * DAY, {"total": 10.5}) for n in range(2)]
    facts = Facts.of({"born": "1990-11-20"}, orders, Person(consents={("email", "marketing"): "granted"}))
    total = did("Order").within(days=7).total("total") > 20
    parts = [total, trait("born").anniversary(within_days=7), consented("email"), score(Rule(3, total, "buys")) > 2]
    found = [why(part, facts, T0) for part in parts]
    assert [each.holds for each in found] == [True, True, True, True]
    assert [each.saw for each in found] == [
        {"total": 21},
        "1990-11-20",
        {"state": "granted"},
        {"score": 3, "points": {"buys": 3}},
    ]
    assert [part.saw for part in found[3].parts] == [{"total": 21}]
    assert found[0].changes_at == T0 + 6 * DAY


async def test_a_definition_that_is_not_saved_is_counted_and_previewed(shop: Shop) -> None:
    people = [await shop.customer(age=n, name="x") for n in range(10)]
    assert await count(shop.database, trait("age") < 4, T0) == 4
    found = await preview(shop.database, trait("age") < 4, T0, 3)
    assert len(found) == 3
    assert {member.profile_id for member in found} <= set(people[:4])
    assert all(set(member.traits) == {"age"} for member in found)
    assert await shop.database.pool.fetchval("select count(*) from segment") == 0


async def test_a_ranking_is_counted_without_leaving_a_trace_and_explained_by_its_threshold(shop: Shop) -> None:
    people = [await shop.customer() for _ in range(10)]
    for n, profile in enumerate(people):
        await shop.event(profile, "Order", T0 - 2 * DAY, {"total": n})
    best = Segment("best", top(20, did("Order").total("total")))
    found = await count(shop.database, best.predicate, T0)
    assert found == len(await preview(shop.database, best.predicate, T0, 10)) > 0
    assert await shop.database.pool.fetchval("select count(*) from segment_threshold") == 0
    await shop.load(best)
    assert len(await shop.members(best)) == found
    answer = await explain(shop.database, best, people[9], T0)
    assert answer is not None
    assert (answer.member, answer.finding.holds, answer.finding.saw["total"]) == (True, True, 9)
    assert answer.finding.saw["threshold"] <= 9


async def test_what_postgres_cannot_evaluate_is_told_as_such(shop: Shop) -> None:
    wide = Either(tuple(trait("x") == str(n) for n in range(1_000)))
    with pytest.raises(CannotAsk, match="more than 2,000 conditions"):
        await count(shop.database, wide, T0)


@pytest.mark.parametrize(("rate", "lift", "needed"), [(0.03, 0.1, 106_416), (0.5, 0.1, 3_124)])
def test_people_needed(rate: float, lift: float, needed: int) -> None:
    assert people_needed(Effect(rate, lift)) == needed


@pytest.mark.parametrize(("rate", "lift"), [(0, 0.1), (1, 0.1), (0.5, 1), (0.5, 0), (float("nan"), 0.1)])
def test_an_effect_that_cannot_be_is_refused(rate: float, lift: float) -> None:
    with pytest.raises(DefinitionError, match="base_rate"):
        Effect(rate, lift)


def test_what_is_said_for_people_does_not_change_the_version() -> None:
    told = Segment("s", trait("a") == 1, "about", "ana", date(2026, 1, 1), Effect(0.03, 0.1))
    assert told.version == Segment("s", trait("a") == 1).version
    assert Segment.from_json(told.to_json()) == told
    effects = [{"base_rate": 0.1}, 3, {"base_rate": "x", "lift": 1}]
    for wrong in ({"review_by": "soon"}, *({"effect": effect} for effect in effects)):
        with pytest.raises(DefinitionError):
            Segment.from_json(told.to_json() | wrong)


async def worries(shop: Shop, *segments: Segment, at: Any = T0, **limits: Any) -> list[tuple[str, str, str | None]]:
    counted = await sizes(shop.database, [segment.name for segment in segments])
    found = await concerns(shop.database, segments, counted, at, WorryFrom(**limits))
    return [(concern.id, concern.kind, concern.segment) for concern in found]


async def test_gov_03_and_10_overdue_and_too_small_are_told(shop: Shop) -> None:
    await shop.customer(a=1)
    await shop.mark(await shop.customer(), ["$identify"], T0)
    await shop.database.pool.execute(
        "insert into event (profile_id, ts, type, kind, message_id, source, received_at)"
        " select id, $1, '$identify', 'identify', id::text, 'test', $1 from profile",
        T0,
    )
    small = Segment("small", trait("a") == 1, owner="ana", review_by=T0.date() - DAY, effect=Effect(0.03, 0.1))
    fine = Segment("fine", trait("a") == 2, review_by=T0.date())
    await shop.load(small, fine)
    assert await worries(shop, small, fine) == [
        ("GOV-03", "empty", "fine"),
        ("GOV-03", "too small", "small"),
        ("GOV-10", "review overdue", "small"),
    ]
    [too_small, overdue] = await concerns(shop.database, [small], {"small": 1}, T0, WorryFrom())
    assert "needs 106,416 at 50/50" in too_small.sentence
    assert "ask ana" in overdue.sentence
    assert await worries(shop, Segment("empty", trait("a") == 3, effect=Effect(0.5, 0.9))) == [("GOV-03", "too small", "empty")]


async def test_stale_by_silence_of_what_it_reads(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.event(ana, "App Opened", T0 - 30 * HOUR)
    opened, never = Segment("opened", did("App Opened")), Segment("never", did("Never"))
    by_hand = Segment("by-hand", listed("vips"))
    assert await worries(shop, opened, never, by_hand) == [("GOV-05", "stale", "never"), ("GOV-05", "stale", "opened")]
    assert await worries(shop, opened, silence=2 * DAY) == []
    [stale] = await concerns(shop.database, [opened], {}, T0, WorryFrom())
    assert "last received 30 hours ago (allowed: 24 hours)" in stale.sentence


async def test_gov_04_overlapping_and_too_many_are_told(shop: Shop) -> None:
    for n in range(10):
        await shop.customer(n=n)
    segments = [Segment("all", trait("n") >= 0), Segment("most", trait("n") > 0), Segment("one", trait("n") == 5)]
    await shop.load(*segments)
    quiet = {"silence": 10_000 * DAY}
    gov04 = [worry for worry in await worries(shop, *segments, segments=2, **quiet) if worry[0] == "GOV-04"]
    assert gov04 == [("GOV-04", "too many", None), *[("GOV-04", "overlapping", name) for name in ("most", "one", "one")]]
    assert [w for w in await worries(shop, *segments, overlap=1.0, **quiet) if w[0] == "GOV-04"] == []
    part = Segment("part", member_of(segments[0]) & (trait("n") < 9))  # it shares members on purpose
    await shop.load(segments[0], part)
    assert [w for w in await worries(shop, segments[0], part, **quiet) if w[0] == "GOV-04"] == []


async def test_the_overview_names_sizes_origins_and_the_journeys_that_are_fed(shop: Shop) -> None:
    await shop.customer(age=20)
    adults = Segment("adults", trait("age") >= 18)
    special = Segment("special", member_of(adults) & did("X"))
    await shop.load(adults)
    by_api = Segment("by-api", trait("age") < 18)
    stored = ("by-api", by_api.version, by_api.to_json())
    await put_stored(shop.database, *stored, announce=False, by="eva", at=T0)
    broken = ("broken", "v", {"name": "broken", "predicate": {"future": 1}})
    await put_stored(shop.database, *broken, announce=False, by="eva", at=T0)
    around = await all_segments(shop.database, {"special": special, "adults": adults})
    entries = {"welcome": "adults", "treat": "special", "waits": "nobody-has-this"}
    found = await overview(shop.database, list(around.known.values()), entries, around, T0, WorryFrom())
    assert [(each.kind, each.segment) for each in around.concerns(entries)] == [
        ("cannot be read", "broken"),
        ("journey waits", "nobody-has-this"),
    ]
    assert around.known["special"].written == {"all": [{"member_of": "adults"}, {"did": "X"}]}
    assert [(each.known.segment.name, each.known.origin, each.members, each.journeys) for each in found] == [
        ("adults", "code", 1, ("treat", "welcome")),
        ("by-api", "api", 0, ()),
        ("special", "code", 0, ("treat",)),
    ]
    assert [each.evaluated_to for each in found] == [T0, None, None]


async def test_a_sample_of_many_customers_tells_about_how_many_there_are(database: Database) -> None:
    await database.pool.execute(
        "insert into profile (id, traits, created_at, updated_at)"
        " select gen_random_uuid(), jsonb_build_object('tier', case when random() < 0.2 then 'gold' else 'free' end,"
        " 'about', repeat('-', 300)), $1, $1 from generate_series(1, 40000)",
        T0,
    )
    await database.pool.execute("analyze profile")
    gold = trait("tier") == "gold"
    counted, looked = await count(database, gold, T0), await sampled(database, gold & ~did("Order Completed"), T0)
    assert looked.looked_at is not None
    assert 3_000 < looked.looked_at < 8_000, "some of them"
    assert abs(looked.members - counted) < counted * 0.2  # seven standard errors of so many
    assert await sampled(database, gold & ~did("Order Completed"), T0) == looked, "the same ones each time"
