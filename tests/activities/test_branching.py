"""Branching on any predicate (FAULTS E4): events since entry, everything else as it is now."""

from datetime import timedelta

import pytest

from journeys.questions import Reached
from segments import (
    Predicate,
    Segment,
    bucket,
    city,
    consented,
    customers,
    did,
    held,
    inside,
    listed,
    member_of,
    points,
    prop,
    reachable,
    score,
    top,
    trait,
)
from tests.activities.test_deliver import finish, start
from workers.testing.shop import Shop

GOLD = trait("tier") == "gold"
MADRID = [(40.3, -3.8), (40.3, -3.6), (40.5, -3.7)]

#: What is asked about somebody with tier gold in Madrid who viewed a product before entry and nothing after; and the answer.
QUESTIONS: dict[str, tuple[Predicate, bool]] = {
    "trait": (GOLD, True),
    "another trait": (trait("tier") == "silver", False),
    "bucket": (bucket(100, "spring"), True),
    "member_of": (member_of(Segment("golden", GOLD)), True),
    "customers": (customers("ana"), True),
    "city": (city("Madrid"), True),
    "consented": (consented("push"), True),
    "reachable": (reachable("whatsapp"), True),
    "score": (score(points(20, GOLD, "is golden")) >= 20, True),
    "held": (held(GOLD, days=1), False),
    "inside": (inside(MADRID), False),
    "list": (listed("invited"), False),
    "not": (~GOLD, False),
    "and": (GOLD & consented("push"), True),
    "a trait and an event, now": (GOLD & did("Product Viewed"), True),
    "an event since entry": (did("Product Viewed"), False),
    "top": (top(10, did("Product Viewed").within(days=30).total("price")), False),
    "an event of some kind": (did("Product Viewed").where(prop("price") > 5), False),
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_any_predicate_can_be_branched_on(trial: Shop, name: str) -> None:
    predicate, expected = QUESTIONS[name]
    await trial.signs_up("ana", ["push"], tier="gold", address={"city": "Madrid"})
    await trial.does("ana", "Product Viewed", trial.opened_at - timedelta(hours=1), price=10)
    await trial.operate("POST", "/v1/journeys/asks/runs", json={"customer": {"user_id": "ana"}})
    run = await trial.run("asks")
    asked = Reached(run_id=run.id, predicate=predicate.to_json(), at=run.entered_at + timedelta(minutes=1))
    assert await trial.parts.questions.reached(asked) is expected


async def test_a_journey_branches_on_a_trait(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    await trial.signs_up("bea")
    assert [m.channel for m in await finish(trial, "asks_who_it_is", "ana")] == ["email"]
    assert [m.channel for m in await finish(trial, "asks_who_it_is", "bea")] == ["push"]


async def test_of_a_run_that_is_not_there_nothing_is_so(trial: Shop) -> None:
    await trial.signs_up("ana", tier="gold")
    run = await start(trial, "asks")
    gone = Reached(run_id=run.profile_id, predicate=GOLD.to_json(), at=run.entered_at)
    assert await trial.parts.questions.reached(gone) is False
