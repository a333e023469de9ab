"""Whose score crossed a threshold: once up, back only below the other one, and by which score it was decided."""

from datetime import timedelta

import pytest

from segments import DefinitionError, Segment, listed
from segments.ask.why import why
from segments.facts import Event, Facts
from segments.language.wire import predicate_from_json
from segments.leaves.crossed import Crossed
from store.predictions import Told, cross
from tests.segments.shop import T0, Shop

AT_RISK = Crossed("churn", 0.7, 0.6)
DAY = timedelta(days=1)


async def scored(shop: Shop, day: int, version: int = 1, **scores: float) -> int:
    at = T0 + day * DAY
    people = {
        row["name"]: row["id"] for row in await shop.database.pool.fetch("select traits ->> 'name' as name, id from profile")
    }
    async with shop.database.transaction() as connection:
        told = Told("churn", version, at - timedelta(hours=1))
        return await cross(connection, AT_RISK, [(people[name], score) for name, score in scores.items()], told, at)


async def test_ml_02_a_score_between_the_thresholds_keeps_who_is_in_and_who_is_out(shop: Shop) -> None:
    ana, luis = await shop.customer(name="ana"), await shop.customer(name="luis")
    segment = Segment("at-risk", AT_RISK)
    await shop.load(segment)
    assert await scored(shop, 1, ana=0.7, luis=0.69) == 1
    await shop.tick(T0 + 1.1 * DAY)
    assert await shop.members(segment) == {ana}
    assert await scored(shop, 2, ana=0.6, luis=0.6) == 0, "nothing is written while nobody crosses"
    assert await scored(shop, 3, ana=0.59, luis=0.71) == 2
    await shop.tick(T0 + 3.1 * DAY)
    assert await shop.members(segment) == {luis}
    assert [kind for kind, *_ in await shop.log(segment, ana)] == ["entered", "left"]
    assert await shop.evaluated(AT_RISK, T0 + 2 * DAY) == {ana}, "of a past instant too"


async def test_ml_01_an_entry_tells_by_which_score_model_and_date_it_was_decided(shop: Shop) -> None:
    ana = await shop.customer(name="ana")
    segment = Segment("at-risk", AT_RISK & ~listed("vip"))
    await shop.load(segment)
    await scored(shop, 1, version=4, ana=0.83)
    await shop.tick(T0 + 1.1 * DAY)
    [(kind, at, cause)] = await shop.log(segment, ana)
    assert (kind, at) == ("entered", T0 + DAY)
    row = await shop.database.pool.fetchrow("select * from event where message_id = $1", cause["message_id"])
    assert row is not None
    assert row["properties"] | {"over": True, "score": 0.83, "version": 4} == row["properties"]
    assert row["properties"]["as_of"].startswith("2026-11-17T11:00:00"), "the date of the score"
    known = Facts.of({}, [Event(row["type"], row["ts"], row["properties"])])
    assert why(AT_RISK, known, at).saw == {"over": True, "since": at, "threshold": 0.7, "score": 0.83, "version": 4} | {
        "as_of": row["properties"]["as_of"]
    }


async def test_scoring_again_is_no_second_entry(shop: Shop) -> None:
    await shop.customer(name="ana")
    assert [await scored(shop, 1, ana=0.8), await scored(shop, 1, ana=0.8), await scored(shop, 2, ana=0.9)] == [1, 0, 0]


def test_it_is_the_same_after_json() -> None:
    for each in (AT_RISK, Crossed("churn", 0.5, 0.5), Crossed("value", 100, 80.5)):
        assert predicate_from_json(each.to_json()) == each
    assert str(AT_RISK) == 'the prediction "churn" is 0.7 or more (until it is below 0.6)'


@pytest.mark.parametrize(
    ("up", "back", "says"),
    [
        (1000000.5, 1000000, "is 1,000,000.5 or more (until it is below 1,000,000)"),
        (0.70000001, 0.7, "is 0.70000001 or more (until it is below 0.7)"),
        (0.00001, 0.00001, "is 0.00001 or more"),
        (500.0, 1e-30, "is 500 or more (until it is below 1e-30)"),
    ],
)
def test_thresholds_are_written_out_so_that_they_differ(up: float, back: float, says: str) -> None:
    assert str(Crossed("clv", up, back)) == f'the prediction "clv" {says}'


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        ({"prediction": "churn"}, "over: is missing"),
        ({"prediction": "churn", "over": "0.7"}, "^over: of prediction 'churn' is a number, not '0.7'"),
        ({"prediction": "churn", "over": 0.5, "back_at": 0.6}, "^back_at: .* is 0.6; it has to be 0.5 or less"),
        ({"prediction": "churn", "over": 0.5, "bak_at": 0.4}, "bak_at"),
        ({"prediction": "", "over": 0.5}, "prediction"),
        ({"prediction": "churn", "over": True}, "is a number"),
        ({"prediction": "churn", "over": 10**400}, "is a number"),
        ({"prediction": "churn", "over": float("nan")}, "is a number"),
        ({"prediction": "churn", "over": 0.5, "back_at": float("-inf")}, "^back_at: .* is a number"),
    ],
)
def test_what_cannot_be_crossed_is_refused(plain: object, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        predicate_from_json(plain)
