"""PRO-11: traits derived from raw lines, against brute force over these: by events, by time alone, by another definition."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from activities.sourcing.deriving import Deriving
from journeys import CatalogueError, DerivedTrait, Segment, Source, Traits, did, prop, trait
from journeys.catalogue import gathered
from store import Database
from tests.segments.shop import T0, Shop

BOUGHT = did("Order Completed")
KIND = DerivedTrait(
    "type_of_purchase",
    {
        "bulk": BOUGHT.where(prop("quantity") >= 10).within(days=30),
        "frequent": BOUGHT.within(days=7).at_least(3),
        "single": BOUGHT.within(days=90),
    },
    otherwise="none",
)
OTHER = DerivedTrait("type_of_purchase", {"wholesale": BOUGHT.where(prop("quantity") >= 50), "retail": BOUGHT.within(days=90)})
BIG = Segment("big", trait("type_of_purchase") == "bulk")
MICRO = timedelta(microseconds=1)


@dataclass
class Hand:
    """A clock in the test's hand."""

    at: datetime

    def now(self) -> datetime:
        return self.at


def brute(lines: Sequence[tuple[datetime, int]], at: datetime) -> str:
    """The same by hand, over the raw lines."""

    def within(days: int) -> list[int]:
        return [quantity for ts, quantity in lines if at - timedelta(days=days) < ts <= at]

    if any(quantity >= 10 for quantity in within(30)):
        return "bulk"
    if len(within(7)) >= 3:
        return "frequent"
    return "single" if within(90) else "none"


async def known(shop: Shop, name: str = "type_of_purchase") -> dict[UUID, Any]:
    rows = await shop.database.pool.fetch("select id, traits -> $1 as value from profile where merged_into is null", name)
    return {row["id"]: row["value"] for row in rows}


async def settle(shop: Shop, deriving: Deriving, clock: Hand, at: datetime) -> None:
    clock.at = at
    await shop.tick(at)
    await deriving.derive()


@pytest.mark.parametrize("seed", range(3))
async def test_pro_11_a_derived_trait_is_what_brute_force_says_at_every_edge(shop: Shop, seed: int) -> None:
    dice, clock = random.Random(seed), Hand(T0)
    deriving = Deriving(shop.database, clock, {KIND.name: KIND})  # type: ignore[arg-type] - a clock by hand
    await shop.load(*KIND.segments)
    await deriving.derive()
    people = [await shop.customer() for _ in range(4)]
    lines: dict[UUID, list[tuple[datetime, int]]] = {who: [] for who in people}
    for who in people:
        await shop.mark(who, ["$identify"], T0)
    at, compared, seen = T0, 0, set[str]()
    for _ in range(80):
        edges = [ts + timedelta(days=days) for told in lines.values() for ts, _ in told for days in (7, 30, 90)]
        ahead = [edge for edge in edges if edge > at]
        if ahead and dice.random() < 0.4:
            edge = min(ahead)
            steps = [edge - MICRO, edge] if edge - MICRO > at else [edge]
        else:
            steps = [at + timedelta(hours=dice.choice((1, 3, 9, 9, 30, 300)))]
            who, quantity = dice.choices(people, (9, 3, 1, 1))[0], dice.choice((1, 1, 1, 2, 1, 1, 12))
            lines[who].append((steps[0], quantity))
            await shop.event(who, "Order Completed", steps[0], {"quantity": quantity})
        for at in steps:
            await settle(shop, deriving, clock, at)
            expected = {who: brute(told, at) for who, told in lines.items()}
            assert await known(shop) == expected
            compared, seen = compared + len(people), seen | set(expected.values())
    assert compared > 300
    assert seen == {"bulk", "frequent", "single", "none"}


async def test_another_definition_is_derived_anew_and_one_that_is_gone_takes_its_values(shop: Shop) -> None:
    clock, (ana, bea) = Hand(T0), [await shop.customer() for _ in range(2)]
    first = Deriving(shop.database, clock, {KIND.name: KIND})  # type: ignore[arg-type] - as above
    await shop.load(*KIND.segments)
    await shop.event(ana, "Order Completed", T0 - timedelta(days=1), {"quantity": 60})
    await shop.event(bea, "Order Completed", T0 - timedelta(days=1), {"quantity": 1})
    await settle(shop, first, clock, T0)
    assert await known(shop) == {ana: "bulk", bea: "single"}
    row = await shop.database.pool.fetchrow("select traits_from from profile where id = $1", ana)
    assert row["traits_from"]["type_of_purchase"]["source"] == f"derived v{KIND.version} by derived-type-of-purchase-1"
    assert OTHER.version != KIND.version
    await shop.load(*OTHER.segments, at=T0 + timedelta(minutes=1))
    await settle(shop, Deriving(shop.database, clock, {OTHER.name: OTHER}), clock, T0 + timedelta(minutes=2))  # type: ignore[arg-type]
    assert await known(shop) == {ana: "wholesale", bea: "retail"}
    await settle(shop, Deriving(shop.database, clock, {}), clock, T0 + timedelta(minutes=3))  # type: ignore[arg-type] - as above
    assert await known(shop) == {ana: None, bea: None}


async def test_a_declared_value_stays_and_segments_ask_the_derived_one_as_any(shop: Shop, database: Database) -> None:
    clock, (ana, bea) = Hand(T0), [await shop.customer() for _ in range(2)]
    deriving = Deriving(database, clock, {KIND.name: KIND})  # type: ignore[arg-type] - as above
    await shop.load(*KIND.segments, BIG)
    await shop.say(ana, T0 - timedelta(days=2), {"type_of_purchase": "by hand"})
    for who in (ana, bea):
        await shop.event(who, "Order Completed", T0 - timedelta(days=1), {"quantity": 60})
    await settle(shop, deriving, clock, T0)
    await shop.tick(T0 + timedelta(seconds=1))
    assert await known(shop) == {ana: "by hand", bea: "bulk"}
    assert await shop.members(BIG) == {bea}
    await settle(shop, deriving, clock, T0 + timedelta(days=31))
    await shop.tick(T0 + timedelta(days=31, seconds=1))
    assert await known(shop) == {ana: "by hand", bea: "single"}
    assert await shop.members(BIG) == set(), "by time alone, twice over"


def test_what_is_declared_by_somebody_else_too_is_refused_when_the_catalogue_is_loaded() -> None:
    module = ModuleType("acme")
    module.__file__ = "acme.py"
    tiers = Source("tiers", connect="CRM_URL", sql="select 1", key="id", traits={"kind": "type_of_purchase"})
    for clash in (Traits("type_of_purchase"), tiers):
        vars(module).update(kind=KIND, clash=clash)
        catalogue, problems = gathered("acme", [module])
        assert [problem.text for problem in problems if "is derived" in problem.text] != []
    vars(module).pop("clash")
    catalogue, problems = gathered("acme", [module])
    assert problems == []
    assert {each.name for each in KIND.segments} <= catalogue.segments.keys()
    assert "type_of_purchase" in catalogue.traits


def test_what_cannot_be_derived_is_refused() -> None:
    for name, cases, fault in (
        ("Kind", {"a": BOUGHT}, "is no name"),
        ("email", {"a": BOUGHT}, "SDKs say email"),
        ("kind", {}, "has 1 to 20 cases"),
        ("kind", {"a": "Order Completed"}, "is no case"),
        ("kind", {"a": trait("kind") == "b"}, "follows from itself"),
        ("kind", {"a": BOUGHT & ~(trait("kind").exists())}, "follows from itself"),
    ):
        with pytest.raises(CatalogueError, match=fault):
            DerivedTrait(name, cases)  # type: ignore[arg-type] - that is the fault
