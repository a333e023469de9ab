"""The top so many per cent: thresholds taken at renewals, recorded, and the same in SQL, in Python and in the watch."""

import math
import random
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from segments import DefinitionError, Predicate, Segment, did, prop, top, trait
from segments.ask.ask import explain
from segments.evaluate import true_of
from segments.facts import Event, Facts
from segments.language.wire import predicate_from_json
from segments.leaves.top import Top
from tests.extent import LONG
from tests.segments.shop import T0, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = T0.replace(hour=0)
spent = did("Order Completed").within(days=365).total("total")
vip = Segment("vip", top(10, spent))


async def orders(shop: Shop, count: int, at: datetime) -> list[Any]:
    ids = [await shop.customer() for _ in range(count)]
    for n, profile in enumerate(ids, 1):
        await shop.event(profile, "Order Completed", at, {"total": 10 * n})
    return ids


async def test_seg_13_the_threshold_that_was_used_is_recorded(shop: Shop) -> None:
    ids = await orders(shop, 20, MIDNIGHT - HOUR)
    await shop.load(vip)
    assert await shop.members(vip) == {ids[18], ids[19]}
    [row] = await shop.database.pool.fetch("select * from segment_threshold")
    assert (row["as_of"], row["value"], row["customers"]) == (MIDNIGHT, 190, 20)

    await shop.event(ids[17], "Order Completed", T0 + HOUR, {"total": 10})  # 190 in all: by own deeds, at once
    await shop.tick(T0 + HOUR)
    used = [{"top": 10.0, "value": "190", "as_of": MIDNIGHT.isoformat()}]
    [(kind, at, cause)] = await shop.log(vip)
    assert (kind, at, cause["message_id"], cause["thresholds"]) == ("entered", T0 + HOUR, "m21", used)

    for profile in ids[:10]:  # the others rise: their gain counts for all at the next renewal only
        await shop.event(profile, "Order Completed", T0 + 2 * HOUR, {"total": 185})
    await shop.tick(MIDNIGHT + DAY - HOUR)
    assert await shop.members(vip) == {*ids[:10], *ids[17:]} - {None}
    await shop.tick(MIDNIGHT + DAY + HOUR)
    assert await shop.members(vip) == await shop.evaluated(vip.predicate, MIDNIGHT + DAY + HOUR) == {ids[8], ids[9]}
    left = [(at, cause) for kind, at, cause in await shop.log(vip) if kind == "left"]
    assert {at for at, _ in left} == {MIDNIGHT + DAY}
    assert left[0][1]["thresholds"][0]["value"] == "275"
    answer = await explain(shop.database, vip, ids[8], MIDNIGHT + DAY + HOUR)
    assert answer is not None
    assert answer.member
    assert answer.finding.holds


async def test_an_unsaved_definition_takes_its_threshold_as_of_the_renewal(shop: Shop) -> None:
    ids = await orders(shop, 10, MIDNIGHT - HOUR)
    await shop.event(ids[0], "Order Completed", MIDNIGHT + HOUR, {"total": 1_000})
    assert await shop.evaluated(top(20, spent), T0) == {ids[0], ids[8], ids[9]}
    assert await shop.evaluated(top(20, spent, every=HOUR), T0) == {ids[0], ids[9]}
    assert await shop.evaluated(top(20, spent), T0, ids[:9]) == {ids[0], ids[8]}


async def test_a_recorded_threshold_never_changes(shop: Shop) -> None:
    ids = await orders(shop, 10, MIDNIGHT - HOUR)
    await shop.load(vip)
    await shop.event(ids[0], "Order Completed", MIDNIGHT - HOUR, {"total": 10_000}, received_at=T0 + HOUR)
    await shop.tick(T0 + HOUR)
    assert await shop.members(vip) == await shop.evaluated(vip.predicate, T0 + HOUR) == {ids[0], ids[9]}


async def test_nobody_is_the_top_of_nobody_or_of_equals(shop: Shop) -> None:
    assert await shop.evaluated(top(10, spent), T0) == set()
    for _ in range(3):
        await shop.event(await shop.customer(), "Order Completed", MIDNIGHT - HOUR, {"total": 5})
    await shop.load(vip)
    assert await shop.members(vip) == set()
    await shop.tick(T0 + DAY)
    assert await shop.members(vip) == set()


def threshold(leaf: Top, logs: dict[Any, list[Event]], at: datetime) -> Any:
    """An independent answer: sort, count, and take the smallest amount above the share."""
    as_of = leaf.renewed_at(at)
    amounts = sorted(amount for log in logs.values() if (amount := amount_of(leaf, log, as_of)) is not None)
    if not amounts:
        return as_of, None
    best = amounts[math.ceil(leaf.share * len(amounts)) - 1]
    return as_of, min((amount for amount in amounts if amount > best), default=None)


def amount_of(leaf: Top, log: list[Event], at: datetime) -> Fraction | None:
    window = leaf.of.window or timedelta(days=99_999)
    mine = [e for e in log if e.type == leaf.of.type and at - window < e.ts <= at]
    mine = [e for e in mine if leaf.of.condition is None or e.properties.get("x") == 1]
    if not mine:
        return None
    totals = [e.properties.get("total") for e in mine]
    numbers = [Fraction(str(total)) for total in totals if isinstance(total, int | float) and not isinstance(total, bool)]
    return Fraction(len(mine)) if leaf.total is None else sum(numbers, Fraction(0))


@pytest.mark.parametrize("seed", range(20 if LONG else 1))
async def test_the_watch_agrees_with_a_full_evaluation_and_with_plain_python(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    ids = [await shop.customer(city=chance.choice(["Madrid", "Sevilla"])) for _ in range(12)]
    base = [did("A"), did("A").within(hours=30), did("A").where(prop("x") == 1).within(days=3)]
    leaves = [top(chance.choice([10, 25, 50.5]), of, every=HOUR * chance.choice([1, 6, 24])) for of in base]
    leaves += [top(30, of.total("total"), every=HOUR * 6) for of in base]
    shapes: list[Predicate] = [*leaves, ~leaves[0], leaves[3] & (trait("city") == "Madrid"), leaves[1] | leaves[4]]
    segments = [Segment(f"s{n}", predicate) for n, predicate in enumerate(shapes)]
    await shop.load(*segments)
    at, true = T0, 0
    for _ in range(30):
        at += chance.choice([timedelta(minutes=5), HOUR, 7 * HOUR])
        for _ in range(chance.randint(0, 5)):
            properties = {"total": chance.choice([1, 2.5, 10, "9", None, True, 0.1]), "x": chance.choice([1, 2])}
            await shop.event(chance.choice(ids), "A", at - timedelta(seconds=1), properties)
        await shop.tick(at)
        thresholds = {leaf.ranking: [threshold(leaf, shop.events, at)] for leaf in leaves}
        for segment in segments:
            facts = {who: Facts.of(shop.traits[who], shop.events[who]) for who in ids}
            known = {who: Facts(fact.traits, fact.events, thresholds=thresholds) for who, fact in facts.items()}
            expected = {who for who in ids if true_of(segment.predicate, known[who], at)}
            true += len(expected)
            assert await shop.members(segment) == expected, str(segment)
            assert await shop.evaluated(segment.predicate, at) == expected, str(segment)
    assert true > 300


def test_it_reads_like_english_and_survives_json() -> None:
    by_count = top(5, did("Application Opened").within(days=30), every=HOUR)
    assert str(vip.predicate) == ('in the top 10 % by the total of "Order Completed" within 365 days, renewed every 24 hours')
    assert str(by_count) == 'in the top 5 % by how often they did "Application Opened" within 30 days, renewed every 1 hour'
    for predicate in (vip.predicate, by_count):
        assert predicate_from_json(predicate.to_json()) == predicate


REFUSED: list[tuple[Any, str]] = [
    (lambda: top(0, spent), "percentage between 0 and 100"),
    (lambda: top(100, spent), "percentage between 0 and 100"),
    (lambda: top(10, did("A").largest("x")), "ranks by"),
    (lambda: top(10, did("A").at_least(2)), "within"),
    (lambda: top(10, did("A").since_last("B")), "within"),
    (lambda: top(10, did("A").total("a.b")), "without dots"),
    (lambda: top(10, spent, every=timedelta(0)), "every minute at most"),
    (lambda: predicate_from_json({"top": 10}), "of: needs an object"),
    (lambda: predicate_from_json({"top": 10, "of": {"trait": "x", "is": "exists"}}), "takes did"),
    (lambda: predicate_from_json({"top": "10", "of": {"did": "A"}}), "percentage"),
]


@pytest.mark.parametrize(("build", "problem"), REFUSED)
def test_what_cannot_be_ranked_is_refused(build: Any, problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        build()
