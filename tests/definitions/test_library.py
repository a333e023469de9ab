"""The ready-made library: nothing of it is active by itself, and everything in it can be named, cut and built upon."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from journeys.catalogue import load
from segments import Segment, did, library, trait
from segments.evaluate import holds
from segments.facts import Event
from segments.library import Rfm, abandoned_cart, high_value, rfm, temperature
from tests.segments.shop import T0

CALLS: dict[str, tuple[Any, ...]] = {
    "app_friction": ("Key Action",),
    "category_buyers": ("shoes",),
    "complete_profiles": ("email", "phone"),
    "customer_type": ("government",),
    "high_value": (500,),
    "lead_score": ({"saw the prices": (20, did("Pricing Viewed"))}, 20),
    "location_buyers": ("Madrid",),
    "only_category_buyers": ("shoes",),
    "product_buyers": ("p-1",),
    "rfm": ([timedelta(days=n) for n in (200, 100, 50, 10)], [1, 2, 3, 5], [Decimal(10), Decimal(50), 100, 500]),
    "topic_affinity": ("Personal finance", "Investment"),
    "vip_at_risk": (high_value(500),),
}
FUNCTIONS = [name for name in library.__all__ if name[0].islower()]


def made(name: str) -> list[Segment]:
    result = getattr(library, name)(*CALLS.get(name, ()))
    groups = result if isinstance(result, Rfm) else (result if isinstance(result, tuple) else (result,),)
    return [segment for group in groups for segment in group]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_gives_segments_that_say_what_they_are_and_survive_json(name: str) -> None:
    segments = made(name)
    assert segments
    for segment in segments:
        assert segment.description
        assert Segment.from_json(segment.to_json()) == segment
        assert str(segment.predicate)


def test_all_of_them_can_live_side_by_side() -> None:
    names = [segment.name for name in FUNCTIONS for segment in made(name)]
    assert len(names) == len(set(names))


def test_none_is_active_until_a_catalogue_keeps_it() -> None:
    known = {segment.name for name in FUNCTIONS for segment in made(name)}
    kept = {
        "abandoned-cart",
        "app-friction",
        "cart-doubts",
        "high-value",
        "night-visitors",
        "technical-friction",
        "vip-at-risk",
    }
    assert known & set(load("definitions").segments) == kept


def test_each_can_be_cut_renamed_and_built_upon() -> None:
    mine = abandoned_cart(over=50, hours=2, name="dear-cart")
    assert (mine.name, mine.version == abandoned_cart().version) == ("dear-cart", False)
    own = temperature("Quote Asked", hot_days=3, warm_days=10, name="b2b")
    assert [segment.name for segment in own] == ["b2b-hot", "b2b-warm", "b2b-cold"]
    assert str(own.hot.predicate) == 'did "Quote Asked" within 4 days'
    narrower = replace(mine, predicate=mine.predicate & (trait("country") == "ES"))
    assert str(narrower.predicate).endswith('and country is "ES"')


def test_a_dear_product_that_was_bought_is_not_left_in_the_cart() -> None:
    """FAULTS F1: add for 60, order, add for 5 within the day."""
    dear = abandoned_cart(over=50, name="dear-cart").predicate
    added, ordered, added_again = (T0 - timedelta(hours=hours) for hours in (3, 2, 1))
    log = [
        Event("Product Added", added, {"price": 60}),
        Event("Order Completed", ordered, {}),
        Event("Product Added", added_again, {"price": 5}),
    ]
    assert holds(dear, {}, log[:1], T0)
    assert not holds(dear, {}, log[:2], T0)
    assert not holds(dear, {}, log, T0)
    assert holds(dear, {}, [*log, Event("Product Added", T0, {"price": 51})], T0)


def test_rfm_needs_its_four_cuts() -> None:
    with pytest.raises(ValueError, match="needs 4 cuts"):
        rfm([timedelta(days=1)], [1], [1])


def test_a_topic_wins_by_its_tie_rule_and_against_every_other() -> None:
    def read(**times: int) -> list[Event]:
        return [Event("Content Read", T0, {"topic": topic}) for topic, count in times.items() for _ in range(count)]

    def winners(ties: Any, events: list[Event]) -> list[str]:
        found = library.topic_affinity("a", "b", "c", ties=ties)
        return [segment.name for segment in found if holds(segment.predicate, {}, events, T0)]

    assert winners("none", read(a=1, b=2, c=1)) == ["reads-b"]
    tied = read(a=1, b=2, c=2)
    assert [winners(ties, tied) for ties in ("none", "first", "all")] == [[], ["reads-b"], ["reads-b", "reads-c"]]
    assert [winners(ties, []) for ties in ("none", "first", "all")] == [[], [], []]
    assert winners("none", [replace(event, ts=T0 - timedelta(days=90)) for event in read(a=1)]) == []


def test_night_visitors_come_mostly_at_night_and_more_than_once_or_twice() -> None:
    night = library.night_visitors(otherwise="Europe/Madrid").predicate
    late, noon = (Event("Session Started", T0 - timedelta(hours=hours)) for hours in (15, 24))
    sessions = [[late, late], [late, late, noon], [late, late, noon, noon]]
    assert [holds(night, {}, each, T0) for each in sessions] == [False, True, False]
    assert not holds(night, {"timezone": "America/New_York"}, [late, late, late], T0)
