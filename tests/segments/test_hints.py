"""FAULTS C1, C2, F5, F7: what a valid definition asks for and the data does not have is said, with what was probably meant."""

from typing import Any

import pytest

from segments import Predicate, Segment, age, any_item, did, listed, prop, trait
from segments.ask.ask import hinted
from segments.ask.concerns import WorryFrom, concerns
from segments.leaves.crossed import Crossed
from tests.segments.shop import T0, Shop


@pytest.fixture
async def shop(shop: Shop) -> Shop:
    await shop.database.pool.execute("insert into customer_list values ('vips', 'crm', $1, $1)", T0)
    for n in range(3):
        ana = await shop.customer(income=30_000 + n, vip="true", born="12/03/1990", city="Madrid", trial_ends=1_800_000_000)
        await shop.event(ana, "Order Completed", T0, {"total": "12.50", "products": [{"price": 5, "kind": "hat"}]})
    return shop


def other(which: str, kind: str, found: str, advice: str) -> list[str]:
    return [f"{which} is compared as {kind}, but of 3 values looked at none can be read so, 3 are {found}; {advice}"]


ISO = "send dates in ISO 8601, such as 2026-11-16T10:30:00Z"
NUMBERS, BOOLEANS = (
    "send numbers as numbers, or compare with a text",
    "send true and false without quotes, or compare with a text",
)
TOTAL = 'property "total" of "Order Completed"'
LETTERS = 'write it so, or compare with "matches", whatever the case'
UNTRAINED = (
    'prediction "churn" has no model that scores yet: nobody is in by it before it is trained,'
    " `GET /v1/models` says how far it is"
)
NO_ORDER = 'no "Order Completed" of the newest 2,000 has the property'


def of_kind(kind: str) -> Predicate:
    return did("Order Completed").where(any_item("products", prop("kind") == kind))


NOBODY = "no customer of the newest 2,000 has the trait"
HINTS: list[tuple[Predicate, list[str]]] = [
    (trait("income") > 30_000, []),
    (trait("city") == "Madrid", []),
    (trait("city") == "Lisbon", []),
    (trait("city") == "madrid", [f'trait "city" is never "madrid", but "Madrid"; {LETTERS}']),
    (trait("city").in_("MADRID", "Paris"), [f'trait "city" is never "MADRID", but "Madrid"; {LETTERS}']),
    (trait("city").matches("madrid"), []),
    (of_kind("Hat"), [f'property "products.kind" of "Order Completed" is never "Hat", but "hat"; {LETTERS}']),
    (of_kind("hat"), []),
    (did("Order Completed").total("totl") > 10, [f'{NO_ORDER} "totl"; did you mean "total"?']),
    (did("Order Completed").where(prop("coupon").exists()), [f'{NO_ORDER} "coupon"; check its spelling, or its source']),
    (listed("vip"), ['there is no list "vip"; did you mean "vips"?']),
    (listed("vips"), []),
    (Crossed("churn", 0.7, 0.7), [UNTRAINED]),
    (~(trait("income") > 90_000), []),
    (trait("income") > "30000", other('trait "income"', "a text", "a number", "compare with a number, without quotes")),
    (trait("vip").in_(True), other('trait "vip"', "true or false", "a text", BOOLEANS)),
    (age("born") >= 18, other('trait "born"', "a date", "a text", ISO)),
    (trait("trial_ends").within_next(days=3), other('trait "trial_ends"', "a date", "a number", f"{ISO}, not as seconds")),
    (trait("incme") > 1, [f'{NOBODY} "incme"; did you mean "income"?']),
    (trait("shoe_size") > 1, [f'{NOBODY} "shoe_size"; check its spelling, or its source']),
    (did("Order Complete"), ['"Order Complete" was never received; did you mean "Order Completed"?']),
    (did("order_completed"), ['"order_completed" was never received; did you mean "Order Completed"?']),
    (did("Order Completed").total("total") > 10, other(TOTAL, "a number", "a text", NUMBERS)),
    (did("Order Completed").where(any_item("products", prop("price") > 4, prop("kind") == "hat")), []),
    (did("Message Read"), []),
]


@pytest.mark.parametrize(("predicate", "told"), HINTS, ids=[str(predicate)[:40] for predicate, _ in HINTS])
async def test_why_a_definition_is_true_of_nobody(shop: Shop, predicate: Predicate, told: list[str]) -> None:
    assert await hinted(shop.database, predicate, T0) == told


async def test_where_most_are_of_another_kind_some_are_found_in_silence(shop: Shop) -> None:
    await shop.customer(income="40000")
    [told] = await hinted(shop.database, trait("income") > "30000", T0)
    assert told.startswith(
        'trait "income" is compared as a text, but of 4 values looked at only 1 can be read so, 3 are a number'
    )


async def test_live_segments_of_nobody_and_of_other_kinds_are_concerns(shop: Shop) -> None:
    dear = Segment("dear", trait("income") > "30000")
    await shop.load(dear)
    asked: Any = await concerns(shop.database, [dear], {"dear": 0}, T0, WorryFrom())
    assert [(each.id, each.kind) for each in asked if each.kind in ("empty", "other values")] == [
        ("GOV-03", "empty"),
        ("GOV-05", "other values"),
    ]
    waiting = Segment("waiting", trait("income") > 99_000)
    assert [each.kind for each in await concerns(shop.database, [waiting], {}, T0, WorryFrom()) if each.kind == "empty"] == []
